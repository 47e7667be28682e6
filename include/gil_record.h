/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The records of a thread and of a GIL. gil_model.h says what an edge does to them, and who may write
 * what. All times are ns of CLOCK_MONOTONIC. */
#ifndef GIL_RECORD_H
#define GIL_RECORD_H

#include "gil_counter.h"
#include "gil_hist.h"

enum gil_thread_state {
	GIL_THREAD_UNSEEN =
		0,       /* it existed before the observation began and has produced no edge yet */
	GIL_THREAD_IDLE, /* neither waits nor holds */
	GIL_THREAD_WAITING,
	GIL_THREAD_HOLDING,
	GIL_THREAD_GONE,
	/* Woken from its wait, and on a CPU. Whether it has got the GIL shows later. Only where waits
	 * alone are seen: gil_waits.h. */
	GIL_THREAD_WOKEN,
};

#define GIL_THREAD_NAME 64 /* with its end */

enum gil_lock_state {
	GIL_LOCK_UNSEEN = 0, /* no edge has been seen yet */
	GIL_LOCK_FREE,
	GIL_LOCK_HELD,
};

/* Where a thread spends its time within a wait or a hold. In a hold, RUNNABLE is called
 * preempted. */
enum gil_part {
	GIL_PART_ONCPU = 0,
	GIL_PART_RUNNABLE,
	GIL_PART_BLOCKED,
	GIL_PARTS,
	/* Where a thread was found that had the GIL already: BLOCKED, because it is stopped. */
	GIL_FOUND_STOPPED,
};

/* What is counted and measured per thread. A GIL's figures are the sum over its threads. */
struct gil_figures {
	union {
		struct {
			GIL_THREAD_COUNTERS(GIL_COUNTER_FIELD)
		};
		__u64 counter[GIL_NR_THREAD_COUNTERS]; /* the same by number */
	};
	__u64 hold_part[GIL_PARTS]; /* sum equals hold.sum */
	__u64 wait_part[GIL_PARTS]; /* sum equals wait.sum */
	struct gil_hist hold;
	struct gil_hist wait;
};

/* What the BPF programs note about a thread. The model neither reads nor writes it. */
struct gil_thread_bpf {
	__u64 ran;    /* its CPU time when it was last switched out */
	__u64 tried;  /* Python 2: when it was about to take the GIL; 0: it is not */
	__u32 record; /* the index of this record */
	__u8 several; /* it has records for other GILs too */
	__u8 told;    /* the recording has been sent this record's THREAD entry */
	__u8 futex;   /* its waits are seen without probes: bpf/futex.h */
	__u8 handed;  /* bpf/futex.h: woken by who let the GIL go */
};

/* What is kept of a wait that may have ended: see gil_waits.h. */
struct gil_thread_woken {
	__u64 at;
	__u64 contended_ns; /* the GIL's contended_ns then */
	/* bpf/futex.h: how often the GIL had changed hands when this thread last let it go. */
	__u64 let_go;
};

struct gil_thread {
	__u32 seq;  /* odd while the record is being written; see gil_maps.h */
	__u32 tid;  /* 0: the record is not in use */
	__u32 pid;  /* the process (thread group) */
	__u32 lock; /* index of its GIL's record */
	char comm[16];
	__u8 state;   /* enum gil_thread_state */
	__u8 cpu;     /* enum gil_part: what the time since `mark` is charged to */
	__u8 partial; /* the start of the current wait or hold was not seen */
	__u8 died;    /* GONE: its state when it exited, in which it was until `mark` */
	__u64 since;  /* start of the current wait or hold */
	__u64 mark;   /* the current wait or hold is accounted for up to here */
	__u64 part[GIL_PARTS];
	__u64 slice; /* start of the wait's last slice */
	/* What of part[GIL_PART_BLOCKED] the thread was stopped for, not asleep; and whether it is now. */
	__u64 stopped_ns;
	__u64 stopped;
	struct gil_thread_bpf bpf;
	/* What the program calls it; "" if that is not known. Only user space reads and writes it. It has
	 * the size of a cache line, so that what follows is where it would be without it. */
	char name[GIL_THREAD_NAME];
	struct gil_figures fig;
	struct gil_thread_woken woken;
};

/* The same for a GIL. */
struct gil_lock_bpf {
	__u32 last_record;   /* the index of last_tid's record */
	__u32 born;          /* the GIL was created under observation, so nothing was missed */
	__u64 whole_from;    /* the first wait of a thread is whole from here on; 0: not known */
	__u64 lost;          /* edges lost by a recording and not yet reported to it */
	__u64 lost_since;    /* when the first of them happened */
	__u64 lost_gap_wait; /* see gil_blame.h */
};

struct gil_lock {
	__u32 seq;
	__u32 pid; /* 0: the record is not in use */
	__u64 address;
	__u64 start;    /* edges are seen from here on */
	__u32 state;    /* enum gil_lock_state */
	__u32 last_tid; /* the holder, or the last one */
	__u64 since;    /* start of the current state; UNSEEN: start of not knowing */
	__u64 held_ns;  /* completed holds, complete or partial */
	/* waiters and their integrals, up to `mark` */
	__u32 waiters;
	__u32 gone;        /* threads that died waiting; the only field written without the mutex */
	__u32 gone_seen;   /* how many of them have been subtracted from `waiters` */
	__u32 interpreter; /* its interpreter's number */
	struct gil_lock_bpf bpf;
	__u64 mark;
	__u64 contended_ns; /* time with at least one waiter */
	__u64 waiter_ns;    /* waiters times time */
	__u64 chain_len;    /* handoffs in the current chain */
	/* of the current hold */
	__u64 contended_before; /* contended_ns when it began */
	__u64 asked;            /* when a waiter asked for its end; 0: none has */
	union {
		struct {
			GIL_LOCK_COUNTERS(GIL_COUNTER_FIELD)
		};
		__u64 counter[GIL_NR_LOCK_COUNTERS];
	};
	struct gil_hist handoff; /* release to acquisition */
	struct gil_hist chain;   /* handoffs in a completed chain; a count, not a time */
	/* bpf/futex.h: how often it had changed hands when that was last looked at, and when a thread was
	 * last seen to let it go. */
	__u64 switches;
	__u64 let_go;
};

#endif
