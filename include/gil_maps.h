/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The tables that the BPF programs and user space share, and the processes in them. None of this is
 * streamed per edge.
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

#include "gil_frames.h"
#include "gil_model.h"
#include "gil_python.h"
#include "gil_sum.h"

/* The index of no record. */
#define GIL_NONE (~0U)
/* Of the tables of known threads and processes, in bytes; a power of two. */
#define GIL_KNOWN 65536
/* A process's GILs: the main interpreter's and those of sub-interpreters with their own. */
#define GIL_PROCESS_LOCKS 8
/* The number of GILs for which one thread can have records at the same time. */
#define GIL_THREAD_LOCKS 8

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
	/* The sources whose hits count (GIL_SOURCE_* bits, gil_cookie.h). While one source takes over from
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
	/* In a thread state: 64 bits, the thread's number as gettid() says; 0: not known. */
	__u32 thread_native_id;
	struct gil_frame_layout frames; /* if samples are taken */
};

/* A thread's records, one for each GIL it has used. `current` is the one with an open wait or hold,
 * if there is one. */
struct gil_thread_records {
	__u32 count;
	__u32 current;
	__u32 index[GIL_THREAD_LOCKS];
};

/*
 * What can be missed for the whole machine: a counter in struct gil_tables, and the field of struct
 * snapshot_lost to which it is added, so that none can be counted and never be told. An edge whose
 * thread finds no record is counted in its process, as `dropped`.
 */
#define GIL_TABLES_LOSSES(X)                                                                       \
	/* records that could not be taken because the table was full */                           \
	X(processes_full, processes)                                                               \
	X(locks_full, gils)                                                                        \
	/* handoffs not entered into the table of sums */                                          \
	X(sums_full, handoffs)                                                                     \
	/* process events lost because the ring was full */                                        \
	X(events_lost, events)                                                                     \
	/* scheduler edges that met a record in the middle of an update */                         \
	X(switches_missed, switches)                                                               \
	/* releases for which the drop request could not be read */                                \
	X(requests_unread, requests)

#define GIL_TABLES_COUNTER(name, lost) __u64 name;

/* Counters of the tables, in one memory-mapped record. Each is written atomically. */
struct gil_tables {
	__u32 next_process; /* high-water marks */
	__u32 next_lock;
	__u32 next_thread;
	__u32 frozen;          /* a recording has ended: scheduler edges and exits count no more */
	__u64 closed;          /* records of threads that have ended, since the beginning */
	__u64 skipped_in_vain; /* runs of a second program that had nothing to do (bpf/preempt.h) */
	GIL_TABLES_LOSSES(GIL_TABLES_COUNTER)
};

#endif
