/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of an export to Perfetto. Used only by export_perfetto.c, which follows the replay and
 * draws the handoffs, timeline_thread.c and timeline_gil.c. All functions return 0 or -errno. */
#ifndef TIMELINE_H
#define TIMELINE_H

#include "core/export/perfetto.h"
#include "core/replay/replay.h"

/* A track's number consists of its kind, and the number of its subject. */
enum track_of {
	OF_PROCESS = 1,
	OF_THREAD,
	OF_INTERVALS,
	OF_HANDOFFS,
	OF_OWNER,
	OF_WAITERS,
	OF_HELD,
};

struct thread_tracks {
	const struct replay_gil *gil;
	__u64 last_ts; /* time does not go back on a track */
	__u64 since;   /* with min_ns: when the wait or hold began that is under way, in `kind` */
	enum perfetto_name kind;
	bool open; /* two slices are open: the wait or hold, and within it where the thread is */
	bool handoffs;          /* the track of handoffs has been described */
	struct hold_code *code; /* of the hold under way; owned; NULL: no samples so far */
	struct format name;     /* the name under which the thread was described */
};

struct gil_tracks {
	__u64 last_ts;
	__u64 since;                       /* with min_ns: when the owner's hold began */
	bool owned;                        /* a slice for the owner is open */
	const struct replay_thread *owner; /* the last one; NULL: unknown, or forgotten */
	__u32 waiters;
	bool held;
	__u64 window;          /* number of the window that is being added up */
	__u64 held_ns;         /* time held in it, up to last_ts */
	__s64 percent;         /* the last value written; -1: none yet */
	struct format process; /* the name under which the process was described */
};

struct timeline {
	struct perfetto p;
	struct replay *replay;
	__u64 min_ns; /* shorter waits and holds are left out, and what is within the others; 0: none */
	bool whole; /* the replay reports all edges, not only some threads' or intervals' */
	__u64 flows;
	/* Used while iterating over all threads or GILs: */
	int err;
	__u64 ts;
	const struct replay_gil *gil; /* only this GIL's; NULL: all */
};

static inline __u64 track_id(enum track_of what, __u64 number)
{
	return (__u64)what << 56 | number;
}

/* A thread's own track is shared by all of its GILs. */
static inline __u64 thread_id(const struct replay_gil *g, const struct gil_thread *t)
{
	return track_id(OF_THREAD, (__u64)(__u32)g->process->pid << 24 ^ t->tid);
}

static inline __u64 process_id(const struct replay_gil *g)
{
	return track_id(OF_PROCESS, (__u32)g->process->pid);
}

/* Time does not go back on a track: moves *last to ts, if that is later, and returns it. */
static inline __u64 forward(__u64 *last, __u64 ts)
{
	if (ts > *last)
		*last = ts;
	return *last;
}

/* Describes the thread's own track, by its present name; the same with the track of its intervals,
 * which it then follows. */
int timeline__tell_thread(struct timeline *x, const struct replay_gil *g,
			  const struct replay_thread *t);
int timeline__new_thread(struct timeline *x, const struct replay_gil *g, struct replay_thread *t);
/* Draws what an edge changes for its thread. `flow`: the arrow that ends at the hold; 0: none. */
int timeline__follow_thread(struct timeline *x, const struct replay_step *s, __u64 flow);
/* Ends the slices that are open, if any, with this mark; NULL: without one. */
int timeline__end_interval(struct timeline *x, const struct replay_thread *t, const char *mark);

/* Notes a sample for the hold that it is in, if that is still under way. */
int timeline__sample(struct timeline *x, const struct replay_gil *g, const struct blame_sample *s);
/* Puts what is noted, if anything, into the end of the hold's slice, and begins anew. */
void timeline__take_code(struct thread_tracks *tt, struct perfetto_event *e);

/* Describes the process, by its present name. */
int timeline__tell_process(struct timeline *x, const struct replay_gil *g);
/* Describes the GIL's tracks, which it then follows. */
int timeline__new_gil(struct timeline *x, struct replay_gil *g);
/* Draws what an edge changes for its GIL. */
int timeline__follow_gil(struct timeline *x, const struct replay_step *s);
int timeline__end_owner(struct timeline *x, const struct replay_gil *g, const char *mark);
/* Closes everything at ts, where the trace or what is known about the GIL ends. */
int timeline__close_gil(struct timeline *x, const struct replay_gil *g, __u64 ts);

#endif
