// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Judges a GIL, in the order of which advice would help most: first a hold that does not end, then
 * holds that Python code does not explain, then a switch interval that does not fit, then a lack of
 * CPUs, then the ways in which Python code shares the GIL, and last its use without waits. The
 * first kind that fits is the verdict. What counts is what others waited for: a long hold during
 * which nobody waits has cost nothing.
 */
#include <math.h>
#include <string.h>

#include "core/figures/metric.h"
#include "core/figures/open.h"
#include "core/figures/verdict_group.h"
#include "core/figures/verdict_words.h"

/* Waiting less than a tenth of the time is normal for programs with threads. From half of the time
 * on, most of the work is done while another thread could have run. */
#define CONTENDED_SOME 0.10
#define CONTENDED_MUCH 0.50
/* But if each thread waits only a little of its own time, more threads still get more done, unless
 * the GIL is hardly ever free. */
#define LOSS_SOME      0.05
#define LOSS_MUCH      0.10
#define HELD_SATURATED 0.80
/* A GIL that is held less than half of the time has room for another thread. */
#define HELD_BUSY 0.50
/* A thread with four fifths of the holding counts as the only one. */
#define HELD_ALONE 0.80
/* Page faults and contended mutexes come nowhere near a quarter of the time in holds. */
#define ASLEEP_MUCH  0.25
#define ASLEEP_LEAST 0.10 /* of all that others wait, also where CPUs are lacking */
/* A single hold is asleep if it is so for most of its time: a killed holder wakes up to die. */
#define ASLEEP_HOLD 0.50
/* Convoy: waits of at least three quarters of an interval, by threads that need the GIL only
 * briefly. There must be enough of them for a median, and enough to be noticeable. If these threads
 * do less than two fifths of all waiting, those that compute matter more. */
#define CONVOY_WAIT        0.75
#define CONVOY_TURNS       10
#define CONVOY_MOST        0.40
#define CONVOY_BEHIND      0.40 /* of the time in which others wait */
#define CONVOY_INTERVAL_US 200  /* the waits for a shorter one have other reasons */
/* The default is 5 ms. Below a fiftieth of it, threads spend a good part of their time in handing
 * over. Above ten times the default, a thread that needs the GIL briefly is late for everything;
 * above a hundred times, any thread is. */
#define INTERVAL_SHORT_TURNS 100 /* for each second on a CPU */
#define INTERVAL_SHORT_US    100
#define INTERVAL_SHORT_ONE   0.80 /* of all requests: a single thread that is interrupted so often */
#define INTERVAL_LONG_US     50000
#define INTERVAL_ENDLESS_US  500000
#define INTERVAL_LONG_WAIT   20000000ULL
/* So many acquisitions a second, each for so short a time, and with so little else between them,
 * mean that the GIL is let go and taken back at each small call. */
#define SMALL_TURNS_MANY   2000
#define SMALL_TURN_NS      100000.0
#define SMALL_TURN_REST_NS 1000000.0
/* From half of the time on, a single hold that does not end dominates. */
#define STUCK_MUCH 0.50
/* Starting Python alone takes longer than this. */
#define OBSERVED_LEAST_NS 10000000ULL

#define DEFAULT_SWITCH_INTERVAL_US 5000

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static void set_front(struct verdict *v, const struct verdict_look *l, const struct gil_thread *t)
{
	if (!t)
		return;
	v->front.count = 1;
	verdict_threads__name(&v->front, t);
	v->front.longest_ns = gil_later(t->fig.hold.max, open_hold(l->process, l->gil, t).ns);
}

static enum verdict_answer answer(const struct verdict *v)
{
	bool saturated = v->held_ratio >= HELD_SATURATED;

	if (v->contended_ratio >= CONTENDED_MUCH && (saturated || v->loss >= LOSS_MUCH))
		return VERDICT_YES;
	if (v->contended_ratio >= CONTENDED_SOME && (saturated || v->loss >= LOSS_SOME))
		return VERDICT_PARTLY;
	return VERDICT_NO;
}

