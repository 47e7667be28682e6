/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who had the GIL when, and who waited for it: a replay, edge by edge, in bounded space. The time is
 * divided into a fixed number of columns, which become twice as wide when they are used up; for each
 * thread and column, the time that it held and waited is exact. The longest holds and waits are kept one
 * by one as well, so that a short recording is all there, and of a long one what matters.
 */
#ifndef CHART_H
#define CHART_H

#include "core/replay/replay.h"

#define CHART_COLUMNS 2048
/* So many threads have a lane of their own. Of more, those share one that have ended with least time or,
 * if none has ended, that came last. */
#define CHART_LANES 1024
/* So many GILs are followed: the first ones. */
#define CHART_GILS 256
/* So many holds, and as many waits, are kept one by one, and so many times without edges. Many GILs have
 * fewer each. */
#define CHART_INTERVALS 6000
#define CHART_GAPS      200

enum chart_kind { CHART_HOLD, CHART_WAIT, CHART_KINDS };

struct chart_lane {
	__u32 tid;              /* 0: threads that share a lane */
	struct format name;     /* as last known */
	__u32 threads;          /* how many share it */
	__u64 sum[CHART_KINDS]; /* ns */
	__u64 *ns[CHART_KINDS]; /* by column; owned */
	bool ended;             /* private: its thread has */
};

struct chart_interval {
	__u64 start, ns;
	struct chart_lane *lane;
	__u32 from; /* of a hold that began with a handoff: the tid of the holder before; else 0 */
};

/* The longest intervals. */
struct chart_intervals {
	struct chart_interval *list; /* owned */
	size_t nr, room;
	__u64 least_ns; /* all from this length on are in the list */
};

struct chart_gap {
	__u64 from, to;
};

struct chart_gil {
	pid_t pid;
	__u64 address, start;
	struct chart_lane **lanes; /* owned */
	size_t nr;
	struct chart_lane *rest; /* NULL: each thread has a lane of its own */
	__u64 handoffs[CHART_COLUMNS];
	struct chart_intervals intervals[CHART_KINDS];
	struct chart_gap gaps[CHART_GAPS];
	size_t nr_gaps;
	__u64 gap_since; /* private; 0: edges are seen */
};

struct chart {
	__u64 start, end; /* ns of CLOCK_MONOTONIC */
	__u64 width;      /* of a column, in ns */
	bool whole;       /* nothing was left out: neither threads, nor short holds and waits */
	struct chart_gil **gils;
	size_t nr;
	/* private */
	struct replay *replay;
	struct replay_follower follower;
	size_t nr_lanes;
	int err;
	struct chart_gil ignored; /* follows the GILs that are too many */
};

/* An empty chart; NULL if memory ran out. */
struct chart *chart__new(void);
void chart__free(struct chart *c);

/* From now on the replay is drawn, whose beginning has been chosen. Call it before replay__run. */
void chart__follow(struct chart *c, struct replay *r);
/* Draws what is open up to the time reached, and leaves the replay alone from now on. Returns 0 or
 * -ENOMEM. */
int chart__finish(struct chart *c);

/* Keeps at most so many intervals, the longest ones. */
void chart_intervals__limit(struct chart_intervals *x, size_t most);

/* The part of a GIL, or NULL. */
struct chart_gil *chart__gil(const struct chart *c, pid_t pid, const struct snapshot_gil *g);

#endif
