/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the BPF programs and user space share besides the model: the tables, the processes in them,
 * and the few events about processes. None of this is streamed per edge.
 *
 * Three memory-mapped arrays hold the records: processes, locks (struct gil_lock) and threads
 * (struct gil_thread). The kernel takes records, from a queue of recycled indexes or else the next
 * unused one; user space also takes those of processes that it adds itself. Only user space gives
 * records back, zeroed. All records in use are therefore below the high-water marks in struct
 * gil_tables.
 *
 * To read a record, copy it, and accept the copy if `seq` was even before and is unchanged after.
 * `seq` is odd while the record is being written.
 */
#ifndef GIL_MAPS_H
#define GIL_MAPS_H

#include "gil_model.h"

/* A process's GILs: the main interpreter's and those of sub-interpreters with their own. */
#define GIL_PROCESS_LOCKS 8
/* The number of GILs for which one thread can have records at the same time. */
#define GIL_THREAD_LOCKS 8

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

enum gil_process_state {
	GIL_PROCESS_FREE = 0,
	GIL_PROCESS_QUIET, /* its edges are dropped: not yet attached, not Python, or ended */
	GIL_PROCESS_NEW,   /* its GIL is unknown; the first signal of a condition variable tells */
	GIL_PROCESS_SUPPOSING, /* user space is checking that signal */
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
	__u32 image; /* counts execs: tells one program from the next */
	__u32 nr_locks;
	/* The sources whose hits count (GIL_SOURCE_* bits). While one source takes over from
	 * another, both are set, and the first hit for each edge counts. */
	__u32 sources;
	__u32 entering; /* 1: a GIL is being entered into lock[] just now, which takes a microsecond */
	struct gil_process_lock lock[GIL_PROCESS_LOCKS];
	__u32 full;          /* 1: lock[] had no room for a GIL */
	__u32 free_threaded; /* its GILs can be turned off */
	struct gil_finder finder;
	__u64 semaphore_at; /* Python 2: address of the pointer to its GIL; otherwise 0 */
	struct gil_drop_request drop_request;
	__u64 other_hits; /* probe hits that were not about a GIL */
	__u64 dropped;    /* edges lost because a table was full */
	__u32 bound;      /* the thread with which its probes end: usually the main thread */
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
	GIL_SITE_SEMAPHORE_TAKEN,   /* in PyThread_acquire_lock, after sem_wait */
};

/* The sources of edges, as bits. */
#define GIL_SOURCE_COND      1U
#define GIL_SOURCE_USDT      2U
#define GIL_SOURCE_SEMAPHORE 4U /* Python 2's functions */
/* Not a source: set while one source takes over from another, when the first hit for each edge
 * counts. It stays set for a while after the old source has stopped counting, because the old
 * source may have reported the first half of a pair. */
#define GIL_SOURCE_TAKEOVER 8U

enum gil_argument_kind {
	GIL_ARGUMENT_NONE = 0,
	GIL_ARGUMENT_CONSTANT, /* `value` */
	GIL_ARGUMENT_REGISTER,
	GIL_ARGUMENT_MEMORY, /* in the process, at the register's value + `value` */
};

/* How to read an argument of a USDT probe when the probe fires. */
struct gil_argument {
	__s64 value;
	__u8 kind; /* enum gil_argument_kind */
	__u8 word; /* the register: which 8-byte word of struct pt_regs */
	__u8 size; /* bytes: 1, 2, 4 or 8 */
	__u8 is_signed;
	__u32 pad;
};

/* The arguments that gilscope reads at one site. */
struct gil_arguments {
	struct gil_argument gil;
	struct gil_argument requested; /* for a release; otherwise NONE */
};

/* How many different ones can be told apart at the same time. Index 0 means none. */
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
	GIL_EVENT_NEW_GIL, /* the process was NEW: its supposed GIL is now lock[0] */
	GIL_EVENT_SUB_GIL, /* the process was TRACED: the kernel has found one more GIL */
	GIL_EVENT_UNBOUND, /* the thread to which its probes are bound has ended; others go on */
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
	__u32 frozen;         /* a recording has ended: scheduler edges and exits count no more */
	__u64 processes_full; /* records that could not be taken because the table was full */
	__u64 locks_full;
	__u64 threads_full;
	__u64 edges_full;      /* handoffs not entered into the table of from -> to */
	__u64 events_lost;     /* process events lost because the ring was full */
	__u64 switches_missed; /* scheduler edges that met a record in the middle of an update */
	__u64 requests_unread; /* releases for which the drop request could not be read */
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
