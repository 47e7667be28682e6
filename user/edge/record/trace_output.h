/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A trace file while it is being written: frame after frame, and at last the index. */
#ifndef TRACE_OUTPUT_H
#define TRACE_OUTPUT_H

#include "core/trace/trace_record.h"

/* Only fd is set at first. It stays open. */
struct trace_output {
	int fd;
	__u64 offset; /* the bytes written */
	struct index_entry *index;
	size_t nr_index;
	__u32 sequence; /* of the last frame */
	__u64 last;     /* the latest time in any frame */
};

/* Each writes a frame: one that is packed already, one that is not, and the index, which is the
 * last. Returns 0 or -errno. After a failed write the file ends with the frame before, if it can be
 * truncated. */
int trace_output__frame(struct trace_output *o, const struct trace_frame *f,
			const struct bytes *packed);
int trace_output__chunk(struct trace_output *o, const struct trace_chunk *c);
int trace_output__end(struct trace_output *o);
/* Frees what it owns. */
void trace_output__clear(struct trace_output *o);

#endif
