/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The events about processes. They go through a ring of their own, and are few. */
#ifndef GIL_EVENT_H
#define GIL_EVENT_H

#ifdef __BPF__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

enum gil_event_kind {
	GIL_EVENT_FORK = 1, /* `process` is the child's record, or GIL_NONE if the table is full */
	GIL_EVENT_EXEC,
	GIL_EVENT_EXIT,
	GIL_EVENT_NEW_GIL, /* the process was NEW: its supposed GIL is now lock[0] */
	GIL_EVENT_SUB_GIL, /* the process was TRACED: the kernel has found one more GIL */
	GIL_EVENT_CLOSED,  /* many records of threads that have ended can be given back */
	GIL_EVENT_UNBOUND, /* the thread to which its probes are bound has ended; others go on */
};

struct gil_event {
	__u64 ts;
	__u32 kind;
	__u32 pid;
	__u32 other; /* FORK: the parent's pid; EXEC: the calling thread's tid; SUB_GIL: the index of
			* the GIL's record; UNBOUND: the thread's tid */
	__u32 process; /* index of the process's record, or GIL_NONE */
	__u32 image;   /* the process's `image` after the event */
	/* FORK: 1 if the child runs in its parent's memory, as vfork and posix_spawn make it: it is on
	 * its way to another program, and the interpreter and the GIL in its memory are the parent's. */
	__u32 borrows;
	char comm[16];
};

#endif
