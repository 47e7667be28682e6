/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The model: how an edge changes the state of a thread and of a GIL.
 *
 * It is written once and compiled twice. In the kernel these functions run at the edge itself, on
 * records in memory-mapped arrays. On the host they run over recorded edges and in the tests. They
 * are pure: no clock, no system call, no memory but their arguments.
 *
 * What is kept where. A GIL's record has what only makes sense for the GIL as a whole: who holds
 * it, who waits, handoffs and chains. Counts, holds and waits are kept per thread only. A GIL's
 * figures are the sum over its threads, which the reader computes, so that an edge touches few
 * cache lines.
 *
 * Who may write what. Every WAIT, ACQUIRE and RELEASE of a GIL happens while its thread holds that
 * GIL's mutex, so struct gil_lock has one writer at a time and needs no atomics. (Python 2 has no
 * such mutex; its BPF programs use the sequence count as a lock.) The one exception is a thread
 * that dies while it waits: it does not hold the mutex, so it only increments `gone`, atomically,
 * and the next edge under the mutex adjusts the waiters. struct gil_thread is written by its own
 * thread, and by the CPU that wakes it or switches it in or out; the scheduler's locks keep those
 * apart.
 *
 * What was under way when the observation began. The start of such a wait or hold was not seen, and
 * it is not guessed: the wait or hold is counted in `partial_waits` or `partial_holds` and enters
 * no distribution. A release whose acquisition was not seen is not counted in `releases` either, so
 * acquisitions - releases is always 0 or 1.
 *
 * When a hold is asked to end. A waiter sleeps for one switch interval at a time. If the GIL has not
 * changed hands meanwhile, the waiter asks the holder to let go, and sleeps again. So a second slice
 * of a wait, when the first one began in this hold, says that the request was made, whatever the
 * interval is. Python code follows it within microseconds. What takes longer is native code, and
 * counts as overdue. The time for which the holder had no CPU or was stopped does not count, and
 * neither does what is too short to matter.
 *
 * All times are ns of CLOCK_MONOTONIC.
 */
#ifndef GIL_MODEL_H
#define GIL_MODEL_H

#include "gil_edge.h"
#include "gil_record.h"

/* A hold that ends so soon after a waiter asked for it is not overdue. The host of a virtual machine
 * may take away a CPU for longer than a millisecond, which nobody sees. */
#define GIL_OVERDUE_LEAST_NS 2000000ULL

/* The handoff that an acquisition completes; valid only if `count` is 1. */
struct gil_handoff {
	__u32 from; /* tid */
	__u32 to;   /* tid */
	__u64 wait_ns;
	__u64 count;
};

/* The time from `from` to `to`, never negative: the clocks of two CPUs may differ by some ns. */
static __always_inline __u64 gil_elapsed(__u64 from, __u64 to)
{
	return to > from ? to - from : 0;
}

