/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the frames of a trace go: compressed and written by a thread of its own, so that a slow disk
 * does not keep anybody from emptying the ring of edges; or, for a flight recorder, kept in memory,
 * the latest ones only, until they are asked for.
 */
#ifndef TRACE_SINK_H
#define TRACE_SINK_H

#include "core/trace/trace_record.h"

struct trace_sink;

/* Writes to fd, a file, pipe or whatever, and closes it at the end. `window`: nothing is written
 * before trace_sink__close, and at most so many bytes are kept; 0: all is written as it comes.
 * NULL: no memory; fd is then still open. */
struct trace_sink *trace_sink__new(int fd, size_t window);
/* Starts the thread. Before that, frames are only gathered, and the header, which may come last, goes
 * to their front. 0 or -errno. */
int trace_sink__start(struct trace_sink *s);

/* Takes a frame, and never waits. ctx is the sink. 0, or the error of a write before: then nothing is
 * written any more, and what was written are whole frames. */
int trace_sink__put(void *ctx, struct trace_chunk *c);
/* True if so much has not yet been written that no more should be put. */
bool trace_sink__is_full(struct trace_sink *s);

/* Bytes written, or kept. With what is still to be compressed counted in full, `at_most`. */
__u64 trace_sink__size(struct trace_sink *s, __u64 *at_most);
/* A flight recorder: the time of the oldest edges that are kept. 0: all are, or there are none. */
__u64 trace_sink__oldest(struct trace_sink *s);

/* A flight recorder: writes what is kept, after a preamble of `count` records for what is not, to
 * fd, which stays open. All frames put before are in it. 0 or -errno. */
int trace_sink__dump(struct trace_sink *s, int fd, const struct bytes *preamble, __u32 count);

/* Has the thread write what is left and the index; for a flight recorder, all, with a preamble as
 * above. */
void trace_sink__end(struct trace_sink *s, const struct bytes *preamble, __u32 count);
/* Waits for that, so many ms at most; below 0: for as long as it takes. 0, or the first error that
 * there was; -EAGAIN: it is not done. */
int trace_sink__wait(struct trace_sink *s, int ms);
/* Frees it; closes what is open. NULL is fine. */
void trace_sink__free(struct trace_sink *s);

#endif
