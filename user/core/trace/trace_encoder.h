/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the ring's entries, and what user space knows of processes, to the frames of a trace. No
 * clock, no file: it makes frames and hands them over.
 *
 * A GIL's edges may arrive before it is known whether it is one: the kernel has supposed it, and
 * user space still looks. They are kept until the process is told of, and so a trace has no edge of
 * a process that it does not know.
 */
#ifndef TRACE_ENCODER_H
#define TRACE_ENCODER_H

#include "core/trace/trace_record.h"

struct trace_encoder;

struct trace_encoder_options {
	/* Keep only longer waits and holds; 0 and 0: all edges. */
	__u64 min_wait_ns;
	__u64 min_hold_ns;
	/* Takes a frame; the payload is its to free. 0 or -errno, which ends the encoding. */
	int (*put)(void *ctx, struct trace_chunk *chunk);
	void *ctx;
};

/* 0 or -ENOMEM. */
int trace_encoder__new(struct trace_encoder **out, const struct trace_encoder_options *o);
/* NULL is fine. What has not been flushed is dropped. */
void trace_encoder__free(struct trace_encoder *e);

/* The first frame. In all of these: 0, or -errno: no memory, or put's error. */
int trace_encoder__header(struct trace_encoder *e, const struct trace_header *h);
/* An entry of the ring. */
int trace_encoder__entry(struct trace_encoder *e, const void *entry, size_t size);
/* A process is known, or something of it has changed: its figures and threads do not matter. */
int trace_encoder__process(struct trace_encoder *e, const struct snapshot_process *p, __u64 now);
/* It has ended; `listed`: and is in the report. */
int trace_encoder__ended(struct trace_encoder *e, const struct snapshot_process *p, bool listed,
			 __u64 now);
/* The row of the exited thread with this record is folded into a shared one. All its entries have
 * been given. */
int trace_encoder__folded(struct trace_encoder *e, __u32 thread, __u64 now);
int trace_encoder__unobserved(struct trace_encoder *e, const struct snapshot_unobserved *u,
			      __u64 now);
int trace_encoder__status(struct trace_encoder *e, const struct trace_status *s, __u64 now);
/* The end: what has changed of each process, its threads' present names, and, if wanted, the
 * kernel's figures. */
int trace_encoder__finish(struct trace_encoder *e, const struct snapshot *s, bool figures);
/* For a trace of which the beginning is not kept: all that a reader has to know of the processes
 * before it reads the edges from `start` on. Appended to b, `count` records. */
void trace_encoder__preamble(struct trace_encoder *e, struct bytes *b, __u32 *count, __u64 start);

/* Hands over what has been gathered. */
int trace_encoder__flush(struct trace_encoder *e);

/* Edges encoded so far, and those the kernel could not put into the ring. */
__u64 trace_encoder__edges(const struct trace_encoder *e);
__u64 trace_encoder__lost(const struct trace_encoder *e);

#endif
