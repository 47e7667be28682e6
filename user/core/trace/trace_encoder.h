/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Makes the frames of a trace from the ring's entries and from what user space knows about
 * processes. It uses no clock and no file: it hands the frames over.
 *
 * A GIL's edges may arrive while the kernel only supposes that it is one, and user space is still
 * checking. They are kept until user space reports the process, so a trace never has an edge of a
 * process that it does not know.
 */
#ifndef TRACE_ENCODER_H
#define TRACE_ENCODER_H

#include "core/trace/trace_record.h"

struct trace_encoder;

struct trace_encoder_options {
	/* Keep only waits and holds of at least this length; 0 and 0: all edges. */
	__u64 min_wait_ns;
	__u64 min_hold_ns;
	/* Takes a frame and owns its payload. Returns 0, or -errno, which ends the encoding. */
	int (*put)(void *ctx, struct trace_chunk *chunk);
	void *ctx;
};

/* 0 or -ENOMEM. */
int trace_encoder__new(struct trace_encoder **out, const struct trace_encoder_options *o);
/* Frees the encoder, and drops what has not been flushed. NULL is fine. */
void trace_encoder__free(struct trace_encoder *e);

/* Encodes the first frame. All of these return 0, or -errno: -ENOMEM, or the error of `put`. */
int trace_encoder__header(struct trace_encoder *e, const struct trace_header *h);
/* Encodes an entry of the ring. */
int trace_encoder__entry(struct trace_encoder *e, const void *entry, size_t size);
/* A process is known, or something about it has changed. Its figures and threads are ignored. */
int trace_encoder__process(struct trace_encoder *e, const struct snapshot_process *p, __u64 now);
/* The process has ended; `listed` says that the report has it. */
int trace_encoder__ended(struct trace_encoder *e, const struct snapshot_process *p, bool listed,
			 __u64 now);
/* What the program calls the thread, which has this record. Call it again whenever that may have changed,
 * once its entries so far have been passed in. */
int trace_encoder__named(struct trace_encoder *e, __u32 thread, __u32 tid, const char *name,
			 __u64 now);
/* The exited thread with this record now shares a row with others. All its entries must have been
 * passed in before. */
int trace_encoder__folded(struct trace_encoder *e, __u32 thread, __u64 now);
/* Encodes a sample of the code that has this GIL, of which the key is set. One of a GIL that no known
 * process has is left out. */
int trace_encoder__sample(struct trace_encoder *e, const struct gil_lock *l,
			  const struct blame_sample *s);
int trace_encoder__unobserved(struct trace_encoder *e, const struct snapshot_unobserved *u,
			      __u64 now);
int trace_encoder__status(struct trace_encoder *e, const struct trace_status *s, __u64 now);
/* Encodes the end: what has changed about each process, the present names of its threads, and, if
 * `figures`, the kernel's figures. */
int trace_encoder__finish(struct trace_encoder *e, const struct snapshot *s, bool figures);
/* For a trace whose beginning was not kept: appends to b everything that a reader must know about
 * the processes before it reads the edges from `start` on. Adds the number of records to *count. */
void trace_encoder__preamble(struct trace_encoder *e, struct bytes *b, __u32 *count, __u64 start);

/* Hands over what has been gathered so far. */
int trace_encoder__flush(struct trace_encoder *e);

/* The number of edges encoded so far, and of those for which the kernel's ring had no room. */
__u64 trace_encoder__edges(const struct trace_encoder *e);
__u64 trace_encoder__lost(const struct trace_encoder *e);

#endif
