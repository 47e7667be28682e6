/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A trace in memory. Tests put the ring's entries in, like the kernel, and get a replay out. */
#ifndef FIXTURES_TAPE_H
#define FIXTURES_TAPE_H

#include "core/replay/replay.h"
#include "core/trace/trace_encoder.h"

#define TAPE_ADDRESS 0x7f0000001000ULL

struct tape {
	struct trace_encoder *encoder;
	struct bytes file;
	__u64 start;
	__u32 sequence;     /* the last frame's number */
	size_t chunk_edges; /* flush after this many edges; 0: when a frame is full */
	size_t since_flush;
	struct snapshot_gil gil;
	struct snapshot_process process;
};

/* A trace of one process with one GIL, whose edges count from `start` on. `told`: it begins with
 * the process; otherwise tape__tell must follow. */
void tape__begin(struct tape *t, pid_t pid, __u64 start, bool told,
		 const struct trace_encoder_options *o);
void tape__tell(struct tape *t, __u64 now);
void tape__thread(struct tape *t, __u32 record, __u32 tid, __u8 state, __u64 ts);
void tape__edge(struct tape *t, __u32 record, enum gil_edge_kind kind, __u8 flags, __u16 settled,
		__u64 ts);
void tape__lost(struct tape *t, __u64 count, __u64 since, __u64 ts);
/* Ends the tape, with this as the kernel's figures; NULL: without an end. */
void tape__end(struct tape *t, const struct snapshot *s, bool figures);
/* Opens what has been written so far, or the first n bytes of it. */
struct replay *tape__replay(const struct tape *t, size_t n, struct failure *f);
void tape__free(struct tape *t);

#endif
