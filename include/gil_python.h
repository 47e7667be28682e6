/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where CPython keeps what the BPF programs read of it. User space knows the interpreter's version,
 * and hands the rest over as offsets. */
#ifndef GIL_PYTHON_H
#define GIL_PYTHON_H

#ifdef __BPF__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

/* The offsets of fields in struct _gil_runtime_state, on 64-bit Linux with glibc, for CPython 3.7
 * to 3.15. Between the two condition variables (48 bytes each) is a mutex, whose size depends on
 * the architecture. */
#define GIL_OFFSET_ENABLED     (-8) /* int; in free-threaded builds only */
#define GIL_OFFSET_LAST_HOLDER 8
#define GIL_OFFSET_LOCKED      16
#define GIL_OFFSET_SWITCHES    24
#define GIL_OFFSET_COND        32
#if defined(__TARGET_ARCH_arm64) || defined(__aarch64__)
#define GIL_OFFSET_SWITCH_COND 128
#else
#define GIL_OFFSET_SWITCH_COND 120
#endif

/*
 * How to read whether the holder has been asked to drop its GIL. Start from `address`, or, if that
 * is 0, from the thread state in the GIL's last_holder. If `indirect`, follow the pointer at
 * offset[0]. Bit 0 of the 32-bit word at the last offset is set when a drop is requested.
 */
struct gil_drop_request {
	__u64 address; /* of the word itself; the offsets are then not used. 0: not known */
	__u32 offset[2];
	__u8 known; /* 0: requested releases are not told apart from voluntary ones */
	__u8 indirect;
	__u8 pad[6];
};

/*
 * How to recognize a condition variable that belongs to the GIL of a new sub-interpreter: the
 * thread state in the GIL's last_holder leads to the interpreter, which leads back to the GIL. All
 * fields but `known` are offsets. `known` is 0 if sub-interpreters cannot have a GIL of their own
 * (before 3.12).
 */
struct gil_finder {
	__u32 known;
	__u32 thread_interpreter; /* in a thread state */
	__u32 gil_pointer;        /* in an interpreter: pointer to the GIL it uses */
	__u32 own_gil;            /* in an interpreter: a GIL of its own */
	__u32 shift;              /* in a GIL: the place from which GIL_OFFSET_* count */
	__u32 id;                 /* in an interpreter: its number */
};

#endif
