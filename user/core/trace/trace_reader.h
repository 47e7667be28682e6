/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads a trace from a file or a pipe once, from beginning to end, and delivers its content in
 * order. Whatever the bytes are, it needs no more than two payloads of memory, never uses a frame
 * with a wrong checksum, and continues after it.
 */
#ifndef TRACE_READER_H
#define TRACE_READER_H

#include <stdio.h>

#include "core/base/failure.h"
#include "core/trace/trace_record.h"

struct trace_reader;

enum trace_item_kind {
	TRACE_ITEM_END = 0, /* the trace is over */
	TRACE_ITEM_EDGE,
	TRACE_ITEM_CHUNK, /* a frame of edges begins, and slots start again from 0 */
	TRACE_ITEM_RECORD,
	TRACE_ITEM_GAP, /* frames are missing; `ts` is the last time before them */
};

struct trace_item {
	enum trace_item_kind kind;
	enum trace_code code; /* EDGE */
	__u32 slot;           /* EDGE: the slot of its thread */
	__u64 ts;             /* for a CHUNK, the time of its first edge */
	struct trace_record record;
};

/* What is known about the file's condition so far. */
struct trace_condition {
	bool ended;         /* the end has been reached */
	bool whole;         /* the end has been reached, and the writer had completed it */
	__u64 edges;        /* read so far */
	__u64 damaged;      /* places where the bytes were not a frame, or a damaged one */
	__u64 missing;      /* frames that were missing or damaged */
	__u64 first_damage; /* offset in the file of the first such place */
};

/* Takes ownership of `in`, a stream at its first byte. `name` is for messages. 0, or -errno with f
 * filled: -EINVAL if it is not a trace, -ENOTSUP if its version is newer. */
int trace_reader__open(struct trace_reader **out, FILE *in, const char *name, struct failure *f);
/* Closes the stream too. NULL is fine. */
void trace_reader__free(struct trace_reader *r);

const struct trace_header *trace_reader__header(const struct trace_reader *r);
const struct trace_condition *trace_reader__condition(const struct trace_reader *r);
/* From here on, skips frames of edges that end before ts without reading them. Records about
 * processes and threads are still delivered. */
void trace_reader__skip_until(struct trace_reader *r, __u64 ts);
/* The time of the last edge, from the file's index. 0 if unknown: for a pipe, or a truncated
 * file. */
__u64 trace_reader__last_ns(struct trace_reader *r);

/* Delivers the next item. 0, or -errno with f filled if the file cannot be read. */
int trace_reader__next(struct trace_reader *r, struct trace_item *item, struct failure *f);

#endif
