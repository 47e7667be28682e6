/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * An edge is one observed fact about a thread and a GIL. Everything gilscope reports is derived
 * from edges, by the functions in gil_model.h, and from nothing else.
 */
#ifndef GIL_EDGE_H
#define GIL_EDGE_H

#ifdef __BPF__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

enum gil_edge_kind {
	/* The thread is about to block on the GIL. A wait consists of slices, each at most a switch
	 * interval long, and every slice produces this edge: only the first of a run begins the
	 * wait. */
	GIL_EDGE_WAIT = 1,
	/* The thread has got the GIL. Happens under the GIL's mutex, as do WAIT and RELEASE. */
	GIL_EDGE_ACQUIRE = 2,
	/* The thread lets the GIL go. If it was waiting, it gives up instead, because somebody has
	 * turned the GIL off (free-threaded builds). */
	GIL_EDGE_RELEASE = 3,
	/* The scheduler took the thread off its CPU. With GIL_EDGE_F_RUNNABLE the thread could have
	 * gone on. */
	GIL_EDGE_SWITCH_OUT = 4,
	/* The thread was woken; it is not yet on a CPU. */
	GIL_EDGE_WAKE = 5,
	/* The thread is on a CPU again. */
	GIL_EDGE_SWITCH_IN = 6,
	/* The thread has exited, whatever it was doing. */
	GIL_EDGE_EXIT = 7,
	/* The rest is only seen where waits alone are: gil_waits.h. The thread was woken from its wait,
	 * and is on a CPU: it may have got the GIL. If it has not, a WAIT follows. */
	GIL_EDGE_WOKEN = 8,
	/* It has got the GIL, and its wait ended when it was WOKEN last. With GIL_EDGE_F_UNSEEN, it was not
	 * seen from whom. */
	GIL_EDGE_GOT = 9,
	/* The thread lets the GIL go, and wakes a thread that waits for it. */
	GIL_EDGE_LET_GO = 10,
};

#define GIL_EDGE_F_RUNNABLE  1U /* SWITCH_OUT: preempted, not asleep */
#define GIL_EDGE_F_STOPPED   2U /* SWITCH_OUT: stopped, by a signal, a debugger or a freezer */
#define GIL_EDGE_F_UNSEEN    4U /* RELEASE: see gil_model_release_unseen; WAIT: see trace_filter.h */
#define GIL_EDGE_F_REQUESTED 2U /* RELEASE: the drop request was set, because a waiter had asked */

struct gil_edge {
	__u64 ts; /* ns, CLOCK_MONOTONIC */
	__u32 tid;
	__u16 kind;  /* enum gil_edge_kind */
	__u16 flags; /* GIL_EDGE_F_* */
};

#endif
