// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Judges in the order of which advice would help most: first a hold that does not end, then holds
 * that Python code does not explain, then the ways in which Python code shares the GIL, and last
 * its use without waits. The first kind that fits is the verdict.
 */
#include <math.h>
#include <string.h>

#include "core/figures/metric.h"
#include "core/figures/verdict.h"

/* Waiting less than a tenth of the time is normal for programs with threads. From half of the time
 * on, most of the work is done while another thread could have run. */
#define CONTENDED_SOME 0.10
#define CONTENDED_MUCH 0.50
/* A GIL that is held less than half of the time has room for another thread. */
#define HELD_BUSY 0.50
/* A thread with four fifths of the holding counts as the only one. */
#define HELD_ALONE 0.80
/* Page faults and contended mutexes come nowhere near a quarter of the time in holds. */
#define ASLEEP_MUCH 0.25
/* A holder that is off its CPU half of the time doubles every wait. */
#define PREEMPTED_MUCH 0.50
/* Python code lets go within one interval of being asked. Four leave room for a late wake-up. */
#define LONG_INTERVALS 4
/* Such waits must be a quarter of all waiting: a single import or a large sort is not a pattern. */
#define LONG_WAITS_MUCH 0.25
/* Convoy: waits of at least three quarters of an interval, for holds of at most a fifth of one.
 * There must be enough of them for a median, and enough to be noticeable. The threads that wait
 * like that must have a tenth of all waiting: if ten threads compute, the one that started them
 * does not matter. */
#define CONVOY_WAIT  0.75
#define CONVOY_HOLD  0.20
#define CONVOY_TURNS 10
#define CONVOY_SHARE 0.05
#define CONVOY_MOST  0.10
/* The thread in front of a convoy spends most of its time in holds of at least half an interval,
 * and at least half of these end only because somebody asks. Short holds, such as those at its
 * start, do not count. */
#define FRONT_HOLD 0.50
#define FRONT_MOST 0.50
/* From half of the time on, a single hold that does not end dominates. */
#define STUCK_MUCH 0.50
/* Starting Python alone takes longer than this. */
#define OBSERVED_LEAST_NS 10000000ULL
/* A GIL that shows less than a twentieth of what the busiest one shows does not matter. */
#define WORTH_TELLING 0.05

#define DEFAULT_SWITCH_INTERVAL_US 5000

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

/* The thread with the most of something. */
static const struct gil_thread *most(const struct snapshot_gil *g,
				     __u64 (*of)(const struct gil_thread *))
{
	const struct gil_thread *best = NULL;

	for (size_t i = 0; i < g->nr_threads; i++) {
		const struct gil_thread *t = &g->threads[i];

		if (t->tid && of(t) && (!best || of(t) > of(best)))
			best = t;
	}
	return best;
}

static __u64 hold_blocked(const struct gil_thread *t)
{
	return t->fig.hold_part[GIL_PART_BLOCKED];
}

static __u64 hold_longest(const struct gil_thread *t)
{
	return t->fig.hold.max;
}

static __u64 wait_sum(const struct gil_thread *t)
{
	return t->fig.wait.sum;
}

static void set_thread(struct verdict *v, const struct gil_thread *t)
{
	if (!t)
		return;
	v->tid = t->tid;
	memcpy(v->thread, t->comm, sizeof(v->thread));
	v->longest_ns = t->fig.hold.max;
}

static __u64 interval_ns(const struct verdict *v)
{
	return (__u64)v->switch_interval_us * 1000;
}

static enum verdict_answer answer(double contended)
{
	if (contended >= CONTENDED_MUCH)
		return VERDICT_YES;
	return contended >= CONTENDED_SOME ? VERDICT_PARTLY : VERDICT_NO;
}

/* True if one hold, still going on or cut off by the end, takes most of the time. */
static bool is_stuck(struct verdict *v, const struct snapshot_process *p,
		     const struct snapshot_gil *g)
{
	const struct gil_lock *l = &g->lock;
	__u64 since = l->since, open;
	const struct gil_thread *t;

	if (l->state == GIL_LOCK_UNSEEN && g->locked_at_start == 1)
		since = l->start;
	else if (l->state != GIL_LOCK_HELD)
		return false;
	open = gil_elapsed(since, snapshot_gil__end(p, g));
	v->open_share = share(open, gil__observed(p, g));
	if (v->open_share < STUCK_MUCH || !l->waiters || v->contended_ratio < CONTENDED_SOME)
		return false;
	t = l->state == GIL_LOCK_HELD ? snapshot_gil__thread(g, l->last_tid) : NULL;
	set_thread(v, t);
	v->asleep = t && t->state == GIL_THREAD_HOLDING && t->cpu == GIL_PART_BLOCKED;
	v->open_ns = open;
	v->waiters = l->waiters;
	return true;
}

