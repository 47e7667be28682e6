// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "core/figures/open.h"
#include "core/figures/verdict_group.h"

/* A thread is brief if it needs the GIL for at most a fifth of the switch interval at a time. With
 * a very long interval every thread would be, and with a very short one none. */
#define BRIEF_HOLD     0.20
#define INTERVAL_LEAST 1000000ULL
#define INTERVAL_MOST  20000000ULL
/* The thread in front spends most of its time in holds of at least half an interval, and at least
 * half of these end only because somebody asks. Short holds, such as those at its start, do not
 * count. */
#define FRONT_HOLD 0.50
#define FRONT_MOST 0.50
/* A thread that computes makes all others together wait for a good part of what it waits itself. */
#define COMPUTES_COST 0.25
/* Many threads that have ended, with few turns each, in a small part of the time, come and go. But
 * those that all end together, at the end, may have been there all the time. */
#define PASSING_THREADS 8
#define PASSING_TURNS   50
#define PASSING_SHARE   0.05
#define PASSING_LAST    0.80
/* So many times more threads than wait at once do not all want the GIL at the same time. */
#define IN_TURN 3
/* A thread that computes for so much of an interval in each hold would go on if it could. */
#define INSISTS_HOLD 0.20
#define INSISTS_USE  0.35 /* with the GIL or waiting for it, of the time in which anybody is */
#define INSISTS_MOST 0.50 /* of its waits are for holds that it does not end by itself */
/* What a thread does in one hold without a CPU may be next to nothing. But if so many of its waits
 * began because it was made to let go, it had more to do each time. */
#define INSISTS_MADE 0.75

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
	return snapshot_gil__thread_waited(t, l->now) + t->fig.partial_wait_ns;
}

/* For how long the thread was stopped in its holds. */
static __u64 stopped_for(const struct verdict_look *l, const struct gil_thread *t)
{
	return t->fig.hold_stopped_ns + open_hold(l->process, l->gil, t).stopped_ns;
}

/* What the thread waited at least while the holder was not stopped: who waited for that is chance,
 * and shows nothing of how the thread behaves. */
static __u64 waited_for_work(const struct verdict_look *l, const struct gil_thread *t)
{
	__u64 waited = verdict_key__waited(l, t), stopped = l->stopped_ns;

	if (!waited || !stopped)
		return waited;
	stopped = gil_elapsed(stopped_for(l, t), stopped);
	return waited > stopped ? waited - stopped : 1;
}

bool verdict_look__has_counters(const struct verdict_look *l)
{
	return GIL_THREAD_COUNTER_overdue_ns + l->gil->missing_thread_counters <
	       GIL_NR_THREAD_COUNTERS;
}

__u64 verdict_key__waited_for(const struct verdict_look *l, const struct gil_thread *t)
{
	if (!verdict_look__has_counters(l))
		return t->fig.hold.sum + open_hold(l->process, l->gil, t).ns;
	return t->fig.waited_for_ns + open_hold__cost(l->process, l->gil, t).waited_for_ns;
}

__u64 verdict_key__asleep(const struct verdict_look *l, const struct gil_thread *t)
{
	if (!verdict_look__has_counters(l))
		return t->fig.hold_part[GIL_PART_BLOCKED] +
		       open_hold(l->process, l->gil, t).part[GIL_PART_BLOCKED];
	return t->fig.waited_for_asleep_ns +
	       open_hold__cost(l->process, l->gil, t).waited_for_asleep_ns;
}

__u64 verdict_key__overdue(const struct verdict_look *l, const struct gil_thread *t)
{
	return t->fig.overdue_ns + open_hold__cost(l->process, l->gil, t).overdue_ns;
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
	__u32 last = gil_hist_slot(h->max); /* most threads have no long hold at all */

	for (__u32 i = gil_hist_slot(from); i <= last; i++) {
		double n = (double)h->slot[i];

		w.holds += n;
		w.long_ += n * ((double)gil_hist_lo(i) + (double)gil_hist_lo(i + 1)) / 2;
	}
	return w;
}

/* How long a thread, or all those of a row, used the GIL or waited for it. */
static double used_by(const struct verdict_look *l, const struct gil_thread *t)
{
	return (double)verdict_key__waited(l, t) +
	       (double)snapshot_gil__thread_held(l->gil, t, l->now);
}

static bool comes_and_goes(const struct verdict_look *l, const struct gil_thread *t)
{
	double n = (double)threads_of(l, t);

	return (!t->tid || t->state == GIL_THREAD_GONE) && !snapshot_gil__holds(l->gil, t) &&
	       (double)t->fig.acquisitions <= PASSING_TURNS * n &&
	       used_by(l, t) <= PASSING_SHARE * l->observed * n;
}

