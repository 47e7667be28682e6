/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The part of the model for a source that sees waits alone (bpf/futex.h). Included by gil_model.h
 * alone.
 *
 * Such a source sees a thread go to sleep for a GIL, wake and run. It does not see whether the thread
 * has then got the GIL: that shows later, when the thread sleeps again, there or elsewhere, or wakes
 * another waiter. So a wait ends in two steps. WOKEN takes the thread off the waiters and keeps the
 * moment. GOT confirms it: the wait lasted until then. A WAIT says that the thread did not get it, and
 * puts right what was not counted meanwhile. WOKEN may be far in the past by then, but the edges of a
 * GIL stay in the order of their times.
 *
 * Nothing is known of holds: the GIL's record stays UNSEEN. Its last_tid and since say who let it go
 * last, and when, so far as that woke a waiter. The latency of a handoff lasts until the next thread is
 * on a CPU, which it may be already.
 */
#ifndef GIL_WAITS_H
#define GIL_WAITS_H

/* The thread has slept in its wait, and runs again. */
static __always_inline void gil_model_woken(struct gil_lock *l, struct gil_thread *t, __u64 ts)
{
	if (t->state != GIL_THREAD_WAITING)
		return;
	gil_thread_account(t, ts);
	gil_lock_advance(l, ts);
	if (l->waiters)
		l->waiters--;
	/* It may be told late. */
	l->waiter_ns -= gil_elapsed(ts, l->mark);
	l->unseen_wait_ns -= gil_elapsed(ts, l->mark);
	t->cpu = GIL_PART_ONCPU;
	t->state = GIL_THREAD_WOKEN;
	t->woken.at = ts;
	t->woken.contended_ns = l->contended_ns;
}

/* It did not get the GIL: its wait has gone on all the time. */
static __always_inline void gil_model_not_got(struct gil_lock *l, struct gil_thread *t, __u64 ts)
{
	__u64 d;

	gil_lock_advance(l, ts);
	d = gil_elapsed(t->woken.at, l->mark);
	l->waiter_ns += d;
	l->unseen_wait_ns += d;
	l->contended_ns = gil_later(l->contended_ns, t->woken.contended_ns + d);
	l->waiters++;
	t->state = GIL_THREAD_WAITING;
	t->slice = ts;
}

/* Ends the wait at the moment that was kept. Returns its length. Changes nothing of the GIL's but
 * *partial_waits, and that atomically. */
static __always_inline __u64 gil_thread_got(struct gil_thread *t, __u64 *partial_waits)
{
	__u64 wait =
		t->part[GIL_PART_ONCPU] + t->part[GIL_PART_RUNNABLE] + t->part[GIL_PART_BLOCKED];

	if (t->partial) {
		__sync_fetch_and_add(partial_waits, 1);
		t->fig.partial_wait_ns += wait;
	} else {
		t->fig.contended++;
		gil_hist_add(&t->fig.wait, wait);
		gil_parts_add(t->fig.wait_part, t->part);
	}
	t->state = GIL_THREAD_IDLE;
	return wait;
}

/* Returns the handoff that this completes, as gil_model_acquire does. */
static __always_inline struct gil_handoff gil_model_got(struct gil_lock *l, struct gil_thread *t,
							int unseen)
{
	struct gil_handoff handoff = {.from = l->last_tid, .to = t->tid};
	int partial = t->partial;
	__u64 wait;

	if (t->state != GIL_THREAD_WOKEN)
		return handoff;
	wait = gil_thread_got(t, &l->partial_waits);
	/* Nobody else has let it go since this thread has got it. */
	if (!unseen && l->last_tid && l->last_tid != t->tid && l->since >= t->since) {
		handoff.count = 1;
		handoff.wait_ns = partial ? 0 : wait;
		gil_hist_add(&l->handoff, gil_elapsed(l->since, t->woken.at));
	}
	return handoff;
}

/* Whoever wakes a waiter has had the GIL. */
static __always_inline void gil_model_let_go(struct gil_lock *l, struct gil_thread *t,
					     int requested, __u64 ts)
{
	gil_lock_advance(l, ts);
	l->last_tid = t->tid;
	l->since = ts;
	if (requested)
		t->fig.requested_releases++;
	if (t->state == GIL_THREAD_UNSEEN)
		t->state = GIL_THREAD_IDLE;
}

#endif