static bool interval_is_long(const struct verdict *v)
{
	return v->switch_interval_us >= INTERVAL_LONG_US;
}

/* True if one hold, still going on or cut off by the end, takes most of the time. */
static bool is_stuck(struct verdict *v, const struct verdict_look *look)
{
	const struct snapshot_gil *g = look->gil;
	const struct gil_lock *l = &g->lock;
	struct open_interval hold = {0};
	__u64 since = l->since, open;
	const struct gil_thread *t;

	if (l->state == GIL_LOCK_UNSEEN && g->locked_at_start == 1)
		since = l->start;
	else if (l->state != GIL_LOCK_HELD)
		return false;
	open = gil_elapsed(since, look->now);
	v->open_share = share((double)open, look->observed);
	if (v->open_share < STUCK_MUCH || !open_waiters(g) || v->contended_ratio < CONTENDED_SOME)
		return false;
	t = snapshot_gil__holder(g);
	set_front(v, look, t);
	if (t)
		hold = open_hold(look->process, g, t);
	v->stopped = share((double)hold.stopped_ns, (double)hold.ns) >= ASLEEP_HOLD;
	v->asleep = share((double)open_interval__asleep(&hold), (double)hold.ns) >= ASLEEP_HOLD;
	v->open_ns = open;
	v->waiters = open_waiters(g);
	return true;
}

/* True if nobody can have asked for the end of the hold that does not end. */
static bool was_not_asked(const struct verdict *v, const struct verdict_look *l)
{
	return interval_is_long(v) && !v->asleep && v->open_ns < l->interval_ns;
}

static bool is_asleep(struct verdict *v, const struct verdict_look *l)
{
	double slept = (double)verdict_sum(l, verdict_key__asleep);
	double of = verdict_look__has_counters(l) ? verdict_waited_with_cpu(v, l)
						  : (double)open_holds__all(l->process, l->gil).ns;
	double contended = (double)gil_lock_contended_until(&l->gil->lock, l->now);
	__u64 longest = v->longest_wait_ns ? v->longest_wait_ns : ~0ULL;

	if (share(slept, of) < ASLEEP_MUCH || slept < ASLEEP_LEAST * contended)
		return false;
	v->front = verdict_group(l, verdict_key__asleep, NULL);
	/* A single hold, such as one that reads a file, is not a pattern where others matter more. */
	return slept >= ASLEEP_MUCH * contended ||
	       (double)(longest < v->front.longest_ns ? longest : v->front.longest_ns) < slept / 2;
}

/* The threads with the GIL while others wait: if it can be told, those that let go only when
 * asked. */
static void set_in_front(struct verdict *v, const struct verdict_look *l)
{
	v->front = verdict_group(l, verdict_key__waited_for, verdict_thread__is_in_front);
	if (!v->front.count)
		v->front = verdict_group(l, verdict_key__waited_for, NULL);
}

/* The same where CPUs are lacking. All threads in turn are nobody in particular. */
static void set_front_without_cpu(struct verdict *v, const struct verdict_look *l)
{
	struct verdict_threads all = verdict_group(l, verdict_key__waited_for, NULL);

	v->front = verdict_group(l, verdict_key__waited_for, verdict_thread__is_in_front);
	if (!v->front.count && all.count == 1)
		v->front = all;
	if ((double)v->front.sum_ns <
	    CONVOY_BEHIND * (double)gil_lock_contended_until(&l->gil->lock, l->now))
		memset(&v->front, 0, sizeof(v->front));
}

/* The two ways in which threads behave. */
struct classes {
	struct verdict_class brief;
	struct verdict_class other;
	bool mostly_brief;
	double brief_share; /* of all waiting */
};