void verdict_look__passing(struct verdict_look *l)
{
	__u64 last = l->now - (__u64)((1 - PASSING_LAST) * l->observed);
	size_t n = 0, early = 0;

	memset(&l->passing, 0, sizeof(l->passing));
	for (size_t i = 0; i < l->gil->nr_threads; i++) {
		const struct gil_thread *t = &l->gil->threads[i];

		if (!comes_and_goes(l, t))
			continue;
		n += threads_of(l, t);
		early += !t->tid || t->since < last ? threads_of(l, t) : 0;
		gil_figures__add(&l->passing.all.fig, &t->fig);
	}
	if (n >= PASSING_THREADS && early >= n / 2)
		l->passing.count = n;
}

static bool is_passing(const struct verdict_look *l, const struct gil_thread *t)
{
	return l->passing.count && comes_and_goes(l, t);
}

/* What shows how the thread behaves. */
static const struct gil_thread *pattern_of(const struct verdict_look *l, const struct gil_thread *t)
{
	return is_passing(l, t) ? &l->passing.all : t;
}

static bool keeps_it_long(const struct verdict_look *l, const struct gil_thread *t)
{
	struct work w = work_of(l, t);

	return w.holds > 0 && w.long_ >= FRONT_MOST * w.all &&
	       (l->gil->requests_unknown ||
		(double)t->fig.requested_releases >= FRONT_MOST * w.holds);
}

bool verdict_thread__is_in_front(const struct verdict_look *l, const struct gil_thread *t)
{
	return t->tid && keeps_it_long(l, pattern_of(l, t));
}

/*
 * True if a thread computes for long at a time, however many short holds it has besides. That must
 * have cost others something: a thread that has taken long to start may do little afterwards. Those
 * that come and go have no start that would have to be left out.
 */
static bool computes(const struct verdict_look *l, const struct gil_thread *t)
{
	struct work w = work_of(l, pattern_of(l, t));

	if (w.long_ < FRONT_MOST * w.all)
		return false;
	return is_passing(l, t) || (verdict_look__has_counters(l) &&
				    (double)verdict_key__waited_for(l, t) >=
					    COMPUTES_COST * (double)verdict_key__waited(l, t));
}

bool verdict_thread__is_brief(const struct verdict_look *l, const struct gil_thread *t)
{
	__u64 interval = gil_later(INTERVAL_LEAST, l->interval_ns);
	const struct gil_thread *pattern = pattern_of(l, t);

	if (interval > INTERVAL_MOST)
		interval = INTERVAL_MOST;
	if (!t->fig.hold.count)
		return !snapshot_gil__holds(l->gil, t);
	return !computes(l, t) && !keeps_it_long(l, pattern) &&
	       share(work_of(l, pattern).all, (double)pattern->fig.hold.count) <=
		       BRIEF_HOLD * (double)interval;
}

void verdict_threads__name(struct verdict_threads *v, const struct gil_thread *t)
{
	size_t size;
	const char *name = snapshot_thread__known_as(t, &size);

	v->tid = t->tid;
	snprintf(v->name, sizeof(v->name), "%.*s", (int)size, name);
}

/* Enters a thread into a group. The one with the lowest number is named. */
static void add_thread(const struct verdict_look *l, struct verdict_threads *v,
		       const struct gil_thread *t, __u64 key)
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
	v->sum_ns += key;
	v->turns += t->fig.acquisitions;
	v->held_ns += t->fig.hold.sum;
	if (v->tid && v->tid < t->tid)
		return;
	verdict_threads__name(v, t);
	v->longest_ns = gil_later(gil_later(t->fig.hold.max, t->fig.partial_hold_ns),
				  open_hold(l->process, l->gil, t).ns);
	v->wait_ns = gil_hist__quantile(&t->fig.wait, 0.5);
}

__u64 verdict_sum(const struct verdict_look *l, verdict_key *key)
{
	__u64 sum = 0;

	for (size_t i = 0; i < l->gil->nr_threads; i++)
		sum += key(l, &l->gil->threads[i]);
	return sum;
}

/* What the rows that may belong to a group have of its key. */
struct share_out {
	double threads; /* those that do not come and go */
	double sum;
	double passing;
	double folded;         /* of threads of which nothing else is known */
	size_t folded_passing; /* threads */
};

