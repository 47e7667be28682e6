/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Replays a recorded trace through the model that ran in the kernel: from the trace's edges to the
 * snapshot that the live run would have produced at that time.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdio.h>

#include "core/base/failure.h"
#include "core/figures/snapshot.h"
#include "core/trace/trace_reader.h"

struct replay;

/* Opens a trace; "-" is standard input. 0, or -errno with f filled. */
int replay__open(struct replay **out, const char *path, struct failure *f);
/* The same for a stream, of which it takes ownership. `name` is for messages and must stay
 * valid. */
int replay__open_stream(struct replay **out, FILE *in, const char *name, struct failure *f);
/* Frees the replay. NULL is fine. */
void replay__free(struct replay *r);

/*
 * Applies all edges up to until_ns. The times of different threads may be out of order by some ns,
 * so an edge or two of the next moment may be among them. Returns 1 if more edges follow, 0 at the
 * end of the trace, or -errno with f filled. A truncated trace ends where it can no longer be read;
 * a damaged one continues after the damage. The snapshot's note says so.
 */
int replay__run(struct replay *r, __u64 until_ns, struct failure *f);

/*
 * Says whether a snapshot can be taken of what has been replayed from `path`. It cannot if the
 * trace has only long waits and holds, and the kernel's figures are missing, or do not cover the
 * requested part, or its end has not been reached. 0, or -EINVAL with f filled.
 */
int replay__need_figures(const struct replay *r, const char *path, struct failure *f);
/* Everything known at the time reached. The caller frees it. NULL if there is no memory. */
struct snapshot *replay__snapshot(const struct replay *r);
/* The time at which figures begin, and the time reached, in ns of CLOCK_MONOTONIC. */
__u64 replay__start(const struct replay *r);
__u64 replay__now(const struct replay *r);
/* When the trace ends; 0 if unknown, because it is a pipe or truncated. */
__u64 replay__end(const struct replay *r);

const struct trace_header *replay__header(const struct replay *r);
/* True if the trace has only the long waits and holds (--min-wait, --min-hold). */
bool replay__is_filtered(const struct replay *r);
const struct trace_condition *replay__condition(const struct replay *r);
/* The figures that the kernel kept for the whole trace, once its end has been reached. Owned by r.
 * NULL if the trace does not have them. */
const struct snapshot *replay__kernel_figures(const struct replay *r);

/*
 * Restricts the replay to this process or thread; 0 means all. If only one thread of a GIL is
 * wanted, counts and distributions are that thread's, while the shares of time are the GIL's. Call
 * it before the first replay__run.
 */
void replay__only(struct replay *r, pid_t pid, pid_t tid);
/* 0, or -ENOENT with f filled if that process or thread is not in what has been read of `path`. */
int replay__need_found(const struct replay *r, const char *path, struct failure *f);
/* Turns off skipping, which makes replay__begin slower. Call it before replay__begin. */
void replay__read_all(struct replay *r);
/* True if only what was skipped may tell, for some GIL, whether it was held. */
bool replay__has_skipped(struct replay *r);
/*
 * Starts counting at from_ns, as if the observation began then: the beginning of what was under way
 * counts as not seen. Returns 1, 0 or -errno like replay__run. Call it before replay__run.
 */
int replay__begin(struct replay *r, __u64 from_ns, struct failure *f);
/* Limits the memory for processes, threads and their handoffs (default: 1 GiB). Beyond the limit,
 * replay__run fails with -ENOMEM. */
void replay__limit_memory(struct replay *r, size_t bytes);

/* ---- what happens, edge by edge ---- */

/* A thread, or a GIL, as presented to followers. */
struct replay_thread {
	__u64 number;        /* unique within the trace */
	struct gil_thread t; /* after the edge */
	void *follower;      /* for the follower's use, which frees it in thread_gone */
};

struct replay_gil {
	__u64 number;
	const struct snapshot_process *process;
	struct snapshot_gil g; /* `lock` and the fields besides it; the lists are empty */
	void *follower;
};

/* One edge, and what the model did with it. */
struct replay_step {
	struct replay_gil *gil;
	struct replay_thread *thread;
	struct gil_edge edge;
	/* The thread before the edge. `part` and `ns` describe the wait or hold that the edge
	 * ends. */
	__u8 state;
	__u8 cpu;
	bool partial;
	bool ends_wait;
	bool ends_hold; /* and the beginning of that hold was seen */
	__u64 since;
	__u64 ns;
	__u64 part[GIL_PARTS];
	struct gil_handoff handoff; /* count 1: the acquisition completes one, after gap_ns */
	__u64 gap_ns;
};

struct replay_follower {
	/* Called for each edge. Returns 0, or -errno, which replay__run returns without filling
	 * f. */
	int (*step)(void *ctx, const struct replay_step *s);
	/* Called for each sample; its texts are valid until the call returns. Samples come up to a
	 * tenth of a second after the edges around them, so `ts` of the sample says where it
	 * belongs. NULL: they are not wanted. */
	int (*sample)(void *ctx, struct replay_gil *gil, const struct blame_sample *s);
	/* Edges of the GIL are missing from ts on; everything under way is unknown. */
	int (*gap)(void *ctx, struct replay_gil *gil, __u64 ts);
	/* The thread, or the GIL, is being forgotten, or the replay freed. */
	void (*thread_gone)(void *ctx, struct replay_thread *t);
	void (*gil_gone)(void *ctx, struct replay_gil *g);
};

/* Reports each edge to the follower. Both arguments must stay valid. Call it before replay__run. */
void replay__follow(struct replay *r, const struct replay_follower *follower, void *ctx);
/* True if followers get every edge, not only one thread's, or those of long waits and holds. */
bool replay__is_whole(const struct replay *r);
/* Calls gil() for every GIL, and thread() for each of its threads known at this time. */
void replay__each(struct replay *r, void (*gil)(void *ctx, struct replay_gil *g),
		  void (*thread)(void *ctx, struct replay_gil *g, struct replay_thread *t),
		  void *ctx);

#endif
