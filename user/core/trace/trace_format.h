/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The format of a trace (.gil), described in docs/trace-format.md: what writer and reader share.
 *
 * A file is 8 bytes of magic, followed by frames. A frame is a header of fixed size with a
 * checksum, and a compressed payload with another checksum. The header says where the next frame
 * begins, so a file is readable up to its last complete frame. Every frame starts with the same
 * four bytes, so a file is also readable after a damaged one. A frame of edges names the threads
 * that it mentions, so it can be read without the frames before it.
 */
#ifndef TRACE_FORMAT_H
#define TRACE_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/bytes.h"
#include "gil_stream.h"
#include "core/figures/snapshot.h"
#include "core/trace/trace_code.h"

#define TRACE_VERSION    1
#define TRACE_MAGIC      "\211GIL\r\n\032\n" /* shows what a transfer as text would damage */
#define TRACE_MAGIC_SIZE 8
/* The last 16 bytes of a complete file are the offset of the index's frame, and this. */
#define TRACE_TAIL_MAGIC "\nGILEND\n"
#define TRACE_TAIL_SIZE  16

#define TRACE_FRAME_SIZE 48         /* size of a frame's header */
#define TRACE_FRAME_SYNC 0x464c4947 /* "GILF" */
#define TRACE_LARGEST    (1U << 20) /* largest payload, both stored and unpacked */
#define TRACE_CHUNK_SIZE (1U << 17) /* at about this size the writer ends a chunk of edges */
/* The largest size of a single record, so that a frame always has room for it. */
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
	__u32 size;   /* bytes of the payload when unpacked */
	__u32 sequence;
	__u32 count; /* edges, or records */
	__u64 first; /* time of the first of them, ns */
	__u64 last;  /* time of the latest, ns */
	__u32 crc;   /* of the stored payload */
};

/* A frame before compression. */
struct trace_chunk {
	struct trace_frame frame; /* type, flags, sequence, count, first, last */
	struct bytes payload;
};

/* Appends the frame to `out` in its file format, compressed if that makes it smaller. Sets
 * out->failed if there is no memory. */
void trace_chunk__pack(const struct trace_chunk *c, struct bytes *out);

/* To and from the TRACE_FRAME_SIZE bytes in the file. False if they are not a valid header. */
void trace_frame__pack(const struct trace_frame *f, unsigned char *bytes);
bool trace_frame__parse(struct trace_frame *f, const unsigned char *bytes);

/* An edge consists of a byte, with the code in its low and the thread's slot in its high four bits;
 * if the slot does not fit, the slot minus TRACE_SLOT_LARGE as a number; and the time since the
 * edge before it, as a signed number. */
#define TRACE_SLOT_LARGE 15

/* A record consists of its type, its place (the number of the frame's edges before it), its time,
 * and the length of its body, each as a number; and the body. Readers skip types that they do not
 * know. */
enum trace_record_type {
	TRACE_RECORD_PROCESS = 1,    /* a program that a process runs, with its GILs */
	TRACE_RECORD_ENDED,          /* the process has ended */
	TRACE_RECORD_DROPPED,        /* it has ended, and there are too many for it to have a row */
	TRACE_RECORD_THREAD,         /* the next slot of the frame is this thread's */
	TRACE_RECORD_NAME,           /* a thread has a new name */
	TRACE_RECORD_FOLDED,         /* an exited thread has no row of its own any more */
	TRACE_RECORD_SETTLED,        /* threads that died waiting are taken off at the next edge */
	TRACE_RECORD_LOST,           /* edges of a GIL are missing here */
	TRACE_RECORD_UNOBSERVED,     /* a process that was not observed */
	TRACE_RECORD_STATUS,         /* totals so far */
	TRACE_RECORD_WINDOW,         /* anything older was not kept */
	TRACE_RECORD_LISTED,         /* at the end: the processes, in the order of the report */
	TRACE_RECORD_GIL_END,        /* the state of a GIL at the end */
	TRACE_RECORD_FIGURES_GIL,    /* the figures that the kernel kept: those of a GIL, */
	TRACE_RECORD_FIGURES_THREAD, /* then those of its threads, */
	TRACE_RECORD_FIGURES_HANDOFFS,  /* and its handoffs */
	TRACE_RECORD_FOLDED_GIL,        /* the sum of the processes that share a row: its GIL, */
	TRACE_RECORD_FOLDED_THREAD,     /* and then its thread */
	TRACE_RECORD_CODE,              /* a function, */
	TRACE_RECORD_PLACE,             /* a place in the code, and */
	TRACE_RECORD_SAMPLES,           /* samples of a GIL at such places */
	TRACE_RECORD_FIGURES_FUNCTIONS, /* after FIGURES_GIL: a checksum of its rows of functions */
};

/* The last status of a trace has FINAL, and, if the kernel's figures are included, FIGURES. */
#define TRACE_STATUS_FINAL   1U
#define TRACE_STATUS_FIGURES 2U /* the kernel's figures of all processes follow */

#endif
