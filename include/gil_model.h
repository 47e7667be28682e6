/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The model: what an edge does to the state of a thread and of a GIL.
 *
 * Written once, compiled twice. In the kernel these functions run at the edge itself, on records in
 * memory-mapped arrays; on the host they run over recorded edges and in the tests. They are pure:
 * no clock, no memory but what they are given, no system call.
 *
 * What is kept where. The record of a GIL has what only makes sense for the GIL as a whole: who
 * holds it, who waits, handoffs and chains. Counts, holds and waits are kept for each thread and
 * nowhere else; the GIL's are the sum over its threads, added up by whoever reads them. An edge so
 * touches few cache lines.
 *
 * Who may write what. Every WAIT, ACQUIRE and RELEASE of a GIL happens while its thread holds that
 * GIL's mutex, so struct gil_lock has one writer at a time and needs no atomics. (Python 2 has no
 * such mutex, and its programs take turns by themselves.) The one exception
 * is a thread that dies while it waits: it holds no mutex then, so it only counts itself in `gone`,
 * atomically, and the next edge under the mutex settles the account. struct gil_thread is written
 * by its own thread, and by the CPU that switches it in or out or wakes it, which the scheduler's
 * own locks keep apart.
 *
 * What was under way when the observation began. The start of a wait or hold that was not seen is
 * not guessed: such a wait or hold is counted in `partial_waits` or `partial_holds` and enters no
 * distribution. A release that ends a hold of which the acquisition was not seen is not counted in
 * `releases` either, so acquisitions - releases is always 0 or 1.
 *
 * All times are ns of CLOCK_MONOTONIC.
 */
#ifndef GIL_MODEL_H
#define GIL_MODEL_H

#include "gil_edge.h"
#include "gil_hist.h"

enum gil_thread_state {
	GIL_THREAD_UNSEEN =
		0,       /* it was there before the observation began and has shown no edge yet */
	GIL_THREAD_IDLE, /* neither waits nor holds */
	GIL_THREAD_WAITING,
	GIL_THREAD_HOLDING,
	GIL_THREAD_GONE,
};

enum gil_lock_state {
	GIL_LOCK_UNSEEN = 0, /* no edge has told yet */
	GIL_LOCK_FREE,
	GIL_LOCK_HELD,
};

/* Where a thread's time goes within a wait or a hold. In a hold, RUNNABLE is called preempted. */
enum gil_part {
	GIL_PART_ONCPU = 0,
	GIL_PART_RUNNABLE,
	GIL_PART_BLOCKED,
	GIL_PARTS,
};

/* What is counted and measured for each thread. A GIL's figures are the sum over its threads. */
struct gil_figures {
	__u64 acquisitions;
	__u64 contended; /* acquisitions after a wait: equals wait.count */
	__u64 releases;  /* equals hold.count */
	__u64 requested_releases;
	__u64 hold_part[GIL_PARTS]; /* sum equals hold.sum */
	__u64 wait_part[GIL_PARTS]; /* sum equals wait.sum */
	struct gil_hist hold;
	struct gil_hist wait;
};

struct gil_thread {
	__u32 seq;  /* odd while the record is being written; see gil_maps.h */
	__u32 tid;  /* 0: the record is free */
	__u32 pid;  /* the process (thread group) */
	__u32 lock; /* index of its GIL's record */
	char comm[16];
	__u8 state;   /* enum gil_thread_state */
	__u8 cpu;     /* enum gil_part: where the time since `mark` goes */
	__u8 partial; /* the start of the current wait or hold was not seen */
	__u8 several; /* the BPF side's own note: this thread has records for other GILs too */
	__u32 record; /* and: the index of this one */
	__u64 since;  /* start of the current wait or hold */
	__u64 mark;   /* the current wait or hold is accounted for up to here */
	__u64 part[GIL_PARTS];
	__u64 ran;   /* the BPF side's own note: its CPU time when it was last switched out */
	__u64 tried; /* and, with Python 2's GIL: when it was about to take it; 0: it is not */
	__u64 told;  /* and: a recording knows whose record this is */
	struct gil_figures fig;
};

