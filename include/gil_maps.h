/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF programs and user space share beside the model: the tables, the processes in them,
 * and the few events about processes. Nothing here is streamed per edge.
 *
 * Three memory-mapped arrays hold the records: processes, locks (struct gil_lock) and threads
 * (struct gil_thread). A record is taken in the kernel (or, for a process that user space adds,
 * there), from a queue of recycled indexes or else the next unused one, and given back by user
 * space alone, zeroed. Taken records are therefore always below the high-water marks in struct
 * gil_tables.
 *
 * Reading a record: its `seq` is odd while it is being written. Copy, and accept the copy if `seq`
 * was even before and is unchanged after.
 */
#ifndef GIL_MAPS_H
#define GIL_MAPS_H

#include "gil_model.h"

/* A process's GILs: the main interpreter's and those of sub-interpreters with their own. */
#define GIL_PROCESS_LOCKS 8
/* The GILs of which one thread may have records at the same time. */
#define GIL_THREAD_LOCKS 8

/* Where struct _gil_runtime_state keeps its fields on 64-bit Linux with glibc; CPython 3.7 to 3.15.
 * Between the two condition variables, 48 bytes each, stands a mutex, of which the size is the
 * architecture's. */
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
 * is 0, from the thread state in the GIL's last_holder; follow the pointer at offset[0] if
 * `indirect`; the 32-bit word at the last offset has bit 0 set when a drop is requested.
 */
struct gil_drop_request {
	__u64 address; /* of the word itself: offsets are then not used */
	__u32 offset[2];
	__u8 known; /* 0: releases are not told apart */
	__u8 indirect;
	__u8 pad[6];
};

/*
 * How to tell that a condition variable belongs to the GIL of a sub-interpreter that is not known
 * yet: the thread state in its last_holder leads to the interpreter, and that leads back to it.
 * Offsets; `known` is 0 where no sub-interpreter has a GIL of its own (before 3.12).
 */
struct gil_finder {
	__u32 known;
	__u32 thread_interpreter; /* in a thread state */
	__u32 gil_pointer;        /* in an interpreter: pointer to the GIL it uses */
	__u32 own_gil;            /* and a GIL of its own */
	__u32 shift;              /* of that which gil_maps.h's offsets count from, in a GIL */
	__u32 id;                 /* in an interpreter: its number */
};

enum gil_process_state {
	GIL_PROCESS_FREE = 0,
	GIL_PROCESS_QUIET, /* its edges are dropped: not yet attached, not Python, or over */
	GIL_PROCESS_NEW,   /* no GIL is known yet; the first signal of a condition variable tells */
	GIL_PROCESS_SUPPOSING, /* that signal is being looked at */
	GIL_PROCESS_TRACED,    /* its GILs are known */
};

struct gil_process_lock {
	__u64 address;     /* of struct _gil_runtime_state in the process; 0: none */
	__u32 lock;        /* index of its record */
	__u32 interpreter; /* its interpreter's number */
};

struct gil_process {
	__u32 pid;   /* in the initial pid namespace */
	__u32 state; /* enum gil_process_state */
	__u32 image; /* counts execs: which program this is */
	__u32 nr_locks;
	/* GIL_SOURCE_* bits: whose hits count. Both while one source takes over from the other: of
	 * each edge the first hit then counts. */
	__u32 sources;
	__u32 entering; /* 1: somebody is just entering a GIL below; a matter of a microsecond */
	struct gil_process_lock lock[GIL_PROCESS_LOCKS];
	__u32 full;          /* 1: a GIL found no room there */
	__u32 free_threaded; /* its GILs can be turned off */
	struct gil_finder finder;
	__u64 semaphore_at; /* Python 2: address of the pointer to its GIL; else 0 */
	struct gil_drop_request drop_request;
	__u64 other_hits; /* probe hits that were not about a GIL */
	__u64 dropped;    /* edges lost because a table was full */
	__u32 bound;      /* the thread that its probes end with: the main one, as a rule */
	__u32 pad;
};