static __always_inline __u64 gil_later(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

static __always_inline void gil_thread_account_blocked(struct gil_thread *t, __u64 d)
{
	t->part[GIL_PART_BLOCKED] += d;
	if (gil_rarely(t->stopped))
		t->stopped_ns += d;
}

/* Charges the thread's time since `mark`, up to ts, to the part in `cpu`. */
static __always_inline void gil_thread_account(struct gil_thread *t, __u64 ts)
{
	__u64 d = gil_elapsed(t->mark, ts);

	if (!gil_rarely(t->cpu != GIL_PART_ONCPU))
		t->part[GIL_PART_ONCPU] += d;
	else if (t->cpu == GIL_PART_RUNNABLE)
		t->part[GIL_PART_RUNNABLE] += d;
	else
		gil_thread_account_blocked(t, d);
	t->mark += d;
}

static __always_inline void gil_thread_begin(struct gil_thread *t, __u8 state, __u8 partial,
					     __u64 ts)
{
	t->state = state;
	t->partial = partial;
	t->cpu = GIL_PART_ONCPU; /* its own edges happen on a CPU */
	t->since = ts;
	t->mark = ts;
	t->part[GIL_PART_ONCPU] = 0;
	t->part[GIL_PART_RUNNABLE] = 0;
	t->part[GIL_PART_BLOCKED] = 0;
	t->stopped_ns = 0;
	t->stopped = 0;
}

/* How much of the current wait or hold the thread has slept. */
static __always_inline __u64 gil_thread_asleep(const struct gil_thread *t)
{
	return t->part[GIL_PART_BLOCKED] - t->stopped_ns;
}

/* Ends the current wait or hold. Returns its length in ns, which is the sum of its parts. */
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

/*
 * The thread was found to have the GIL when the observation began, at ts. Its hold is partial. It is
 * only believed as long as the GIL's own record has seen nobody else with it: until then, that record
 * says UNSEEN.
 */
static inline void gil_model_found(struct gil_thread *t, __u8 place, __u64 ts)
{
	gil_thread_begin(t, GIL_THREAD_HOLDING, 1, ts);
	t->stopped = place == GIL_FOUND_STOPPED;
	t->cpu = t->stopped ? GIL_PART_BLOCKED : place;
}

/* True as long as the thread has produced no edge that says what it does. */
static __always_inline int gil_thread_is_found(const struct gil_thread *t)
{
	return t->state == GIL_THREAD_HOLDING && t->partial;
}

/* Brings the number of waiters and their integrals up to ts. */
static __always_inline void gil_lock_advance(struct gil_lock *l, __u64 ts)
{
	__u64 d = gil_elapsed(l->mark, ts);
	__u32 gone = l->gone;

	if (gil_rarely(l->waiters)) {
		l->contended_ns += d;
		l->waiter_ns += d * l->waiters;
		if (l->state == GIL_LOCK_FREE)
			l->free_wait_ns += d * l->waiters;
		else if (gil_rarely(l->state == GIL_LOCK_UNSEEN))
			l->unseen_wait_ns += d * l->waiters;
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

/* The GIL is observed from ts on. The record must be zeroed. */
static __always_inline void gil_lock_begin(struct gil_lock *l, __u32 pid, __u64 address, __u64 ts)
{
	l->address = address;
	l->start = ts;
	l->since = ts;
	l->mark = ts;
	l->pid = pid;
}

/* The thread was found to wait for the GIL, asleep, when the observation began, at ts. */
static inline void gil_model_found_waiting(struct gil_lock *l, struct gil_thread *t, __u64 ts)
{
	gil_lock_advance(l, ts);
	l->waiters++;
	gil_thread_begin(t, GIL_THREAD_WAITING, 1, ts);
	t->cpu = GIL_PART_BLOCKED;
	t->slice = ts;
}

/* It does not wait any more, and no edge has shown why. Another thread may change the record of the
 * GIL at the same time. */
static inline void gil_model_found_no_more(struct gil_lock *l, struct gil_thread *t)
{
	__sync_fetch_and_add(&l->gone, 1);
	t->state = GIL_THREAD_UNSEEN;
}

#include "gil_waits.h"

static __always_inline void gil_model_wait(struct gil_lock *l, struct gil_thread *t, __u64 ts)
{
	l->wait_slices++;
	if (gil_rarely(t->state == GIL_THREAD_WOKEN)) {
		gil_model_not_got(l, t, ts);
		return;
	}
	if (t->state == GIL_THREAD_WAITING) {
		if (!l->asked && l->state == GIL_LOCK_HELD && t->slice >= l->since)
			l->asked = ts;
		t->slice = ts;
		return;
	}
	if (t->state == GIL_THREAD_HOLDING && !t->partial)
		l->anomalies++;
	gil_lock_advance(l, ts);
	l->waiters++;
	gil_thread_begin(t, GIL_THREAD_WAITING,
			 t->state == GIL_THREAD_UNSEEN || gil_thread_is_found(t), ts);
	t->slice = ts;
}

/* Returns the handoff that this acquisition completes; its count is 0 if there is none. */
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
			t->fig.partial_wait_ns += handoff.wait_ns;
			handoff.wait_ns = 0; /* not measured completely, so not reported */
		} else {
			t->fig.contended++;
			gil_hist_add(&t->fig.wait, handoff.wait_ns);
			gil_parts_add(t->fig.wait_part, t->part);
		}
	} else if (gil_rarely(t->state == GIL_THREAD_HOLDING && !t->partial)) {
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
	l->contended_before = l->contended_ns;
	l->asked = 0;
	t->fig.acquisitions++;
	gil_thread_begin(t, GIL_THREAD_HOLDING, 0, ts);
	return handoff;
}

/* True if somebody can have requested a release at this moment: only waiters do. */
static __always_inline int gil_model_has_waiters(const struct gil_lock *l)
{
	return l->waiters != 0;
}

/*
 * False if this thread's signal of the GIL's condition variable is not a release. When a waiter may
 * have taken a wake-up meant for another one, glibc itself sends such a signal, from within
 * pthread_cond_timedwait and without the mutex. The signalling thread is then waiting; or it began
 * to wait before the observation, and the holder is known.
 */
static __always_inline int gil_model_is_release(const struct gil_lock *l,
						const struct gil_thread *t)
{
	if (gil_rarely(t->state == GIL_THREAD_UNSEEN || gil_thread_is_found(t)))
		return l->state == GIL_LOCK_UNSEEN;
	return t->state != GIL_THREAD_WAITING;
}

/* Counts for what part of a completed hold others waited. `ts` is its end. */
static __always_inline void gil_model_waited_for(const struct gil_lock *l, struct gil_thread *t,
						 __u64 ts)
{
	__u64 waited = gil_elapsed(l->contended_before, l->contended_ns);
	__u64 asleep = gil_thread_asleep(t);
	__u64 idle = t->part[GIL_PART_RUNNABLE] + t->stopped_ns;
	__u64 overdue = l->asked ? gil_elapsed(l->asked + idle, ts) : 0;

	t->fig.waited_for_ns += waited;
	t->fig.waited_for_asleep_ns += asleep < waited ? asleep : waited;
	if (overdue >= GIL_OVERDUE_LEAST_NS)
		t->fig.overdue_ns += overdue;
}

/*
 * A waiting thread has nothing to release. It gives up, because the GIL of a free-threaded build
 * was turned off. Its wait did not end in an acquisition, so it enters no distribution.
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
	if (!gil_rarely(t->state != GIL_THREAD_HOLDING || t->partial)) {
		__u64 hold = gil_thread_finish(t, ts);

		l->held_ns += hold;
		t->fig.releases++;
		if (gil_rarely(requested))
			t->fig.requested_releases++;
		gil_hist_add(&t->fig.hold, hold);
		gil_parts_add(t->fig.hold_part, t->part);
		t->fig.hold_stopped_ns += t->stopped_ns;
		if (gil_rarely(l->contended_ns != l->contended_before))
			gil_model_waited_for(l, t, ts);
	} else if (l->state == GIL_LOCK_UNSEEN) {
		/* The thread has held the GIL since before the observation began. */
		l->held_ns += gil_elapsed(l->since, ts);
		l->partial_holds++;
		if (gil_thread_is_found(t)) {
			t->fig.partial_hold_ns += gil_thread_finish(t, ts);
			t->fig.partial_hold_blocked_ns += gil_thread_asleep(t);
			gil_model_waited_for(l, t, ts);
		}
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

static __always_inline void gil_model_switch_out(struct gil_thread *t, __u32 flags, __u64 ts)
{
	gil_thread_account(t, ts);
	t->cpu = flags & GIL_EDGE_F_RUNNABLE ? GIL_PART_RUNNABLE : GIL_PART_BLOCKED;
	t->stopped = flags & GIL_EDGE_F_STOPPED;
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

/*
 * The thread has exited, and with it ends what it was doing. An unfinished wait lasted until now,
 * and enters no distribution, like one that goes on at the end of the observation. An unfinished
 * hold does not end: nobody can let the GIL go any more, unless the process ends, too.
 */
static __always_inline void gil_thread_exit(struct gil_thread *t, __u64 ts)
{
	if (gil_thread_is_timed(t))
		gil_thread_account(t, ts);
	t->died = t->state;
	t->state = GIL_THREAD_GONE;
}

/* What the thread does now or, if it has exited, did then. */
static __always_inline __u8 gil_thread_last_state(const struct gil_thread *t)
{
	return t->state == GIL_THREAD_GONE ? t->died : t->state;
}

static __always_inline void gil_model_exit(struct gil_lock *l, struct gil_thread *t, __u64 ts)
{
	if (t->state == GIL_THREAD_WAITING)
		__sync_fetch_and_add(&l->gone, 1);
	else if (gil_rarely(t->state == GIL_THREAD_WOKEN))
		gil_thread_got(t, &l->partial_waits);
	gil_thread_exit(t, ts);
}

/*
 * A recording lost this GIL's edges from `from` to `to`. As before an observation, nothing is known
 * about the GIL then, and the time between does not count as observed. Unfinished waits and holds
 * enter no distribution. The caller makes the GIL's threads UNSEEN.
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
	l->asked = 0;
}

/*
 * Ends a hold whose beginning was not seen, although the GIL is known to have been held. This
 * happens only with Python 2, where the release may be the first sign of an acquisition.
 */
static __always_inline void gil_model_release_unseen(struct gil_lock *l, struct gil_thread *t)
{
	l->partial_holds++;
	t->state = GIL_THREAD_IDLE;
}

/* Applies one edge. The replay and the tests enter the model here. Returns the handoff that the
 * edge completes, if any. Always inlined, because a BPF function cannot return a structure. */
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
			gil_model_switch_out(t, e->flags, e->ts);
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
		gil_model_exit(l, t, e->ts);
		break;
	case GIL_EDGE_WOKEN:
		gil_model_woken(l, t, e->ts);
		break;
	case GIL_EDGE_GOT:
		return gil_model_got(l, t, e->flags & GIL_EDGE_F_UNSEEN);
	case GIL_EDGE_LET_GO:
		gil_model_let_go(l, t, !!(e->flags & GIL_EDGE_F_REQUESTED), e->ts);
		break;
	default:
		break;
	}
	return none;
}

#endif