/* True if one thread computes, and others interrupt it: for these a short interval is a good one. */
static bool one_is_interrupted(const struct verdict_look *l)
{
	double all = (double)l->gil->fig.requested_releases;

	for (size_t i = 0; i < l->gil->nr_threads; i++) {
		const struct gil_thread *t = &l->gil->threads[i];

		if (t->tid && (double)t->fig.requested_releases > INTERVAL_SHORT_ONE * all)
			return true;
	}
	return false;
}

/* Handing over takes so much of the time that the waits themselves may be short. */
static bool is_short_interval(struct verdict *v, const struct verdict_look *l)
{
	const struct gil_figures *f = &l->gil->fig;
	double computed = (double)(f->hold.sum - f->hold_part[GIL_PART_RUNNABLE]);
	double turns = share((double)f->requested_releases * 1e9, computed);

	if (v->switch_interval_us > INTERVAL_SHORT_US || turns < INTERVAL_SHORT_TURNS ||
	    v->held_ratio < HELD_BUSY || f->requested_releases < f->contended / 3 ||
	    one_is_interrupted(l))
		return false;
	if (v->answer < VERDICT_PARTLY)
		v->answer = VERDICT_PARTLY;
	return true;
}

static bool is_long_interval(struct verdict *v, const struct verdict_look *l,
			     const struct classes *c)
{
	const struct gil_figures *f = &l->gil->fig;
	double waited = c->brief.waited + c->other.waited;
	double longer =
		verdict_time_from(&f->wait, INTERVAL_LONG_WAIT) + waited - (double)f->wait.sum;

	if (!interval_is_long(v) || longer < waited / 2)
		return false;
	if (v->switch_interval_us < INTERVAL_ENDLESS_US && c->brief_share < CONVOY_MOST)
		return false;
	set_in_front(v, l);
	return true;
}

/* True if threads that need the GIL only briefly wait long for it, and lose by that, however little of
 * the time it is in all. Whatever is in front of them is the cause, be it Python or not. */
static bool brief_ones_lose(const struct verdict *v, const struct verdict_look *l,
			    const struct classes *c)
{
	const struct verdict_class *b = &c->brief;

	return b->waits >= CONVOY_TURNS && b->loss >= LOSS_SOME &&
	       v->switch_interval_us >= CONVOY_INTERVAL_US &&
	       (double)b->median >= CONVOY_WAIT * (double)l->interval_ns;
}

static bool is_convoy(struct verdict *v, const struct verdict_look *l, const struct classes *c)
{
	const struct verdict_class *b = &c->brief;

	if (!brief_ones_lose(v, l, c))
		return false;
	if (c->brief_share < CONVOY_MOST) {
		v->brief = b->threads;
		return false;
	}
	v->front = verdict_group(l, verdict_key__waited_for, verdict_thread__is_in_front);
	if (!v->front.count ||
	    (double)v->front.sum_ns <
		    CONVOY_BEHIND * (double)gil_lock_contended_until(&l->gil->lock, l->now))
		return false;
	v->waiting = b->threads;
	return true;
}

/* For a GIL for which nobody waits much: judges by how busy it is, and with how many threads. */
static enum verdict_kind kind_without_waits(struct verdict *v, const struct verdict_look *l)
{
	const struct snapshot_gil *g = l->gil;
	__u64 held = gil_lock_held_until(&g->lock, g->locked_at_start, l->now);

	if (!g->fig.acquisitions && isnan(v->held_ratio))
		return VERDICT_NOTHING_SEEN;
	if (v->held_ratio < HELD_BUSY)
		return VERDICT_IDLE;
	v->stopped = v->stopped_share >= HELD_BUSY && v->contended_ratio < CONTENDED_SOME;
	if (v->stopped)
		return VERDICT_IDLE;
	if (g->lock.state == GIL_LOCK_UNSEEN && g->locked_at_start == 1 && !snapshot_gil__holder(g))
		return VERDICT_ONE_THREAD; /* the thread never let go */
	v->asleep = v->asleep_share >= HELD_BUSY && v->contended_ratio < CONTENDED_SOME;
	for (size_t i = 0; i < g->nr_threads; i++) {
		const struct gil_thread *t = &g->threads[i];

		if (t->tid &&
		    (double)snapshot_gil__thread_held(g, t, l->now) >= HELD_ALONE * (double)held) {
			set_front(v, l, t);
			return v->asleep ? VERDICT_IDLE : VERDICT_ONE_THREAD;
		}
	}
	return v->asleep ? VERDICT_IDLE : VERDICT_BUSY;
}