static bool is_asleep(struct verdict *v, const struct snapshot_gil *g)
{
	if (v->asleep_share < ASLEEP_MUCH || v->contended_ratio < CONTENDED_SOME)
		return false;
	set_thread(v, most(g, hold_blocked));
	return true;
}

/* The time spent in values of at least `from`. */
static double hist_time_from(const struct gil_hist *h, __u64 from)
{
	double sum = 0;

	for (__u32 i = gil_hist_slot(from); i < GIL_HIST_SLOTS; i++) {
		if (h->slot[i])
			sum += (double)h->slot[i] * (double)gil_hist_lo(i);
	}
	return sum;
}

/* The number of values that are at least `from`. */
static double hist_count_from(const struct gil_hist *h, __u64 from)
{
	double count = 0;

	for (__u32 i = gil_hist_slot(from); i < GIL_HIST_SLOTS; i++)
		count += (double)h->slot[i];
	return count;
}

/*
 * Native code that computes shows in the waits. If each holder lets go when asked, the n-th waiter
 * in a row has to wait n turns, and not more. Long holds alone prove nothing, because nobody asks
 * without a waiter. But without long holds there is no such code.
 */
static bool is_native(struct verdict *v, const struct snapshot_gil *g)
{
	const struct gil_figures *f = &g->fig;
	double row = share(v->wait_ratio, v->contended_ratio), all_turns;
	__u64 turn = LONG_INTERVALS * interval_ns(v);
	const struct gil_thread *t = most(g, hold_longest);

	if (v->contended_ratio < CONTENDED_SOME || !t || t->fig.hold.max < turn)
		return false;
	all_turns = (double)turn * (row > 1 ? row : 1);
	if (hist_time_from(&f->wait, all_turns < 1e18 ? (__u64)all_turns : ~0ULL) <
	    LONG_WAITS_MUCH * (double)f->wait.sum)
		return false;
	/* Bad luck in a long row, or holders without a CPU, also make long waits out of short
	 * holds. */
	if (row * hist_time_from(&f->hold, turn) < LONG_WAITS_MUCH * (double)f->wait.sum)
		return false;
	set_thread(v, t);
	return true;
}

static bool is_victim(const struct verdict *v, const struct gil_thread *t, __u64 observed)
{
	const struct gil_figures *f = &t->fig;
	double interval = (double)interval_ns(v);

	return t->tid && f->wait.count >= CONVOY_TURNS &&
	       (double)gil_hist__quantile(&f->wait, 0.5) >= CONVOY_WAIT * interval &&
	       share(f->hold.sum, f->hold.count) <= CONVOY_HOLD * interval &&
	       share(f->wait.sum, observed) >= CONVOY_SHARE;
}

/* True for a thread that holds for long, and lets go only when asked. */
static bool is_in_front(const struct verdict *v, const struct snapshot_gil *g,
			const struct gil_thread *t)
{
	const struct gil_figures *f = &t->fig;
	__u64 from = (__u64)(FRONT_HOLD * (double)interval_ns(v));

	return t->tid && hist_time_from(&f->hold, from) >= FRONT_MOST * (double)f->hold.sum &&
	       (g->requests_unknown ||
		(double)f->requested_releases >= FRONT_MOST * hist_count_from(&f->hold, from));
}

