// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whether holds that Python code does not explain are what others wait for. */
#include "core/figures/verdict_group.h"

/* Holds that go on after they were asked to end must be a quarter of what others wait for: a single
 * import or a large sort is not a pattern. */
#define OVERDUE_MUCH 0.25
/* Where it is not known when a hold was asked to end: Python code lets go within one interval of
 * being asked. Four leave room for a late wake-up. */
#define LONG_INTERVALS 4

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

double verdict_waited_with_cpu(const struct verdict *v, const struct verdict_look *l)
{
	return (double)gil_lock_contended_until(&l->gil->lock, l->now) * (1 - v->preempted_share);
}

double verdict_time_from(const struct gil_hist *h, __u64 from)
{
	double sum = 0;

	for (__u32 i = gil_hist_slot(from); i < GIL_HIST_SLOTS; i++) {
		if (h->slot[i])
			sum += (double)h->slot[i] * (double)gil_hist_lo(i);
	}
	return sum;
}

/* True if each slice of a wait was seen, and not only the first. */
static bool slices_are_seen(const struct verdict_look *l)
{
	const struct snapshot_gil *g = l->gil;
	__u64 waits = g->fig.wait.count + g->lock.partial_waits + g->lock.waiters;

	return verdict_look__has_counters(l) &&
	       (g->lock.wait_slices > waits || g->fig.wait.max < 2 * l->interval_ns);
}

/*
 * If it is not known when holds were asked to end, native code that computes shows in the waits. If
 * each holder lets go when asked, the n-th waiter in a row has to wait n turns, and not more. Long
 * holds alone prove nothing, because nobody asks without a waiter. But without long holds there is
 * no such code.
 */
static bool waits_show_native_code(const struct verdict_look *l)
{
	const struct gil_figures *f = &l->gil->fig;
	__u64 turn = LONG_INTERVALS * l->interval_ns;
	double all_turns = (double)turn * l->row;

	if (verdict_time_from(&f->wait, all_turns < 1e18 ? (__u64)all_turns : ~0ULL) <
	    OVERDUE_MUCH * (double)f->wait.sum)
		return false;
	/* Bad luck in a long row, or holders without a CPU, also make long waits out of short
	 * holds. */
	return l->row * verdict_time_from(&f->hold, turn) >= OVERDUE_MUCH * (double)f->wait.sum;
}

static bool holds_long(const struct verdict_look *l, const struct gil_thread *t)
{
	return t->fig.hold.max >= LONG_INTERVALS * l->interval_ns;
}

bool verdict_is_native(struct verdict *v, const struct verdict_look *l)
{
	if (slices_are_seen(l)) {
		if (share((double)verdict_sum(l, verdict_key__overdue),
			  verdict_waited_with_cpu(v, l)) < OVERDUE_MUCH)
			return false;
		v->front = verdict_group(l, verdict_key__overdue, NULL);
		return true;
	}
	if (!waits_show_native_code(l))
		return false;
	v->front = verdict_group(l, verdict_key__waited_for, holds_long);
	return true;
}