struct gil_lock {
	__u32 seq;
	__u32 pid; /* 0: the record is free */
	__u64 address;
	__u64 start;    /* edges are seen from here on */
	__u32 state;    /* enum gil_lock_state */
	__u32 last_tid; /* the holder, or the last one */
	__u64 since;    /* held, or free, since; while UNSEEN: not known since */
	__u64 held_ns;  /* completed holds, seen or partial */
	/* waiters and their integrals, up to `mark` */
	__u32 waiters;
	__u32 gone;        /* threads that died waiting; the only field written without the mutex */
	__u32 gone_seen;   /* of those, the ones already taken off `waiters` */
	__u32 last_record; /* the BPF side's own note: where last_tid's record is */
	__u32 born;        /* and: it was made while it was watched, so nothing was missed */
	__u32 interpreter; /* its interpreter's number */
	__u64 mark;
	__u64 lost;         /* the BPF side's own note: edges that a recording had no room for, */
	__u64 lost_since;   /* and when it began; not yet told to it */
	__u64 contended_ns; /* time with at least one waiter */
	__u64 waiter_ns;    /* waiters times time */
	__u64 chain_len;    /* handoffs in the chain that is growing now */
	__u64 wait_slices;  /* timed waits, each at most the switch interval long */
	__u64 partial_waits;
	__u64 partial_holds;
	__u64 anomalies; /* edges that contradict the state: one was missed. 0 in a good run */
	struct gil_hist handoff; /* release to acquisition */
	struct gil_hist chain;   /* handoffs in a completed chain; a count, not a time */
};

/* What an acquisition says of a handoff; valid only if `count` is 1. */
struct gil_handoff {
	__u32 from; /* tid */
	__u32 to;   /* tid */
	__u64 wait_ns;
	__u64 count;
};

/* From `from` to `to`, never negative: clocks of two CPUs may differ by some ns. */
static __always_inline __u64 gil_elapsed(__u64 from, __u64 to)
{
	return to > from ? to - from : 0;
}