/* What a probe's hit means. */
enum gil_site_kind {
	GIL_SITE_COND_SIGNAL = 0,   /* pthread_cond_signal */
	GIL_SITE_COND_TIMEDWAIT,    /* pthread_cond_timedwait */
	GIL_SITE_USDT_WAIT,         /* python:gil__wait(gil, tstate) */
	GIL_SITE_USDT_ACQUIRE,      /* python:gil__acquire(gil, tstate) */
	GIL_SITE_USDT_RELEASE,      /* python:gil__release(gil, tstate, requested) */
	GIL_SITE_SEMAPHORE_ACQUIRE, /* PyThread_acquire_lock(lock, wait) */
	GIL_SITE_SEMAPHORE_RELEASE, /* PyThread_release_lock(lock) */
	GIL_SITE_SEMAPHORE_SWAP,    /* PyThreadState_Swap(tstate) */
	GIL_SITE_SEMAPHORE_TAKEN,   /* in PyThread_acquire_lock, behind sem_wait */
};

/* Where edges come from: bits. */
#define GIL_SOURCE_COND      1U
#define GIL_SOURCE_USDT      2U
#define GIL_SOURCE_SEMAPHORE 4U /* Python 2's functions */
/* Not a source: one takes over from another just now, and of each edge the first hit counts. It stays
 * for a while after the old one has ceased to count, as that may have told the first half of a pair. */
#define GIL_SOURCE_TAKEOVER 8U

enum gil_argument_kind {
	GIL_ARGUMENT_NONE = 0,
	GIL_ARGUMENT_CONSTANT, /* `value` */
	GIL_ARGUMENT_REGISTER,
	GIL_ARGUMENT_MEMORY, /* at the register's value + `value`, in the process */
};

/* How to read an argument of a USDT probe where it fires. */
struct gil_argument {
	__s64 value;
	__u8 kind; /* enum gil_argument_kind */
	__u8 word; /* the register: which 8-byte word of struct pt_regs */
	__u8 size; /* bytes: 1, 2, 4 or 8 */
	__u8 is_signed;
	__u32 pad;
};

/* The arguments that matter, of one site. */
struct gil_arguments {
	struct gil_argument gil;
	struct gil_argument requested; /* of a release; else NONE */
};

/* Different ones that can be told apart at the same time. Index 0 is none. */
#define GIL_MAX_ARGUMENTS 256

/* A probe's cookie: the index of the process's record, the kind of site, and how to read its
 * arguments (struct probe_site). */
#define GIL_COOKIE(process, kind, arguments)                                                       \
	((__u64)(process) | (__u64)(kind) << 32 | (__u64)(arguments) << 40)
#define GIL_COOKIE_KIND(cookie)      ((__u32)((cookie) >> 32) & 0xff)
#define GIL_COOKIE_ARGUMENTS(cookie) ((__u32)((cookie) >> 40))

enum gil_event_kind {
	GIL_EVENT_FORK = 1, /* `process` is the child's record, or GIL_NONE if the table is full */
	GIL_EVENT_EXEC,
	GIL_EVENT_EXIT,
	GIL_EVENT_NEW_GIL, /* a process in state NEW: its supposed GIL is now lock[0] */
	GIL_EVENT_SUB_GIL, /* a process in state TRACED: the kernel has found one more GIL */
	GIL_EVENT_UNBOUND, /* the thread that its probes are bound to has ended, and others go on */
};

#define GIL_NONE (~0U)

struct gil_event {
	__u64 ts;
	__u32 kind;
	__u32 pid;
	__u32 other; /* FORK: the parent's pid; EXEC: the calling thread's tid; SUB_GIL: the index of
			* the GIL's record; UNBOUND: the thread's tid */
	__u32 process; /* index of the process's record, or GIL_NONE */
	__u32 image;   /* the process's `image` after the event */
	char comm[16];
};

/* Counters of the tables, in one memory-mapped record. Each is written atomically. */
struct gil_tables {
	__u32 next_process; /* high-water marks */
	__u32 next_lock;
	__u32 next_thread;
	__u32 frozen;         /* of a recording: the scheduler's edges, and exits, count no more */
	__u64 processes_full; /* records that could not be had */
	__u64 locks_full;
	__u64 threads_full;
	__u64 edges_full;      /* handoffs not entered into the table of from -> to */
	__u64 events_lost;     /* process events lost: the ring was full */
	__u64 switches_missed; /* scheduler edges that met a record in the middle of an update */
	__u64 requests_unread; /* releases of which the drop request could not be read */
	__u64 skipped_in_vain; /* runs of a second program that had nothing to do (bpf/preempt.h) */
};

/* Key and value of the table of handoffs. */
struct gil_pair {
	__u32 lock;
	__u32 from; /* tid */
	__u32 to;   /* tid */
};

struct gil_pair_sum {
	__u64 count;
	__u64 wait_ns;
};

#endif