static struct share_out share_out(const struct verdict_look *l, verdict_key *key,
				  bool (*in)(const struct verdict_look *,
					     const struct gil_thread *))
{
	struct share_out s = {0};

	for (size_t i = 0; i < l->gil->nr_threads; i++) {
		const struct gil_thread *t = &l->gil->threads[i];
		double has = (double)key(l, t);

		if (!has || (in && !in(l, t)))
			continue;
		if (is_passing(l, t)) {
			s.passing += has;
			s.folded_passing += t->tid ? 0 : threads_of(l, t);
			continue;
		}
		s.threads += (double)threads_of(l, t);
		s.sum += has;
		s.folded += t->tid ? 0 : has;
	}
	return s;
}

struct verdict_threads verdict_group(const struct verdict_look *l, verdict_key *key,
				     bool (*in)(const struct verdict_look *,
						const struct gil_thread *))
{
	struct share_out s = share_out(l, key, in);
	struct verdict_threads v = {.passing = s.passing > s.sum};

	/* Of threads that are no longer known, neither the number nor the name can be told. */
	if (s.folded > (s.sum + s.passing) / 2)
		return v;
	for (size_t i = 0; i < l->gil->nr_threads; i++) {
		const struct gil_thread *t = &l->gil->threads[i];

		/* How long each of those that come and go waited was chance, so all count. */
		if (t->tid && key(l, t) && (!in || in(l, t)) && is_passing(l, t) == v.passing &&
		    (v.passing || (double)key(l, t) >= s.sum / s.threads / 2))
			add_thread(l, &v, t, key(l, t));
	}
	if (v.passing)
		v.count += s.folded_passing;
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

static double most_of(double a, double b)
{
	return a > b ? a : b;
}

struct verdict_class verdict_class(const struct verdict_look *l, bool brief)
{
	struct verdict_class c = {
		.threads = verdict_group(l, waited_for_work, brief ? is_brief : is_not_brief)};
	struct verdict_threads *v = &c.threads;
	struct gil_hist pool = {0};
	double passing = 0;
	size_t rows = 0;

	for (size_t i = 0; i < l->gil->nr_threads; i++) {
		const struct gil_thread *t = &l->gil->threads[i];
		double waited = (double)verdict_key__waited(l, t);

		if (!waited || verdict_thread__is_brief(l, t) != brief)
			continue;
		c.waited += waited;
		passing += is_passing(l, t) || !t->tid ? waited : 0;
		rows += threads_of(l, t);
		gil_hist__add(&pool, &t->fig.wait);
	}
	c.waits = pool.count;
	c.median = gil_hist__quantile(&pool, 0.5);
	v->in_turn = v->passing ||
		     (v->count >= PASSING_THREADS && (double)rows > IN_TURN * (l->row + 1));
	/* One that lives for a moment has no typical wait of its own, and that of a thread with few
	 * turns may be unlike the others'. */
	if (v->passing || v->wait_ns < c.median / 2)
		v->wait_ns = typical_wait(l, c.median);
	c.loss = most_of(share(passing, l->observed) / l->row, v->passing ? 0 : v->most);
	return c;
}

/* True if nearly all waits of the thread began because others made it let go. Between two waits that
 * begin otherwise, it computes for a good part of an interval. */
static bool is_made_to_let_go(const struct verdict_look *l, const struct gil_thread *t)
{
	double waits = (double)t->fig.contended, made = (double)t->fig.requested_releases;
	double by_itself = waits > made ? waits - made : 0;

	return !l->gil->requests_unknown && waits > 0 && made >= INSISTS_MADE * waits &&
	       work_of(l, t).all >= INSISTS_HOLD *
					    (double)gil_later(INTERVAL_LEAST, l->interval_ns) *
					    (by_itself + 1);
}

/* True if the thread would go on in each hold if it could. */
static bool insists(const struct verdict_look *l, const struct gil_thread *t)
{
	struct work w = work_of(l, t);
	__u64 held = gil_lock_held_until(&l->gil->lock, l->gil->locked_at_start, l->now);
	__u64 busy = gil_later(held, gil_lock_contended_until(&l->gil->lock, l->now));

	if (!verdict_thread__is_in_front(l, t) || used_by(l, t) < INSISTS_USE * (double)busy)
		return false;
	return is_made_to_let_go(l, t) ||
	       (w.holds >= INSISTS_MOST * (double)t->fig.contended &&
		w.long_ >= INSISTS_HOLD * (double)l->interval_ns * w.holds);
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

		if (is_passing(l, t))
			demand += share(used_by(l, t), l->observed);
		else
			demand += insists(l, t) ? 1 : share(work, work + (other > 0 ? other : 0));
	}
	return demand;
}
