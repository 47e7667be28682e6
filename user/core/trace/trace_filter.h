/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps only a thread's long waits and holds. Edges of a wait or hold that is still short are held
 * back. As soon as it is long enough, they and all that follow in it pass; if it ends before, they
 * are dropped. What passes can be read on its own, because it begins with the WAIT or the ACQUIRE
 * that began the wait or hold. GIL_EDGE_F_UNSEEN on that WAIT means that the thread may have been
 * waiting before.
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

/* The filter of one thread. Initialize with {.state = the thread's state before its first edge}. */
struct trace_filter {
	__u8 state;        /* enum gil_thread_state, as in the model */
	bool passing;      /* the current wait or hold is long enough */
	bool owes_acquire; /* its wait has passed, but not yet the acquisition: a hold may follow */
	__u64 since;
	struct gil_edge *held; /* owned */
	size_t nr, room;
};

/* Receives what passes. `only`: an acquisition whose hold is not kept. 0 or -errno. */
typedef int trace_filter_put(void *ctx, const struct gil_edge *e, bool only);

/* 0 or -errno: -ENOMEM, or the error of `put`. */
int trace_filter__edge(struct trace_filter *f, const struct trace_filter_limits *limits,
		       const struct gil_edge *e, trace_filter_put *put, void *ctx);
/* Nothing more may come from the thread. Lets through what has become long by ts, and the end of a
 * wait that has passed. Further edges are still allowed. 0 or the error of `put`. */
int trace_filter__so_far(struct trace_filter *f, const struct trace_filter_limits *limits, __u64 ts,
			 trace_filter_put *put, void *ctx);
/* Edges are missing from `since` on. Does the same, and does not take what comes next for a
 * continuation of what was before. */
int trace_filter__lost(struct trace_filter *f, const struct trace_filter_limits *limits,
		       __u64 since, trace_filter_put *put, void *ctx);
void trace_filter__free(struct trace_filter *f);

#endif
