// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "core/figures/verdict_group.h"

/* A thread is brief if it needs the GIL for at most a fifth of the switch interval at a time. With
 * a very long interval every thread would be. */
#define BRIEF_HOLD    0.20
#define INTERVAL_MOST 20000000ULL
/* The thread in front spends most of its time in holds of at least half an interval, and at least
 * half of these end only because somebody asks. Short holds, such as those at its start, do not
 * count. */
#define FRONT_HOLD 0.50
#define FRONT_MOST 0.50
/* Many threads that have ended, with few turns each, in a small part of the time, are a thread for
 * each request. */
#define PASSING_THREADS 8
#define PASSING_TURNS   10
#define PASSING_SHARE   0.05
/* So many times more threads than wait at once do not all want the GIL at the same time. */
#define IN_TURN 3
/* A thread that computes for so much of an interval in each hold would go on if it could. */
#define INSISTS_HOLD 0.20

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

/* How many threads a row stands for. */
static size_t threads_of(const struct verdict_look *l, const struct gil_thread *t)
{
	return t->tid ? 1 : l->gil->nr_folded;
}

__u64 verdict_key__waited(const struct verdict_look *l, const struct gil_thread *t)
{
	return snapshot_gil__thread_waited(t, l->now);
}

bool verdict_look__has_counters(const struct verdict_look *l)
{
	return GIL_THREAD_COUNTER_overdue_ns + l->gil->missing_thread_counters <
	       GIL_NR_THREAD_COUNTERS;
}

__u64 verdict_key__waited_for(const struct verdict_look *l, const struct gil_thread *t)
{
	return verdict_look__has_counters(l) ? t->fig.waited_for_ns : t->fig.hold.sum;
}

__u64 verdict_key__asleep(const struct verdict_look *l, const struct gil_thread *t)
{
	return verdict_look__has_counters(l) ? t->fig.waited_for_asleep_ns
					     : t->fig.hold_part[GIL_PART_BLOCKED];
}

__u64 verdict_key__overdue(const struct verdict_look *l, const struct gil_thread *t)
{
	(void)l;
	return t->fig.overdue_ns;
}

/* The work of a thread in its holds, which is all but the time for which it had no CPU. */
struct work {
	double all;   /* ns */
	double long_; /* ns, in holds of at least half a switch interval */
	double holds; /* the number of these */
};

/* A brief hold becomes long when its thread loses the CPU, so all such time is taken from the long
 * ones. */
static struct work work_of(const struct verdict_look *l, const struct gil_thread *t)
{
	const struct gil_hist *h = &t->fig.hold;
	double lacking = (double)t->fig.hold_part[GIL_PART_RUNNABLE];
	struct work w = {.all = (double)h->sum - lacking, .long_ = -lacking};
	__u64 from = (__u64)(FRONT_HOLD * (double)l->interval_ns);

	for (__u32 i = gil_hist_slot(from); i < GIL_HIST_SLOTS; i++) {
		double n = (double)h->slot[i];

		w.holds += n;
		w.long_ += n * ((double)gil_hist_lo(i) + (double)gil_hist_lo(i + 1)) / 2;
	}
	return w;
}

bool verdict_thread__is_in_front(const struct verdict_look *l, const struct gil_thread *t)
{
	struct work w = work_of(l, t);

	return t->tid && w.holds > 0 && w.long_ >= FRONT_MOST * w.all &&
	       (l->gil->requests_unknown ||
		(double)t->fig.requested_releases >= FRONT_MOST * w.holds);
}

bool verdict_thread__is_brief(const struct verdict_look *l, const struct gil_thread *t)
{
	__u64 interval = l->interval_ns < INTERVAL_MOST ? l->interval_ns : INTERVAL_MOST;

	if (!t->fig.hold.count)
		return !snapshot_gil__holds(l->gil, t);
	return !verdict_thread__is_in_front(l, t) &&
	       share(work_of(l, t).all, (double)t->fig.hold.count) <= BRIEF_HOLD * (double)interval;
}

/* Enters a thread into a group. The one with the lowest number is named. */
static void add_thread(const struct verdict_look *l, struct verdict_threads *v,
		       const struct gil_thread *t)
{
	double waited = share((double)verdict_key__waited(l, t), l->observed);

	if (!v->count || waited < v->least) {
		v->least = waited;
		v->least_tid = t->tid;
	}
	if (!v->count || waited > v->most) {
		v->most = waited;
		v->most_tid = t->tid;
	}
	v->count++;
	if (v->tid && v->tid < t->tid)
		return;
	v->tid = t->tid;
	memcpy(v->name, t->comm, sizeof(v->name));
	v->longest_ns = t->fig.hold.max;
	v->wait_ns = gil_hist__quantile(&t->fig.wait, 0.5);
}