static __always_inline __u64 gil_later(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

/* Charges the thread's time up to ts to where it has been since `mark`. */
static __always_inline void gil_thread_account(struct gil_thread *t, __u64 ts)
{
	__u64 d = gil_elapsed(t->mark, ts);

	if (!gil_rarely(t->cpu != GIL_PART_ONCPU))
		t->part[GIL_PART_ONCPU] += d;
	else if (t->cpu == GIL_PART_RUNNABLE)
		t->part[GIL_PART_RUNNABLE] += d;
	else
		t->part[GIL_PART_BLOCKED] += d;
	t->mark += d;
}

static __always_inline void gil_thread_begin(struct gil_thread *t, __u8 state, __u8 partial,
					     __u64 ts)
{
	t->state = state;
	t->partial = partial;
	t->cpu = GIL_PART_ONCPU; /* an edge of its own happens on a CPU */
	t->since = ts;
	t->mark = ts;
	t->part[GIL_PART_ONCPU] = 0;
	t->part[GIL_PART_RUNNABLE] = 0;
	t->part[GIL_PART_BLOCKED] = 0;
}

/* Ends the current wait or hold; returns its length, which is the sum of its parts. */
static __always_inline __u64 gil_thread_finish(struct gil_thread *t, __u64 ts)
{
	gil_thread_account(t, ts);
	return t->part[GIL_PART_ONCPU] + t->part[GIL_PART_RUNNABLE] + t->part[GIL_PART_BLOCKED];
}

static __always_inline void gil_parts_add(__u64 *sum, const __u64 *part)
{
	sum[GIL_PART_ONCPU] += part[GIL_PART_ONCPU];
	sum[GIL_PART_RUNNABLE] += part[GIL_PART_RUNNABLE];
	sum[GIL_PART_BLOCKED] += part[GIL_PART_BLOCKED];
}

/* Brings the waiters and their integrals up to ts. */
static __always_inline void gil_lock_advance(struct gil_lock *l, __u64 ts)
{
	__u64 d = gil_elapsed(l->mark, ts);
	__u32 gone = l->gone;

	if (gil_rarely(l->waiters)) {
		l->contended_ns += d;
		l->waiter_ns += d * l->waiters;
	}
	l->mark += d;
	if (gil_rarely(gone != l->gone_seen)) {
		__u32 n = gone - l->gone_seen;

		l->waiters -= n < l->waiters ? n : l->waiters;
		l->gone_seen = gone;
	}
}

static __always_inline void gil_lock_end_chain(struct gil_lock *l)
{
	if (gil_rarely(l->chain_len)) {
		gil_hist_add(&l->chain, l->chain_len);
		l->chain_len = 0;
	}
}

/* A GIL is watched from ts on. The record must be zero. */
static __always_inline void gil_lock_begin(struct gil_lock *l, __u32 pid, __u64 address, __u64 ts)
{
	l->address = address;
	l->start = ts;
	l->since = ts;
	l->mark = ts;
	l->pid = pid;
}

static __always_inline void gil_model_wait(struct gil_lock *l, struct gil_thread *t, __u64 ts)
{
	l->wait_slices++;
	if (t->state == GIL_THREAD_WAITING)
		return;
	if (t->state == GIL_THREAD_HOLDING)
		l->anomalies++;
	gil_lock_advance(l, ts);
	l->waiters++;
	gil_thread_begin(t, GIL_THREAD_WAITING, t->state == GIL_THREAD_UNSEEN, ts);
}

/* Returns the handoff that this acquisition is, with count 0 if it is none. */
static __always_inline struct gil_handoff gil_model_acquire(struct gil_lock *l,
							    struct gil_thread *t, __u64 ts)
{
	struct gil_handoff handoff = {.from = l->last_tid, .to = t->tid};
	int waited = t->state == GIL_THREAD_WAITING;

	gil_lock_advance(l, ts);
	if (gil_rarely(waited)) {
		handoff.wait_ns = gil_thread_finish(t, ts);
		if (l->waiters)
			l->waiters--;
		if (t->partial) {
			l->partial_waits++;
			handoff.wait_ns = 0; /* not measured in full, so not at all */
		} else {
			t->fig.contended++;
			gil_hist_add(&t->fig.wait, handoff.wait_ns);
			gil_parts_add(t->fig.wait_part, t->part);
		}
	} else if (gil_rarely(t->state == GIL_THREAD_HOLDING)) {
		l->anomalies++;
	}

	if (gil_rarely(waited) && l->state == GIL_LOCK_FREE && t->since <= l->since &&
	    l->last_tid != t->tid) {
		handoff.count = 1;
		gil_hist_add(&l->handoff, gil_elapsed(l->since, ts));
		l->chain_len++;
	} else {
		gil_lock_end_chain(l);
	}

	if (gil_rarely(l->state == GIL_LOCK_HELD && t->state != GIL_THREAD_HOLDING))
		l->anomalies++;
	l->state = GIL_LOCK_HELD;
	l->last_tid = t->tid;
	l->since = ts;
	t->fig.acquisitions++;
	gil_thread_begin(t, GIL_THREAD_HOLDING, 0, ts);
	return handoff;
}

/* True if a release at this moment may have been asked for: only a waiter asks. */
static __always_inline int gil_model_has_waiters(const struct gil_lock *l)
{
	return l->waiters != 0;
}

/*
 * False if a signal of the GIL's condition variable by this thread is no release. glibc sends such
 * a signal itself, from within pthread_cond_timedwait and without the mutex, when a waiter may have
 * taken a wake-up that was meant for another one. Then the thread waits; or its wait began before
 * the observation, and the holder is known.
 */
static __always_inline int gil_model_is_release(const struct gil_lock *l,
						const struct gil_thread *t)
{
	if (gil_rarely(t->state == GIL_THREAD_UNSEEN))
		return l->state == GIL_LOCK_UNSEEN;
	return t->state != GIL_THREAD_WAITING;
}

/*
 * A thread that waits releases nothing: it gives up, because the GIL of a free-threaded build was
 * turned off. Its wait has not ended as waits do, and enters no distribution.
 */
static __always_inline void gil_model_release(struct gil_lock *l, struct gil_thread *t,
					      int requested, __u64 ts)
{
	gil_lock_advance(l, ts);
	if (gil_rarely(t->state == GIL_THREAD_WAITING)) {
		if (l->waiters)
			l->waiters--;
		t->state = GIL_THREAD_IDLE;
		return;
	}
	if (!gil_rarely(t->state != GIL_THREAD_HOLDING)) {
		__u64 hold = gil_thread_finish(t, ts);

		l->held_ns += hold;
		t->fig.releases++;
		if (gil_rarely(requested))
			t->fig.requested_releases++;
		gil_hist_add(&t->fig.hold, hold);
		gil_parts_add(t->fig.hold_part, t->part);
	} else if (l->state == GIL_LOCK_UNSEEN) {
		/* It has held the GIL since before the observation began. */
		l->held_ns += gil_elapsed(l->since, ts);
		l->partial_holds++;
	} else {
		l->anomalies++;
	}
	l->state = GIL_LOCK_FREE;
	l->last_tid = t->tid;
	l->since = ts;
	if (!l->waiters)
		gil_lock_end_chain(l);
	t->state = GIL_THREAD_IDLE;
}

static __always_inline int gil_thread_is_timed(const struct gil_thread *t)
{
	return t->state == GIL_THREAD_WAITING || t->state == GIL_THREAD_HOLDING;
}

static __always_inline void gil_model_switch_out(struct gil_thread *t, int runnable, __u64 ts)
{
	gil_thread_account(t, ts);
	t->cpu = runnable ? GIL_PART_RUNNABLE : GIL_PART_BLOCKED;
}

static __always_inline void gil_model_wake(struct gil_thread *t, __u64 ts)
{
	if (t->cpu != GIL_PART_BLOCKED)
		return;
	gil_thread_account(t, ts);
	t->cpu = GIL_PART_RUNNABLE;
}

static __always_inline void gil_model_switch_in(struct gil_thread *t, __u64 ts)
{
	if (t->cpu == GIL_PART_ONCPU)
		return;
	gil_thread_account(t, ts);
	t->cpu = GIL_PART_ONCPU;
}

/* The thread is gone. What it had not finished enters no distribution. */
static __always_inline void gil_model_exit(struct gil_lock *l, struct gil_thread *t)
{
	if (t->state == GIL_THREAD_WAITING)
		__sync_fetch_and_add(&l->gone, 1);
	t->state = GIL_THREAD_GONE;
}

/*
 * Edges of this GIL from `from` to `to` are missing: a recording lost them. Nothing is known of it
 * then, as before an observation, and the time between does not count as observed. The caller makes
 * the GIL's threads UNSEEN. What was going on enters no distribution.
 */
static inline void gil_model_gap(struct gil_lock *l, __u64 from, __u64 to)
{
	if (from > to)
		from = to;
	gil_lock_advance(l, from);
	if (l->state == GIL_LOCK_HELD)
		l->held_ns += gil_elapsed(l->since, from);
	l->start += to - from;
	l->state = GIL_LOCK_UNSEEN;
	l->since = to;
	l->mark = to;
	l->last_tid = 0;
	l->waiters = 0;
	l->chain_len = 0;
}

/*
 * The release of a hold that had begun unseen, though it is known of the GIL that it was held: only
 * with Python 2, where an acquisition may be seen at its release alone.
 */
static __always_inline void gil_model_release_unseen(struct gil_lock *l, struct gil_thread *t)
{
	l->partial_holds++;
	t->state = GIL_THREAD_IDLE;
}

/*
 * The integrals up to `now`, for a reader: with the hold and the waits that are still going on.
 * `locked_at_start` is the lock's own word when the observation began (1, 0, or -1 if not known);
 * it matters only while no edge has been seen.
 */
static __always_inline __u64 gil_lock_held_until(const struct gil_lock *l, int locked_at_start,
						 __u64 now)
{
	if (l->state == GIL_LOCK_HELD)
		return l->held_ns + gil_elapsed(l->since, now);
	if (l->state == GIL_LOCK_UNSEEN && locked_at_start == 1)
		return l->held_ns + gil_elapsed(l->since, now);
	return l->held_ns;
}

/* The threads that wait now. */
static __always_inline __u32 gil_lock_waiters(const struct gil_lock *l)
{
	__u32 n = l->gone - l->gone_seen;

	return l->waiters > n ? l->waiters - n : 0;
}

/*
 * In the integrals a thread that died waiting counts until the next edge settles its account, as it
 * does in gil_lock_advance: when a process is killed, all its waiters die before the end, and the
 * wait for a holder that never let go was real.
 */
static __always_inline __u64 gil_lock_contended_until(const struct gil_lock *l, __u64 now)
{
	return l->contended_ns + (l->waiters ? gil_elapsed(l->mark, now) : 0);
}

static __always_inline __u64 gil_lock_waiting_until(const struct gil_lock *l, __u64 now)
{
	return l->waiter_ns + l->waiters * gil_elapsed(l->mark, now);
}

/* One edge through the model: the replay's and the tests' way in. Returns the handoff it is, if
 * any. Always inlined, as a BPF function of its own cannot return a structure. */
static __always_inline struct gil_handoff gil_model_step(struct gil_lock *l, struct gil_thread *t,
							 const struct gil_edge *e)
{
	struct gil_handoff none = {0};

	switch (e->kind) {
	case GIL_EDGE_WAIT:
		gil_model_wait(l, t, e->ts);
		break;
	case GIL_EDGE_ACQUIRE:
		return gil_model_acquire(l, t, e->ts);
	case GIL_EDGE_RELEASE:
		if (e->flags & GIL_EDGE_F_UNSEEN) {
			gil_model_release_unseen(l, t);
			break;
		}
		gil_model_release(l, t, !!(e->flags & GIL_EDGE_F_REQUESTED), e->ts);
		break;
	case GIL_EDGE_SWITCH_OUT:
		if (gil_thread_is_timed(t))
			gil_model_switch_out(t, !!(e->flags & GIL_EDGE_F_RUNNABLE), e->ts);
		break;
	case GIL_EDGE_WAKE:
		if (gil_thread_is_timed(t))
			gil_model_wake(t, e->ts);
		break;
	case GIL_EDGE_SWITCH_IN:
		if (gil_thread_is_timed(t))
			gil_model_switch_in(t, e->ts);
		break;
	case GIL_EDGE_EXIT:
		gil_model_exit(l, t);
		break;
	default:
		break;
	}
	return none;
}

#endif
