/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where one interpreter keeps the Python frames of a thread, and what is kept of a frame. User space
 * knows the interpreter's version and fills the layout (edge/python); gil_walk.h walks by it, in the
 * kernel and in user space.
 */
#ifndef GIL_FRAMES_H
#define GIL_FRAMES_H

#ifdef __BPF__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

/*
 * The bytes of a frame, of a code object, and at the start of a string that one read may take. Each
 * range begins at a multiple of 8, and its length is less than this.
 */
#define GIL_FRAMES_READ 128

/* Offsets in bytes. Those marked (f) count from frame_from, those marked (c) from code_from. */
struct gil_frame_layout {
	/* Up to 3.11: address of the word that points to the state of the thread that has the GIL. 0:
	 * there is none, and the GIL's last_holder says it. */
	__u64 current_thread;

	__u16 known; /* 0: the frames of this interpreter cannot be read */
	/* In a thread state */
	__u16 thread_frame;     /* pointer to the newest frame, or to a struct that points to it */
	__u16 thread_indirect;  /* 1: to a struct (3.11, 3.12) */
	__u16 indirect_frame;   /* in that struct: pointer to the newest frame */
	__u16 thread_native_id; /* 64 bits: the thread's number, as gettid() says; 0: not there */
	__u16 thread_interpreter;

	/* In a frame */
	__u16 frame_from, frame_size; /* what is read of it */
	__u16 frame_code;             /* (f) pointer to its code object, with code_tags in it */
	__u16 frame_previous;         /* (f) pointer to the frame that called it */
	__u16 frame_at;               /* (f) what says where in its code it is */
	__u16 frame_owner;            /* (f) one byte; 0xffff: not there */
	__u16 frame_copy; /* (f) 3.14t: 32 bits, which copy of the bytecode it runs; 0xffff: none */
	__u8 code_tags;   /* the low bits of frame_code that do not belong to the pointer */
	__u8 unit; /* frame_at is a number of 32 bits, and counts so many bytes; 0: an address */

	/* In a code object */
	__u16 code_from, code_size; /* what is read of it to recognise it again */
	__u16 code_first_line;      /* (c) 32 bits */
	__u16 code_name;            /* (c) pointer to the name; from 3.11 on the qualified name */
	__u16 code_lines;           /* (c) pointer to the table of lines */
	__u16 code_file;            /* from the start: pointer to the file's name */
	__u16 code_instructions;    /* from the start: the bytecode, if frame_at is an address */
	__u16 code_copies; /* from the start: pointer to the copies of the bytecode; 0: none */

	/* In a string object */
	__u16 text_length, text_state; /* 64 bits, and 32 bits */
	__u16 text_ascii, text_other;  /* the characters: of ASCII only, and of others */

	__u16 pad[3];

	/* In an interpreter, from 3.13 on; 0: not known */
	__u32 collecting;    /* 32 bits: not 0 while it collects garbage */
	__u32 collecting_in; /* from 3.15 on: pointer to the frame in which that began */
};

/* In gil_frame.code: no code object, but what people expect to see as a function. */
#define GIL_FRAME_COLLECTING 1ULL /* <garbage collection> */

/* In gil_frame.check */
#define GIL_CHECK_NONE       0U /* not asked for */
#define GIL_CHECK_UNREADABLE 1U /* the code object could not be read */

struct gil_frame {
	__u64 code; /* address of the code object, or GIL_FRAME_* */
	__s32 at; /* the instruction, in bytes from the start of the bytecode; negative: before it */
	/* Made from the first line and the addresses of the name and of the table of lines. If the same
	 * is not read later, another code object has taken the place. */
	__u32 check;
};

/* A mixture of what tells one code object at an address from the next one there. */
static inline __u32 gil_frame_check(__u32 first_line, __u64 name, __u64 lines)
{
	__u64 h = (name ^ first_line) * 0x9e3779b97f4a7c15ULL;
	__u32 check;

	h = (h ^ h >> 32 ^ lines) * 0xd6e8feb86659fd93ULL;
	check = (__u32)(h >> 32);
	return check > GIL_CHECK_UNREADABLE ? check : check + 2;
}

/* What is kept of one stack: the innermost frames, and, if there are more, the outermost ones. */
#define GIL_WALK_FRAMES 128
#define GIL_WALK_INNER  96
#define GIL_WALK_OUTER  32 /* a power of two */
/* Frames that are looked at. What is beyond them is not seen, so their outer end is not the stack's. */
#define GIL_WALK_STEPS 1100

enum gil_walk_end {
	GIL_WALK_GOING = 0,
	GIL_WALK_WHOLE,      /* up to the thread's first frame */
	GIL_WALK_CUT,        /* there may be more frames: GIL_WALK_STEPS were looked at */
	GIL_WALK_UNREADABLE, /* a frame could not be read, or makes no sense; those before it are kept */
	GIL_WALK_OTHER,      /* the thread state belongs to another thread; no frame is kept */
};

/* A walk, and what it has found. It is too large for a BPF program's stack. */
struct gil_walk {
	__u64 next;      /* address of the next frame; 0: none */
	__u64 seen;      /* a frame met before, to recognise a circle */
	__u64 collected; /* the frame in which a garbage collection began; 0: none or unknown */
	__u32 steps;     /* frames looked at */
	__u32 depth;     /* frames of Python code among them, which may be more than are kept */
	__u32 end;       /* enum gil_walk_end */
	__u32 checked;   /* so many of the innermost frames get a check */
	__u64 word[GIL_FRAMES_READ / 8];
	/* Up to GIL_WALK_INNER the innermost first; the rest goes round. Read by gil_walk_kept. */
	struct gil_frame frame[GIL_WALK_FRAMES];
};

#endif
