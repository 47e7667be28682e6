/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps only a thread's long waits and holds. The edges of one that is still short are held back;
 * when it has become long enough they are let through and so is all that follows in it, and when it
 * ends before that they are dropped. What is let through can be read without what came before: it
 * begins with the WAIT or the ACQUIRE that began it. GIL_EDGE_F_UNSEEN there: the thread may have
 * waited before.
 */
#ifndef TRACE_FILTER_H
#define TRACE_FILTER_H

#include <stdbool.h>
#include <stddef.h>

#include "gil_edge.h"

struct trace_filter_limits {
	__u64 min_wait_ns; /* 0: no wait is kept */
	__u64 min_hold_ns; /* 0: no hold is kept */
};

/* A thread's; {.state = what it was before its first edge} at its beginning. */
struct trace_filter {
	__u8 state;        /* enum gil_thread_state, as the model has it */
	bool passing;      /* the current wait or hold is long enough */
	bool owes_acquire; /* its wait was let through, but for the acquisition: does a hold follow? */
	__u64 since;
	struct gil_edge *held; /* owned */
	size_t nr, room;
};

/* What is let through; `only`: an acquisition of which the hold is not kept. 0 or -errno. */
typedef int trace_filter_put(void *ctx, const struct gil_edge *e, bool only);

/* 0 or -errno: no memory, or put's. */
int trace_filter__edge(struct trace_filter *f, const struct trace_filter_limits *limits,
		       const struct gil_edge *e, trace_filter_put *put, void *ctx);
/* Nothing more may be told of the thread: lets through what has become long by ts, and the end of a
 * wait that was let through. Edges may follow all the same. 0 or put's. */
int trace_filter__so_far(struct trace_filter *f, const struct trace_filter_limits *limits, __u64 ts,
			 trace_filter_put *put, void *ctx);
/* Edges are missing from `since` on: the same, and what comes next is not taken for the rest of what
 * was before. */
int trace_filter__lost(struct trace_filter *f, const struct trace_filter_limits *limits,
		       __u64 since, trace_filter_put *put, void *ctx);
void trace_filter__free(struct trace_filter *f);

#endif
