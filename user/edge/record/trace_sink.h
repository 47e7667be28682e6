/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Takes the frames of a trace. A thread of its own compresses and writes them, so that a slow disk
 * does not delay the reading of the ring of edges. A flight recorder instead keeps the latest
 * frames in memory until they are dumped.
 */
#ifndef TRACE_SINK_H
#define TRACE_SINK_H

#include "core/trace/trace_record.h"

struct trace_sink;

/* Creates a sink that writes to fd, a file, pipe or device, and closes it at the end. With a
 * `window`, it keeps at most that many bytes and writes nothing before trace_sink__end; with 0 it
 * writes everything as it comes. Returns NULL if memory ran out; fd then stays open. */
struct trace_sink *trace_sink__new(int fd, size_t window);
/* Starts the thread. Until then frames are only queued, and the header goes to the front of the
 * queue even if it comes last. Returns 0 or -errno. */
int trace_sink__start(struct trace_sink *s);

/* Queues a frame and never blocks; ctx is the sink. Takes over the payload. Returns 0, -ENOMEM, or
 * the error of an earlier write. After a failed write nothing more is written, and what was written
 * consists of whole frames. */
int trace_sink__put(void *ctx, struct trace_chunk *c);
/* True if so much is waiting to be written that the caller should not put more. */
bool trace_sink__is_full(struct trace_sink *s);

/* Returns the bytes written, or kept by a flight recorder. *at_most, unless NULL, also includes the
 * queued frames at their uncompressed size. */
__u64 trace_sink__size(struct trace_sink *s, __u64 *at_most);
/* Flight recorder: the time of the oldest kept edges, in ns; 0 if none were dropped, or none are
 * kept. */
__u64 trace_sink__oldest(struct trace_sink *s);

/* Flight recorder: writes what is kept, including all frames put so far, to fd, which stays open. A
 * preamble of `count` records stands in for what was dropped. Returns 0 or -errno. */
int trace_sink__dump(struct trace_sink *s, int fd, const struct bytes *preamble, __u32 count);

/* Makes the thread write what is left, and the index. A flight recorder writes everything it keeps,
 * after a preamble as above; the preamble must stay valid until the thread has finished. */
void trace_sink__end(struct trace_sink *s, const struct bytes *preamble, __u32 count);
/* Waits until the thread has finished: at most ms milliseconds, or without limit if ms is negative.
 * Returns 0, the first error, -EAGAIN if the thread is still busy, or -ESRCH if it was never started. */
int trace_sink__wait(struct trace_sink *s, int ms);
/* Frees the sink and closes what is open. NULL is fine. */
void trace_sink__free(struct trace_sink *s);

#endif