static bool has_small_turns(const struct verdict *v, const struct verdict_look *l)
{
	const struct verdict_threads *w = &v->waiting;
	double used = (double)(w->held_ns + w->sum_ns), turns = (double)w->turns;

	return share(turns * 1e9, l->observed) >= SMALL_TURNS_MANY &&
	       (double)w->held_ns <= SMALL_TURN_NS * turns &&
	       (w->passing || (double)w->count * l->observed - used <= SMALL_TURN_REST_NS * turns);
}

static enum verdict_kind judge(struct verdict *v, const struct verdict_look *l,
			       const struct classes *c)
{
	bool waits = v->contended_ratio >= CONTENDED_SOME && v->answer >= VERDICT_PARTLY;
	bool felt = waits || brief_ones_lose(v, l, c);

	v->small_turns = c->mostly_brief && has_small_turns(v, l);
	if (l->observed < OBSERVED_LEAST_NS)
		return VERDICT_NOTHING_SEEN;
	if (l->gil->waits_only)
		return VERDICT_WAITS;
	if (is_stuck(v, l))
		return was_not_asked(v, l) ? VERDICT_INTERVAL : VERDICT_STUCK;
	if (felt && is_asleep(v, l))
		return VERDICT_ASLEEP;
	if (felt && verdict_is_native(v, l))
		return VERDICT_NATIVE;
	if (is_short_interval(v, l) || (waits && is_long_interval(v, l, c)))
		return VERDICT_INTERVAL;
	/* A thread that lets the GIL go in each moment loses its turn wherever it loses its CPU. */
	if (waits && !v->small_turns &&
	    verdict_lacks_cpus(l, v->preempted_share, c->mostly_brief ? &c->brief : NULL)) {
		set_front_without_cpu(v, l);
		return VERDICT_PREEMPTED;
	}
	if (is_convoy(v, l, c))
		return VERDICT_CONVOY;
	v->computing = !c->mostly_brief;
	if (v->answer >= VERDICT_PARTLY)
		return VERDICT_SHARED;
	return kind_without_waits(v, l);
}

static void name_process(struct verdict *v, const struct snapshot_process *p)
{
	v->pid = p->pid;
	v->process = snapshot_process__name(p, false);
}

static struct verdict figures_of(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	const struct gil_figures *f = &g->fig;
	struct open_interval holds = open_holds__all(p, g);
	struct verdict v = {.kind = VERDICT_FREE_THREADED, .answer = VERDICT_NO};

	name_process(&v, p);
	v.held_ratio = gil__held_ratio(p, g);
	v.contended_ratio = gil__contended_ratio(p, g);
	v.wait_ratio = gil__wait_ratio(p, g);
	v.switch_interval_us =
		g->switch_interval_us > 0 ? g->switch_interval_us : DEFAULT_SWITCH_INTERVAL_US;
	memcpy(v.call, g->holder_call, sizeof(v.call));
	v.stopped_ns = holds.stopped_ns;
	v.asleep_ns = open_interval__asleep(&holds);
	v.stopped_share = share((double)v.stopped_ns, (double)holds.ns);
	v.asleep_share = share((double)v.asleep_ns, (double)holds.ns);
	v.preempted_share = share((double)holds.part[GIL_PART_RUNNABLE], (double)holds.ns);
	v.unscheduled_share = share((double)f->wait_part[GIL_PART_RUNNABLE], (double)f->wait.sum);
	v.acquisitions = f->acquisitions;
	v.longest_wait_ns = g->lock.partial_waits || open_waiters(g) ? 0 : f->wait.max;
	if (p->free_threaded_build && !p->free_threaded)
		v.gil_on = p->gil_turned_on ? 2 : 1;
	return v;
}

