// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "core/figures/open.h"

/* The interval from `since` to `end`. The record knows where its time went, if it is about this
 * interval at all. A reader of files sets `cpu` to none of the parts. */
static struct open_interval interval(const struct gil_thread *t, bool is_about, __u64 since,
				     __u64 end)
{
	struct open_interval o = {.ns = gil_elapsed(since, end)};

	if (!is_about || t->cpu >= GIL_PARTS) {
		o.unsplit_ns = o.ns;
		return o;
	}
	end = gil_later(end, t->mark); /* the clocks of two CPUs may differ by some ns */
	o.ns = gil_elapsed(since, end);
	memcpy(o.part, t->part, sizeof(o.part));
	o.part[t->cpu] += end - t->mark;
	/* As in gil_thread_account_blocked: a thread that goes on is no longer stopped. */
	o.stopped_ns = t->stopped_ns;
	if (t->stopped && t->cpu == GIL_PART_BLOCKED)
		o.stopped_ns += end - t->mark;
	return o;
}

struct open_interval open_wait(const struct gil_thread *t, __u64 end)
{
	if (gil_thread_last_state(t) != GIL_THREAD_WAITING)
		return (struct open_interval){0};
	return interval(t, true, t->since, t->state == GIL_THREAD_GONE ? t->mark : end);
}

struct open_interval open_hold(const struct snapshot_process *p, const struct snapshot_gil *g,
			       const struct gil_thread *t)
{
	bool is_about = gil_thread_last_state(t) == GIL_THREAD_HOLDING && t->since == g->lock.since;
	__u64 end = snapshot_gil__end(p, g);
	struct open_interval o;

	if (!snapshot_gil__holds(g, t))
		return (struct open_interval){0};
	/* A thread that ended with its process was running until then. */
	if (!is_about || t->state != GIL_THREAD_GONE || p->exited)
		return interval(t, is_about, g->lock.since, end);
	o = interval(t, true, g->lock.since, t->mark);
	o.unsplit_ns += gil_elapsed(t->mark, end);
	o.ns += gil_elapsed(t->mark, end);
	return o;
}

struct open_cost open_hold__cost(const struct snapshot_process *p, const struct snapshot_gil *g,
				 const struct gil_thread *t)
{
	struct open_interval hold = open_hold(p, g, t);
	struct gil_thread end = {0};
	struct gil_lock lock;

	if (!hold.ns)
		return (struct open_cost){0};
	lock = g->lock;
	gil_lock_advance(&lock, snapshot_gil__end(p, g));
	memcpy(end.part, hold.part, sizeof(end.part));
	end.stopped_ns = hold.stopped_ns;
	gil_model_waited_for(&lock, &end, snapshot_gil__end(p, g));
	return (struct open_cost){
		.waited_for_ns = end.fig.waited_for_ns,
		.waited_for_asleep_ns = end.fig.waited_for_asleep_ns,
		.overdue_ns = end.fig.overdue_ns,
	};
}

struct open_interval open_holds__all(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	struct open_interval all = {.ns = g->fig.hold.sum + g->fig.partial_hold_ns};
	__u64 asleep = g->fig.partial_hold_blocked_ns;

	memcpy(all.part, g->fig.hold_part, sizeof(all.part));
	all.stopped_ns = g->fig.hold_stopped_ns;
	all.part[GIL_PART_BLOCKED] += asleep;
	all.part[GIL_PART_ONCPU] += gil_elapsed(asleep, g->fig.partial_hold_ns);
	for (size_t i = 0; i < g->nr_threads; i++) {
		struct open_interval o = open_hold(p, g, &g->threads[i]);

		all.ns += o.ns - o.unsplit_ns;
		gil_parts_add(all.part, o.part);
		all.stopped_ns += o.stopped_ns;
	}
	return all;
}

/* Threads that have died waiting are among them until the next edge, as in the integrals. While a
 * process is being killed, the observation may end before the process has. */
__u32 open_waiters(const struct snapshot_gil *g)
{
	return g->lock.waiters;
}
