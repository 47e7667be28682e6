/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF programs write into the ring of samples: which code had a GIL, and for how long others
 * waited meanwhile.
 *
 * Names. A sample names a code object by an id, which is made of the object's address and of some of
 * its contents, so that another object at the same address has another id. Before the first sample
 * with an id, the ring has the object's CODE entry, and its location table in TABLE entries. They are
 * copied while the object is running, so no name depends on whether the process still exists when
 * the ring is read. They may come more than once. A list of callers has an id, too, and a CALLERS entry.
 *
 * Losses. If the ring has no room, the sample is missing. Ticks are scaled to exact totals anyway. The
 * waiting during a gap without a sample is added up in the GIL's record (lost_gap_wait).
 */
#ifndef GIL_BLAME_H
#define GIL_BLAME_H

#ifdef __BPF__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

#define GIL_BLAME_NAME  128  /* bytes of a qualified name, after the head of the string object */
#define GIL_BLAME_FILE  256  /* the same of a file's name */
#define GIL_BLAME_CHUNK 1024 /* bytes of a location table in one entry */
/* Larger location tables are cut; what runs beyond has no line. */
#define GIL_BLAME_CHUNKS 64

enum gil_blame_kind {
	GIL_BLAME_TICK = 1, /* struct gil_blame_sample */
	GIL_BLAME_GAP,      /* struct gil_blame_sample */
	GIL_BLAME_CODE,     /* struct gil_blame_code */
	GIL_BLAME_TABLE,    /* struct gil_blame_table */
	GIL_BLAME_CALLERS,  /* struct gil_blame_callers */
};

/* The id of what runs while the interpreter collects garbage: GIL_FRAME_COLLECTING, which is none of a
 * code object. */
#define GIL_BLAME_COLLECTING 1ULL
/* Frames of one stack besides the place itself. */
#define GIL_BLAME_CALLERS_MOST 127

/* What was on top of the holder's stack of Python frames. */
enum gil_blame_top {
	GIL_BLAME_FRAME = 0,
	GIL_BLAME_NO_FRAME,   /* the thread runs no Python code */
	GIL_BLAME_UNREADABLE, /* a page was not in memory, or what is there is no frame */
};

/* Every entry begins with one: its kind, and which GIL it is about. */
struct gil_blame_head {
	__u32 kind; /* enum gil_blame_kind */
	__u32 lock; /* index of the GIL's record */
	__u64 start; /* when the observation of the GIL began; tells it from others with this index */
};

/* A place in the code. */
struct gil_blame_place {
	__u64 code;    /* id of the code object; 0: see `top` */
	__u64 callers; /* id of the list of those who have called it; 0: there are none */
	__u64 ip;      /* the instruction pointer in user mode */
	__s32 lasti;   /* the instruction, in bytes from the beginning of the code */
	__s32 syscall; /* the system call that is under way; -1: none */
	__u32 top;     /* enum gil_blame_top */
	__u32 pad;
};

/* Where a thread was when it lost its CPU while it had a GIL. Indexed as the threads' records. */
struct gil_blame_gap {
	__u64 since;                    /* the beginning of the hold; 0: there is no gap */
	__u64 blocked_ns, preempted_ns; /* in this hold, before the gap */
	__u64 wait_ns;                  /* the GIL's waiter_ns when the gap began */
	struct gil_blame_place at;
};

struct gil_blame_sample {
	struct gil_blame_head head;
	struct gil_blame_place at;
	__u64 ts; /* GAP: its end */
	__u32 tid;
	__u32 waiters; /* TICK: how many threads waited */
	/* GAP: how long the holder slept, had no CPU though it could run, and others waited. */
	__u64 blocked_ns;
	__u64 preempted_ns;
	__u64 wait_ns;
};

struct gil_blame_caller {
	__u64 code;  /* as in a place; 0: the code object could not be read */
	__s32 lasti; /* as in a place */
	__u32 pad;
};

/* The callers of a place, from the innermost one on. The entry ends after the last one. */
struct gil_blame_callers {
	struct gil_blame_head head;
	__u64 callers; /* id of the list */
	__u32 nr;
	/* Before this one others are missing, because there are too many; nr: at the outer end. 0: none. */
	__u32 cut;
	struct gil_blame_caller frame[GIL_BLAME_CALLERS_MOST];
};

/* A string object. Its characters begin at text_ascii or at text_other of the layout; the bytes are
 * from text_ascii on. */
struct gil_blame_text {
	__u32 length; /* in characters */
	__u32 state;  /* as at text_state */
	__u32 known;  /* 0: it could not be read */
	__u32 pad;
};

struct gil_blame_code {
	struct gil_blame_head head;
	__u64 code;
	__u32 first_line;
	__u32 table_size; /* of the location table, in bytes */
	struct gil_blame_text name, file;
	__u8 name_bytes[GIL_BLAME_NAME];
	__u8 file_bytes[GIL_BLAME_FILE];
};

struct gil_blame_table {
	struct gil_blame_head head;
	__u64 code;
	__u32 offset;
	__u32 size;
	__u8 bytes[GIL_BLAME_CHUNK];
};

#endif