static bool is_convoy(struct verdict *v, const struct snapshot_process *p,
		      const struct snapshot_gil *g)
{
	const struct gil_thread *victim = NULL, *front = NULL;
	__u64 observed = gil__observed(p, g), waited = 0;

	for (size_t i = 0; i < g->nr_threads; i++) {
		const struct gil_thread *t = &g->threads[i];

		if (is_victim(v, t, observed)) {
			/* clang-tidy takes a row after the first for NULL. */
			waited += t->fig.wait.sum; /* NOLINT(clang-analyzer-core.NullDereference) */
			if (!victim || t->fig.wait.sum > victim->fig.wait.sum)
				victim = t;
		}
		if (is_in_front(v, g, t) && (!front || t->fig.hold.sum > front->fig.hold.sum))
			front = t;
	}
	if (!victim || !front || (double)waited < CONVOY_MOST * (double)g->fig.wait.sum)
		return false;
	set_thread(v, victim);
	v->holder = front->tid;
	memcpy(v->holder_name, front->comm, sizeof(v->holder_name));
	v->wait_ns = gil_hist__quantile(&victim->fig.wait, 0.5);
	if (v->answer < VERDICT_PARTLY)
		v->answer = VERDICT_PARTLY;
	return true;
}

/* Sets how many threads wait, and the range of their shares of the time. Counted are threads that
 * wait at least half as much as the one that waits most; 0 if they are less than half of all
 * waiting. */
static void set_waiting(struct verdict *v, const struct snapshot_process *p,
			const struct snapshot_gil *g)
{
	double observed = (double)gil__observed(p, g), sum = 0;
	__u64 largest = 0, smallest = ~0ULL;

	for (size_t i = 0; i < g->nr_threads; i++) {
		__u64 waited = snapshot_gil__thread_waited(&g->threads[i], snapshot_gil__end(p, g));

		if (g->threads[i].tid && waited > largest)
			largest = waited;
	}
	for (size_t i = 0; largest && i < g->nr_threads; i++) {
		__u64 waited = snapshot_gil__thread_waited(&g->threads[i], snapshot_gil__end(p, g));

		if (!g->threads[i].tid || waited < largest / 2)
			continue;
		v->threads++;
		sum += (double)waited;
		if (waited < smallest)
			smallest = waited;
	}
	v->most = share((double)largest, observed);
	v->least = share((double)smallest, observed);
	if (sum < (double)gil_lock_waiting_until(&g->lock, snapshot_gil__end(p, g)) / 2)
		v->threads = 0;
	if (v->threads == 1)
		set_thread(v, most(g, wait_sum));
}

/* For a GIL for which nobody waits much: judges by how busy it is, and with how many threads. */
static enum verdict_kind kind_without_waits(struct verdict *v, const struct snapshot_process *p,
					    const struct snapshot_gil *g)
{
	__u64 held = gil_lock_held_until(&g->lock, g->locked_at_start, snapshot_gil__end(p, g));

	if (!g->fig.acquisitions && isnan(v->held_ratio))
		return VERDICT_NOTHING_SEEN;
	if (v->held_ratio < HELD_BUSY)
		return VERDICT_IDLE;
	if (g->lock.state == GIL_LOCK_UNSEEN && g->locked_at_start == 1)
		return VERDICT_ONE_THREAD; /* the thread never let go */
	for (size_t i = 0; i < g->nr_threads; i++) {
		const struct gil_thread *t = &g->threads[i];

		if (t->tid && (double)snapshot_gil__thread_held(g, t, snapshot_gil__end(p, g)) >=
				      HELD_ALONE * (double)held) {
			set_thread(v, t);
			return VERDICT_ONE_THREAD;
		}
	}
	return VERDICT_BUSY;
}

static enum verdict_kind judge(struct verdict *v, const struct snapshot_process *p,
			       const struct snapshot_gil *g)
{
	if (gil__observed(p, g) < OBSERVED_LEAST_NS)
		return VERDICT_NOTHING_SEEN;
	if (is_stuck(v, p, g))
		return VERDICT_STUCK;
	if (is_asleep(v, g))
		return VERDICT_ASLEEP;
	if (v->contended_ratio >= CONTENDED_SOME && v->preempted_share >= PREEMPTED_MUCH)
		return VERDICT_PREEMPTED;
	if (is_native(v, g))
		return VERDICT_NATIVE;
	if (is_convoy(v, p, g))
		return VERDICT_CONVOY;
	if (v->contended_ratio >= CONTENDED_SOME) {
		set_waiting(v, p, g);
		return VERDICT_SHARED;
	}
	return kind_without_waits(v, p, g);
}

static void name_process(struct verdict *v, const struct snapshot_process *p)
{
	v->pid = p->pid;
	memcpy(v->comm, p->comm, sizeof(v->comm));
}

