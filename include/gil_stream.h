/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF programs write into the ring of edges while a trace is recorded. The ring has every
 * change that the model makes to a record, so the same model, run over the ring's content, arrives
 * at the same figures.
 *
 * Order. An edge of a GIL is written under that GIL's mutex, an edge of the scheduler under the
 * scheduler's lock for its thread, and both while the record's sequence count is odd. The edges of
 * one GIL, and those of one thread, are therefore in their true order, and nothing needs sorting.
 * Only the times of two threads may be out of order, by some ns.
 *
 * Names. A thread is identified by the index of its record. A THREAD entry precedes the first edge
 * of a record and says whose it is. A recycled record gets a new THREAD entry.
 *
 * Losses. When the ring is full, a GIL's edges are dropped and counted in its record, until one of
 * its threads can write a LOST entry before its next edge. The ring's content therefore always says
 * where something is missing.
 */
#ifndef GIL_STREAM_H
#define GIL_STREAM_H

#include "gil_model.h"

enum gil_stream_kind {
	/* The smaller values are those of enum gil_edge_kind. */
	GIL_STREAM_THREAD = 16, /* struct gil_stream_thread */
	GIL_STREAM_LOST,        /* struct gil_stream_lost */
};

/* An edge. Every other entry begins with one, too. */
struct gil_stream_edge {
	__u64 ts;
	__u32 thread;  /* index of its record */
	__u8 kind;     /* enum gil_edge_kind or gil_stream_kind */
	__u8 flags;    /* GIL_EDGE_F_* */
	__u16 settled; /* threads that died waiting, taken off the waiters at this edge */
};

/* GIL_EDGE_EXIT. */
struct gil_stream_exit {
	struct gil_stream_edge edge;
	char comm[16];
};

/* The key of a GIL: no two GILs have all three fields in common. */
struct gil_stream_gil {
	__u64 address;
	__u64 start; /* when its observation began */
	__u32 pid;
	__u32 pad;
};

struct gil_stream_thread {
	struct gil_stream_edge
		edge; /* flags: its state (enum gil_thread_state) before its first edge */
	struct gil_stream_gil gil;
	__u32 tid;
	__u32 cpu; /* if it was found to have the GIL: enum gil_part, GIL_FOUND_STOPPED */
	char comm[16];
};

struct gil_stream_lost {
	struct gil_stream_edge edge;
	struct gil_stream_gil gil;
	__u64 count;
	__u64 since; /* when the first of them happened */
};

#endif
