// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Whether threads wait for a CPU rather than for the GIL. */
#include "core/figures/verdict_group.h"

/* CPUs are the cause if more of them would end half of the waiting. But they end it only if the
 * threads together want the GIL less than all the time. A thread that gets the GIL next has to be
 * woken, which takes so long even if there is a CPU for it. */
#define PREEMPTED_MUCH   0.50
#define PREEMPTED_DEMAND 0.90
#define PREEMPTED_REST   0.25 /* of a typical wait, which with enough CPUs remains */
#define WAKE_UP_NS       100000.0

/* For how much of the time in which others wait nobody has the GIL: the one that was woken to take
 * it next does not run yet. */
static double waited_for_nobody(const struct verdict_look *l)
{
	const struct gil_lock *k = &l->gil->lock;
	__u64 contended = gil_lock_contended_until(k, l->now);
	__u64 held = verdict_sum(l, verdict_key__waited_for);
	double free = l->observed - (double)gil_lock_held_until(k, l->gil->locked_at_start, l->now);
	double nobody = (double)gil_elapsed(held, contended);

	return nobody < free ? nobody : free;
}

/* The share of the waiting that would end if there were enough CPUs. */
static double lack_of_cpus(const struct verdict_look *l, double preempted_share)
{
	double contended = (double)gil_lock_contended_until(&l->gil->lock, l->now);
	double nobody = verdict_look__has_counters(l) ? waited_for_nobody(l) : 0;
	double wake_ups = WAKE_UP_NS * (double)l->gil->fig.contended;
	double lacking = preempted_share * (contended - nobody);

	if (nobody > wake_ups)
		lacking += nobody - wake_ups;
	return contended > 0 ? lacking / contended : 0;
}

bool verdict_lacks_cpus(const struct verdict_look *l, double preempted_share,
			const struct verdict_class *brief)
{
	struct verdict_threads front;

	if (lack_of_cpus(l, preempted_share) < PREEMPTED_MUCH)
		return false;
	if (verdict_demand(l) < PREEMPTED_DEMAND)
		return true;
	front = verdict_group(l, verdict_key__waited_for, verdict_thread__is_in_front);
	return brief && front.count &&
	       (double)(front.count * l->interval_ns) <= PREEMPTED_REST * (double)brief->median;
}
