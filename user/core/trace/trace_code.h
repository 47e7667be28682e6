/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The codes of edges in a trace. One table, read both ways. */
#ifndef TRACE_CODE_H
#define TRACE_CODE_H

#include "gil_edge.h"

/* The code's name, and the kind and flags of its edge. The order gives the numbers, from 1 on. */
#define TRACE_CODE_TABLE(X)                                                                        \
	X(WAIT, GIL_EDGE_WAIT, 0)                                                                  \
	X(ACQUIRE, GIL_EDGE_ACQUIRE, 0)                                                            \
	X(RELEASE, GIL_EDGE_RELEASE, 0)                                                            \
	X(RELEASE_REQUESTED, GIL_EDGE_RELEASE, GIL_EDGE_F_REQUESTED)                               \
	X(SWITCH_OUT, GIL_EDGE_SWITCH_OUT, 0)                                                      \
	X(PREEMPTED, GIL_EDGE_SWITCH_OUT, GIL_EDGE_F_RUNNABLE)                                     \
	X(WAKE, GIL_EDGE_WAKE, 0)                                                                  \
	X(SWITCH_IN, GIL_EDGE_SWITCH_IN, 0)                                                        \
	X(EXIT, GIL_EDGE_EXIT, 0)                                                                  \
	/* ends a hold whose beginning was not seen (Python 2) */                                  \
	X(RELEASE_UNSEEN, GIL_EDGE_RELEASE, GIL_EDGE_F_UNSEEN)                                     \
	/* the hold is not in the trace, because it was short */                                   \
	X(ACQUIRE_ONLY, GIL_EDGE_ACQUIRE, TRACE_EDGE_F_ONLY)                                       \
	/* the beginning of the wait was not seen */                                               \
	X(WAIT_UNSEEN, GIL_EDGE_WAIT, GIL_EDGE_F_UNSEEN)                                           \
	X(STOPPED, GIL_EDGE_SWITCH_OUT, GIL_EDGE_F_STOPPED)

/* Besides GIL_EDGE_F_*, in a trace only. */
#define TRACE_EDGE_F_ONLY 8U

#define TRACE_CODE_NUMBER(name, kind, flags) TRACE_CODE_##name,
enum trace_code {
	TRACE_CODE_NONE,
	TRACE_CODE_TABLE(TRACE_CODE_NUMBER) TRACE_CODES,
};

struct trace_code_edge {
	__u8 kind;  /* enum gil_edge_kind; 0: not a code */
	__u8 flags; /* GIL_EDGE_F_*, TRACE_EDGE_F_ONLY */
};

#define TRACE_EDGE_KINDS (GIL_EDGE_EXIT + 1)
#define TRACE_EDGE_FLAGS 16
/* The edge of each code that fits into four bits, and the code of each edge. */
extern const struct trace_code_edge trace_edge_of[16];
extern const __u8 trace_code_of[TRACE_EDGE_KINDS][TRACE_EDGE_FLAGS];

#endif
