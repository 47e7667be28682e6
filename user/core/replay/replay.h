/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A recorded trace, gone through by the same model that ran in the kernel: from its edges to the
 * snapshot that the live run would have given at that time.
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
/* The same from a stream, which it takes over; `name` is for messages and must stay. */
int replay__open_stream(struct replay **out, FILE *in, const char *name, struct failure *f);
/* NULL is fine. */
void replay__free(struct replay *r);

/*
 * Applies all edges up to that time; times of different threads may be out of order by some ns, so an
 * edge or two of the next moment may be among them. 1: more to come, 0: the end of the trace, -errno
 * with f filled. A trace that is cut off, or damaged, ends where it can no longer be read, or goes on
 * behind the damage: the snapshot's note says so.
 */
int replay__run(struct replay *r, __u64 until_ns, struct failure *f);

/*
 * 0, or -EINVAL with f filled, where no snapshot should be taken of what has been replayed of `path`:
 * figures cannot be made of long waits and holds alone, and those that the kernel kept of all are
 * not in the trace, or not of the part that was asked for, or its end has not been reached.
 */
int replay__need_figures(const struct replay *r, const char *path, struct failure *f);
/* All that is known at the last time reached; the caller frees it. NULL: no memory. */
struct snapshot *replay__snapshot(const struct replay *r);
/* The time it was asked for, the time reached, ns of CLOCK_MONOTONIC. */
__u64 replay__start(const struct replay *r);
__u64 replay__now(const struct replay *r);
/* When the trace ends, or 0: a pipe, or cut off. */
__u64 replay__end(const struct replay *r);

const struct trace_header *replay__header(const struct replay *r);
/* True if it has only the long waits and holds (--min-wait, --min-hold). */
bool replay__is_filtered(const struct replay *r);
const struct trace_condition *replay__condition(const struct replay *r);
/* The figures that the kernel kept, for all of the trace and once its end has been reached; owned by
 * r. NULL: they are not in it. */
const struct snapshot *replay__kernel_figures(const struct replay *r);

/*
 * Only this process, or thread. Of a GIL of which one thread is asked for, counts and distributions
 * are that thread's, while the shares of time are the GIL's. 0: all. Call it before the first
 * replay__run.
 */
void replay__only(struct replay *r, pid_t pid, pid_t tid);
/* 0, or -ENOENT with f filled: it is not in what has been read of `path`. */
int replay__need_found(const struct replay *r, const char *path, struct failure *f);
/* Before replay__begin: nothing is skipped, though it would be faster. */
void replay__read_all(struct replay *r);
/* True if there is a GIL of which only what was skipped may tell whether it was held. */
bool replay__has_skipped(struct replay *r);
/*
 * Begins to count at from_ns, as if the observation had: what was under way then has a beginning
 * that was not seen. 1, 0, -errno as replay__run. Call it first.
 */
int replay__begin(struct replay *r, __u64 from_ns, struct failure *f);
/* At most so much memory for processes, threads and their handoffs (1 GiB); then replay__run fails
 * with -ENOMEM. */
void replay__limit_memory(struct replay *r, size_t bytes);

/* ---- what happens, edge by edge ---- */

/* A thread, or a GIL, as those who follow the replay know it. */
struct replay_thread {
	__u64 number;        /* counts them, over the whole trace */
	struct gil_thread t; /* after the edge */
	void *follower;      /* theirs; freed by them in `gone` */
};

struct replay_gil {
	__u64 number;
	const struct snapshot_process *process;
	struct snapshot_gil g; /* `lock` and what is beside it; no lists */
	void *follower;
};

/* One edge, and what the model made of it. */
struct replay_step {
	struct replay_gil *gil;
	struct replay_thread *thread;
	struct gil_edge edge;
	/* The thread before the edge; `part` and `ns` are of the wait or hold that the edge ends. */
	__u8 state;
	__u8 cpu;
	bool partial;
	bool ends_wait;
	bool ends_hold; /* of which the beginning was seen */
	__u64 since;
	__u64 ns;
	__u64 part[GIL_PARTS];
	struct gil_handoff handoff; /* count 1: the acquisition is one, after `gap_ns` */
	__u64 gap_ns;
};

struct replay_follower {
	/* 0, or -errno, which replay__run then returns with f not filled. */
	int (*step)(void *ctx, const struct replay_step *s);
	/* Edges of the GIL are missing from ts on; all that was under way is unknown. */
	int (*gap)(void *ctx, struct replay_gil *gil, __u64 ts);
	/* It is forgotten, or the replay is freed. */
	void (*thread_gone)(void *ctx, struct replay_thread *t);
	void (*gil_gone)(void *ctx, struct replay_gil *g);
};

/* Has each edge told to the follower; both must stay. Call it before the first replay__run. */
void replay__follow(struct replay *r, const struct replay_follower *follower, void *ctx);
/* True if followers are told of every edge: not of one thread only, nor of long waits and holds. */
bool replay__is_whole(const struct replay *r);
/* Calls each for every GIL, and for each of its threads that is known at this time. */
void replay__each(struct replay *r, void (*gil)(void *ctx, struct replay_gil *g),
		  void (*thread)(void *ctx, struct replay_gil *g, struct replay_thread *t),
		  void *ctx);

#endif
