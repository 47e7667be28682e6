/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF programs put into the ring of edges while a trace is recorded. Every change that the
 * model makes to a record is in it, so that the same model, run over the ring's content, comes to
 * the same figures.
 *
 * Order. An edge of a GIL is put into the ring under that GIL's mutex, an edge of the scheduler
 * under the scheduler's lock for its thread, and both while the record's sequence count is odd. So
 * the ring has the edges of one GIL, and those of one thread, in their true order, and nothing
 * needs sorting; times of two threads may be out of order by some ns.
 *
 * Names. A thread goes by the index of its record. A THREAD entry comes before the first edge of a
 * record and tells whose it is; a recycled record is told of again.
 *
 * Losses. When the ring is full, the edges of a GIL are counted with its record and left out, until
 * one of its threads can put a LOST entry before its next edge. What is in the ring therefore always
 * says where something is missing.
 */
#ifndef GIL_STREAM_H
#define GIL_STREAM_H

#include "gil_model.h"

enum gil_stream_kind {
	/* up to here, enum gil_edge_kind */
	GIL_STREAM_THREAD = 16, /* struct gil_stream_thread */
	GIL_STREAM_LOST,        /* struct gil_stream_lost */
};

/* An edge, and the beginning of every other entry. */
struct gil_stream_edge {
	__u64 ts;
	__u32 thread; /* index of its record */
	__u8 kind;    /* enum gil_edge_kind or gil_stream_kind */
	__u8 flags;   /* GIL_EDGE_F_* */
	__u16 settled; /* threads that died waiting, of which the GIL's record took note at this edge */
};

/* GIL_EDGE_EXIT. */
struct gil_stream_exit {
	struct gil_stream_edge edge;
	char comm[16];
};

/* A GIL: no two have the same three. */
struct gil_stream_gil {
	__u64 address;
	__u64 start; /* when it began to be watched */
	__u32 pid;
	__u32 pad;
};

struct gil_stream_thread {
	struct gil_stream_edge edge; /* flags: its state (enum gil_thread_state) before its edges */
	struct gil_stream_gil gil;
	__u32 tid;
	__u32 pad;
	char comm[16];
};

struct gil_stream_lost {
	struct gil_stream_edge edge;
	struct gil_stream_gil gil;
	__u64 count;
	__u64 since; /* the first of them */
};

#endif
