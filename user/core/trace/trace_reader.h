/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads a trace from a file or a pipe, once, from its beginning to its end, and delivers what is in
 * it in order. Whatever the bytes are, it keeps to what it has allocated at the start (two payloads),
 * never reads a frame whose checksum is wrong, and goes on behind it.
 */
#ifndef TRACE_READER_H
#define TRACE_READER_H

#include <stdio.h>

#include "core/base/failure.h"
#include "core/trace/trace_record.h"

struct trace_reader;

enum trace_item_kind {
	TRACE_ITEM_END = 0, /* there is no more */
	TRACE_ITEM_EDGE,
	TRACE_ITEM_CHUNK, /* a frame of edges begins: slots are counted from 0 again */
	TRACE_ITEM_RECORD,
	TRACE_ITEM_GAP, /* frames are missing; `ts` is the last time before them */
};

struct trace_item {
	enum trace_item_kind kind;
	enum trace_code code; /* EDGE */
	__u32 slot;           /* EDGE: of its thread */
	__u64 ts;             /* of a CHUNK: its first */
	struct trace_record record;
};

/* What can be said of the file so far. */
struct trace_condition {
	bool ended;         /* the end has been reached */
	bool whole;         /* and it was the end that the writer had written */
	__u64 edges;        /* read so far */
	__u64 damaged;      /* places where bytes were no frame, or a damaged one */
	__u64 missing;      /* frames that are missing or were damaged */
	__u64 first_damage; /* offset in the file of the first such place */
};

/* Takes over `in`, a stream at its first byte; `name` is for messages. 0, or -errno with f filled:
 * -EINVAL if it is no trace, -ENOTSUP if it is of a newer version. */
int trace_reader__open(struct trace_reader **out, FILE *in, const char *name, struct failure *f);
/* Closes the stream too. NULL is fine. */
void trace_reader__free(struct trace_reader *r);

const struct trace_header *trace_reader__header(const struct trace_reader *r);
const struct trace_condition *trace_reader__condition(const struct trace_reader *r);
/* Frames of edges that end before ts are passed over from here on, unread; what the records say of
 * processes and threads is still delivered. */
void trace_reader__skip_until(struct trace_reader *r, __u64 ts);
/* When the last edge was, from the file's index. 0: not known, as the file is a pipe or was cut. */
__u64 trace_reader__last_ns(struct trace_reader *r);

/* The next item. 0, or -errno with f filled: the file cannot be read. */
int trace_reader__next(struct trace_reader *r, struct trace_item *item, struct failure *f);

#endif