struct verdict verdict__of_gil(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	const struct gil_figures *f = &g->fig;
	struct verdict v = {.kind = VERDICT_FREE_THREADED, .answer = VERDICT_NO};

	name_process(&v, p);
	v.held_ratio = gil__held_ratio(p, g);
	v.contended_ratio = gil__contended_ratio(p, g);
	v.wait_ratio = gil__wait_ratio(p, g);
	v.switch_interval_us =
		g->switch_interval_us > 0 ? g->switch_interval_us : DEFAULT_SWITCH_INTERVAL_US;
	v.asleep_ns = f->hold_part[GIL_PART_BLOCKED];
	v.asleep_share = share(v.asleep_ns, f->hold.sum);
	v.preempted_share = share(f->hold_part[GIL_PART_RUNNABLE], f->hold.sum);
	v.answer = answer(v.contended_ratio);
	/* The GIL may have been turned on for a while, or since it was last looked at, and have
	 * cost. */
	if (p->free_threaded && v.answer < VERDICT_PARTLY) {
		v.answer = VERDICT_NO;
		return v;
	}
	v.kind = judge(&v, p, g);
	if (v.kind == VERDICT_NOTHING_SEEN)
		v.answer = VERDICT_UNKNOWN;
	return v;
}

/* The result of a first look at all GILs. */
struct overview {
	double held_most; /* ns, of the GIL held longest */
	size_t gils;
	size_t free_threaded; /* processes */
};

static double held_ns(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	return (double)gil_lock_held_until(&g->lock, g->locked_at_start, snapshot_gil__end(p, g));
}

/* True if the process ended before the span, and is listed only with its last seconds. That happens
 * in a window of top. */
static bool is_past(const struct snapshot *s, const struct snapshot_process *p)
{
	return p->exited && p->end_ns < s->start_ns;
}

static struct overview look(const struct snapshot *s)
{
	struct overview o = {0};

	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];

		o.free_threaded += p->free_threaded;
		for (size_t j = 0; j < p->nr_gils; j++) {
			o.gils++;
			if (!is_past(s, p) && held_ns(p, &p->gils[j]) > o.held_most)
				o.held_most = held_ns(p, &p->gils[j]);
		}
	}
	return o;
}

/* The GILs taken together. */
struct tally {
	struct verdict worst; /* of the GILs that threads wait for, the one with the most waiting */
	double worst_waited;
	size_t waited_for;
	struct verdict first; /* of all GILs, the one held longest */
	double first_held;
	size_t busy;
	size_t busy_processes;
};

static void tally_gil(struct tally *t, const struct overview *o, const struct snapshot_process *p,
		      const struct snapshot_gil *g, bool *busy)
{
	struct verdict v = verdict__of_gil(p, g);
	double waited = (double)gil_lock_waiting_until(&g->lock, snapshot_gil__end(p, g));
	double held = held_ns(p, g);

	v.named = o->gils > 1;
	if (v.answer >= VERDICT_PARTLY && waited >= WORTH_TELLING * o->held_most) {
		t->waited_for++;
		if (waited > t->worst_waited) {
			t->worst = v;
			t->worst_waited = waited;
		}
	}
	if (held >= WORTH_TELLING * o->held_most && v.held_ratio >= HELD_BUSY) {
		t->busy++;
		*busy = true;
	}
	if (held > t->first_held || t->first.kind == VERDICT_NOTHING_SEEN) {
		t->first = v;
		t->first_held = held;
	}
}

struct verdict verdict__of_snapshot(const struct snapshot *s)
{
	struct overview o = look(s);
	struct tally t = {0};

	t.first.contended_ratio = t.first.held_ratio = t.first.wait_ratio = NAN;
	if (!o.gils && o.free_threaded) {
		t.first.kind = VERDICT_FREE_THREADED;
		t.first.answer = VERDICT_NO;
		name_process(&t.first, &s->processes[0]);
		return t.first;
	}
	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];
		bool busy = false;

		for (size_t j = 0; j < p->nr_gils && !is_past(s, p); j++)
			tally_gil(&t, &o, p, &p->gils[j], &busy);
		t.busy_processes += busy;
	}
	if (t.waited_for) {
		t.worst.others = t.waited_for - 1;
		return t.worst;
	}
	if (t.busy > 1) {
		t.first.kind = VERDICT_EACH_ITS_OWN;
		t.first.answer = VERDICT_NO;
		t.first.gils = t.busy;
		t.first.processes = t.busy_processes;
	}
	return t.first;
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