struct verdict_threads verdict_group(const struct verdict_look *l, verdict_key *key,
				     bool (*in)(const struct verdict_look *,
						const struct gil_thread *))
{
	struct verdict_threads v = {0};
	double sum = 0, folded = 0;
	size_t n = 0;

	for (size_t i = 0; i < l->gil->nr_threads; i++) {
		const struct gil_thread *t = &l->gil->threads[i];

		if (!key(l, t) || (in && !in(l, t)))
			continue;
		n += threads_of(l, t);
		sum += (double)key(l, t);
		folded += t->tid ? 0 : (double)key(l, t);
	}
	/* Of threads that are no longer known, neither the number nor the name can be told. */
	if (folded > sum / 2)
		return v;
	for (size_t i = 0; n && i < l->gil->nr_threads; i++) {
		const struct gil_thread *t = &l->gil->threads[i];

		if (t->tid && key(l, t) && (!in || in(l, t)) &&
		    (double)key(l, t) >= sum / (double)n / 2)
			add_thread(l, &v, t);
	}
	return v;
}

static bool is_brief(const struct verdict_look *l, const struct gil_thread *t)
{
	return verdict_thread__is_brief(l, t);
}

static bool is_not_brief(const struct verdict_look *l, const struct gil_thread *t)
{
	return !verdict_thread__is_brief(l, t);
}

/* What the threads of a class have done, taken together. */
struct life {
	double used;   /* ns, with the GIL or waiting for it */
	__u64 turns;   /* acquisitions */
	size_t living; /* threads that have not ended */
};

/* The report shows no quantiles of a class. This is the one of the GIL that comes next to the
 * class's median. */
static __u64 typical_wait(const struct verdict_look *l, __u64 median)
{
	static const double quantiles[] = {0.5, 0.9, 0.99};
	__u64 wait = 0;

	for (size_t i = 0; i < 3 && wait < median - median / 4; i++)
		wait = gil_hist__quantile(&l->gil->fig.wait, quantiles[i]);
	return wait;
}

/* Finds out whether the threads of a class are there at the same time. */
static void set_life(const struct verdict_look *l, struct verdict_class *c, const struct life *life)
{
	struct verdict_threads *v = &c->threads;
	double n = (double)c->rows;

	v->passing = v->count >= PASSING_THREADS && !life->living &&
		     (double)life->turns <= PASSING_TURNS * n &&
		     share(life->used / n, l->observed) <= PASSING_SHARE;
	/* All of these count: how long each waited was chance. */
	if (v->passing)
		v->count = c->rows;
	v->in_turn = v->passing || (v->count >= PASSING_THREADS && n > IN_TURN * (l->row + 1));
	/* One that lives for a moment has no typical wait of its own. */
	if (v->passing)
		v->wait_ns = typical_wait(l, c->median);
}

struct verdict_class verdict_class(const struct verdict_look *l, bool brief)
{
	struct verdict_class c = {
		.threads = verdict_group(l, verdict_key__waited, brief ? is_brief : is_not_brief)};
	struct gil_hist pool = {0};
	struct life life = {0};
	double folded = 0;

	for (size_t i = 0; i < l->gil->nr_threads; i++) {
		const struct gil_thread *t = &l->gil->threads[i];
		double waited = (double)verdict_key__waited(l, t);

		if (!waited || verdict_thread__is_brief(l, t) != brief)
			continue;
		c.waited += waited;
		folded += t->tid ? 0 : waited;
		life.used += waited + (double)snapshot_gil__thread_held(l->gil, t, l->now);
		life.turns += t->fig.acquisitions;
		life.living += t->state != GIL_THREAD_GONE;
		c.rows += threads_of(l, t);
		gil_hist__add(&pool, &t->fig.wait);
	}
	c.waits = pool.count;
	c.median = gil_hist__quantile(&pool, 0.5);
	set_life(l, &c, &life);
	c.loss = c.threads.passing || folded > c.waited / 2 ? share(c.waited, l->observed) / l->row
							    : c.threads.most;
	return c;
}

/* True if the thread would go on in each hold if it could. */
static bool insists(const struct verdict_look *l, const struct gil_thread *t)
{
	struct work w = work_of(l, t);

	return verdict_thread__is_in_front(l, t) &&
	       w.long_ >= INSISTS_HOLD * (double)l->interval_ns * w.holds;
}

/*
 * A thread works in a hold, or waits for the GIL or for a CPU, or does something else. What else it
 * does takes as long with more CPUs, and then it works again.
 */
double verdict_demand(const struct verdict_look *l)
{
	double demand = 0;

	for (size_t i = 0; i < l->gil->nr_threads; i++) {
		const struct gil_thread *t = &l->gil->threads[i];
		double lacking = (double)t->fig.hold_part[GIL_PART_RUNNABLE];
		double held = (double)snapshot_gil__thread_held(l->gil, t, l->now);
		double work = held > lacking ? held - lacking : 0;
		double other = l->observed - work - lacking - (double)verdict_key__waited(l, t);

		demand += insists(l, t) ? 1 : share(work, work + (other > 0 ? other : 0));
	}
	return demand;
}
