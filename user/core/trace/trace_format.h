/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The format of a trace (.gil), as docs/trace-format.md has it: what the writer and the reader share.
 *
 * A file is 8 bytes of magic and then frames: a header of fixed size, with its own checksum, and a
 * payload, compressed and with another. The header of a frame says where the next one is, so a file
 * is readable up to its last whole frame, and, as each starts with the same four bytes, behind a
 * damaged one too. A frame of edges names the threads that it tells of: it can be read without those
 * before it.
 */
#ifndef TRACE_FORMAT_H
#define TRACE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/bytes.h"
#include "gil_stream.h"
#include "core/figures/snapshot.h"

#define TRACE_VERSION    1
#define TRACE_MAGIC      "\211GIL\r\n\032\n" /* shows what a transfer as text would do to it */
#define TRACE_MAGIC_SIZE 8
/* The last 16 bytes of a whole file: where the index's frame begins, and this. */
#define TRACE_TAIL_MAGIC "\nGILEND\n"
#define TRACE_TAIL_SIZE  16

#define TRACE_FRAME_SIZE 48         /* of a frame's header */
#define TRACE_FRAME_SYNC 0x464c4947 /* "GILF" */
#define TRACE_LARGEST    (1U << 20) /* a payload, as stored and as unpacked */
#define TRACE_CHUNK_SIZE (1U << 17) /* the writer ends a chunk of edges at about this */
/* What a single record may have at most, so that a frame always has room for it. */
#define TRACE_LARGEST_RECORD (1U << 19)

enum trace_frame_type {
	TRACE_FRAME_HEADER = 1, /* the first frame: how and where it was recorded */
	TRACE_FRAME_META,       /* records */
	TRACE_FRAME_EDGES,
	TRACE_FRAME_INDEX, /* the last frame */
};

#define TRACE_FRAME_DEFLATED   1U /* the payload is a zlib stream */
#define TRACE_FRAME_WITH_EDGES 2U /* META: its records belong between the next frame's edges */

/* A frame's header. */
struct trace_frame {
	__u8 type;
	__u8 flags;
	__u32 stored; /* bytes of the payload in the file */
	__u32 size;   /* and unpacked */
	__u32 sequence;
	__u32 count; /* edges, or records */
	__u64 first; /* when the first of them was, */
	__u64 last;  /* and the latest */
	__u32 crc;   /* of the stored payload */
};

/* A frame as it is made, not yet compressed. */
struct trace_chunk {
	struct trace_frame frame; /* type, flags, sequence, count, first, last */
	struct bytes payload;
};

/* Appends the frame to `out` as it is in a file, compressed if that makes it smaller; out->failed if
 * there is no memory. */
void trace_chunk__pack(const struct trace_chunk *c, struct bytes *out);

/* To and from the TRACE_FRAME_SIZE bytes in the file. False if they are none, or damaged. */
void trace_frame__pack(const struct trace_frame *f, unsigned char *bytes);
bool trace_frame__parse(struct trace_frame *f, const unsigned char *bytes);

/* An edge is: a byte with its code below and the thread's slot in the frame above, that slot less
 * TRACE_SLOT_LARGE as a number if it does not fit, and the time since the edge before it, signed. */
#define TRACE_SLOT_LARGE 15
enum trace_code {
	TRACE_CODE_WAIT = 1,
	TRACE_CODE_ACQUIRE,
	TRACE_CODE_RELEASE,
	TRACE_CODE_RELEASE_REQUESTED,
	TRACE_CODE_SWITCH_OUT,
	TRACE_CODE_PREEMPTED,
	TRACE_CODE_WAKE,
	TRACE_CODE_SWITCH_IN,
	TRACE_CODE_EXIT,
	TRACE_CODE_RELEASE_UNSEEN, /* of a hold that had begun unseen (Python 2) */
	TRACE_CODE_ACQUIRE_ONLY,   /* of which the hold is not in the trace: it was short */
	TRACE_CODE_WAIT_UNSEEN,    /* of which the beginning was not seen */
	TRACE_CODES,
};

/* A record is: its type, its place (how many of the frame's edges come before it), its time, the
 * length of what follows; each a number. Types that a reader does not know are passed over. */
enum trace_record_type {
	TRACE_RECORD_PROCESS = 1,    /* a program that a process runs, with its GILs */
	TRACE_RECORD_ENDED,          /* it has ended */
	TRACE_RECORD_DROPPED,        /* it is not in the report: there are too many */
	TRACE_RECORD_THREAD,         /* the next slot of the frame is this thread's */
	TRACE_RECORD_NAME,           /* a thread is called otherwise now */
	TRACE_RECORD_FOLDED,         /* a thread that has exited has no row of its own any more */
	TRACE_RECORD_SETTLED,        /* the next edge takes note of threads that died waiting */
	TRACE_RECORD_LOST,           /* edges of a GIL are missing here */
	TRACE_RECORD_UNOBSERVED,     /* a process that was not observed */
	TRACE_RECORD_STATUS,         /* totals so far */
	TRACE_RECORD_WINDOW,         /* what is older was not kept */
	TRACE_RECORD_LISTED,         /* at the end: the processes in the order of the report */
	TRACE_RECORD_GIL_END,        /* a GIL as it was at the end */
	TRACE_RECORD_FIGURES_GIL,    /* the figures that the kernel kept: a GIL's, */
	TRACE_RECORD_FIGURES_THREAD, /* then its threads', */
	TRACE_RECORD_FIGURES_PAIRS,  /* and its handoffs */
};

/* The last status of a trace has both. */
#define TRACE_STATUS_FINAL   1U
#define TRACE_STATUS_FIGURES 2U /* the kernel's figures follow, of all processes */

#endif