struct verdict verdict__of_gil(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	struct verdict v = figures_of(p, g);
	struct verdict_look l = {
		.process = p,
		.gil = g,
		.now = snapshot_gil__end(p, g),
		.observed = (double)gil__observed(p, g),
		.interval_ns = (__u64)v.switch_interval_us * 1000,
		.stopped_ns = v.stopped_ns,
		.row = share(v.wait_ratio, v.contended_ratio),
	};
	struct classes c;

	l.row = l.row > 1 ? l.row : 1;
	verdict_look__passing(&l);
	c.brief = verdict_class(&l, true);
	c.other = verdict_class(&l, false);
	c.mostly_brief = c.brief.waited > c.other.waited;
	c.brief_share = share(c.brief.waited, c.brief.waited + c.other.waited);
	v.waiting = c.mostly_brief ? c.brief.threads : c.other.threads;
	v.loss = c.brief.loss > c.other.loss ? c.brief.loss : c.other.loss;
	v.answer = answer(&v);
	/* The GIL may have been turned on for a while, or since it was last looked at, and have
	 * cost. */
	if (p->free_threaded && v.answer < VERDICT_PARTLY)
		return v;
	v.kind = judge(&v, &l, &c);
	if (v.kind == VERDICT_NOTHING_SEEN)
		v.answer = VERDICT_UNKNOWN;
	if (v.answer == VERDICT_NO &&
	    (v.kind == VERDICT_CONVOY || v.kind == VERDICT_NATIVE || v.kind == VERDICT_ASLEEP))
		v.answer = VERDICT_PARTLY;
	if (v.kind == VERDICT_STUCK || (v.kind == VERDICT_INTERVAL && v.open_ns))
		v.answer = v.contended_ratio >= CONTENDED_MUCH ? VERDICT_YES : VERDICT_PARTLY;
	verdict_code__find(&v, g);
	return v;
}

static bool has(const struct verdict_threads *v, __u32 tid)
{
	return tid &&
	       (tid == v->tid || (!v->passing && (tid == v->least_tid || tid == v->most_tid)));
}

bool verdict__is_about(const struct verdict *v, const struct gil_thread *t)
{
	return has(&v->waiting, t->tid) || (t->tid && t->tid == v->front.tid) ||
	       (t->tid && t->tid == v->brief.tid);
}

const char *verdict_kind__name(enum verdict_kind k)
{
	static const char *const names[] = {
		[VERDICT_NOTHING_SEEN] = "nothing_seen",
		[VERDICT_FREE_THREADED] = "free_threaded",
		[VERDICT_IDLE] = "idle",
		[VERDICT_ONE_THREAD] = "one_thread",
		[VERDICT_BUSY] = "busy",
		[VERDICT_EACH_ITS_OWN] = "each_its_own",
		[VERDICT_SHARED] = "shared",
		[VERDICT_CONVOY] = "convoy",
		[VERDICT_ASLEEP] = "asleep",
		[VERDICT_NATIVE] = "native",
		[VERDICT_PREEMPTED] = "preempted",
		[VERDICT_STUCK] = "stuck",
		[VERDICT_WAITS] = "waits",
		[VERDICT_INTERVAL] = "switch_interval",
	};

	return names[k];
}

const char *verdict_answer__name(enum verdict_answer a)
{
	static const char *const names[] = {
		[VERDICT_UNKNOWN] = "unknown",
		[VERDICT_NO] = "no",
		[VERDICT_PARTLY] = "partly",
		[VERDICT_YES] = "yes",
	};

	return names[a];
}
