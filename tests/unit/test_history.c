// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The history must equal what it stands for: the span since the start is the snapshot that was fed
 * last, and the window is the difference of two snapshots, whatever happened in between.
 */
#include "fixtures.h"
#include "core/history/history.h"
#include "random.h"
#include "test.h"

#define THREADS 6
#define PAST    400

/* A GIL that threads use at random, but correctly. */
struct play {
	struct snapshot *s;
	struct story st;
	__u64 random;
};

static struct play play__begin(__u64 seed)
{
	struct play p = {.s = snapshot__new(), .random = seed};

	p.st = story__begin(p.s, 100, "play");
	p.st.process->exited = false;
	for (__u32 i = 0; i < THREADS; i++)
		story__thread(&p.st, 101 + i, "thread");
	return p;
}

static bool is_allowed(const struct story *st, const struct gil_thread *t, enum gil_edge_kind kind)
{
	const struct gil_lock *l = &st->gil->lock;

	switch (kind) {
	case GIL_EDGE_WAIT:
		return t->state == GIL_THREAD_IDLE && l->state == GIL_LOCK_HELD;
	case GIL_EDGE_ACQUIRE:
		return l->state != GIL_LOCK_HELD &&
		       (t->state == GIL_THREAD_IDLE || t->state == GIL_THREAD_WAITING);
	case GIL_EDGE_RELEASE:
		return t->state == GIL_THREAD_HOLDING;
	default:
		return gil_thread_is_timed(t);
	}
}

static void play__step(struct play *p)
{
	struct gil_thread *t = &p->st.gil->threads[random_below(&p->random, THREADS)];
	enum gil_edge_kind kind = (enum gil_edge_kind)(1 + random_below(&p->random, 6));

	story__pass(&p->st, random_below(&p->random, 3) ? random_below(&p->random, 50 * US)
							: random_below(&p->random, 20 * MS));
	if (is_allowed(&p->st, t, kind))
		story__edge(&p->st, t->tid, kind, (__u32)random_below(&p->random, 4));
}

static struct snapshot *play__snapshot(struct play *p)
{
	struct snapshot *s = snapshot__new();

	story__end(&p->st, false);
	p->s->end_ns = p->st.now;
	snapshot__append(s, p->s);
	s->start_ns = p->s->start_ns;
	s->end_ns = p->st.now;
	s->probe_hits = p->s->probe_hits;
	snapshot__finish(s);
	return s;
}

static bool same_hist(const struct gil_hist *a, const struct gil_hist *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void check_same_gil(const struct snapshot_process *p, const struct snapshot_process *q)
{
	const struct snapshot_gil *g = &p->gils[0], *f = &q->gils[0];

	CHECK_EQ(g->nr_threads, f->nr_threads);
	CHECK_EQ(g->nr_sums, f->nr_sums);
	CHECK_EQ(p->end_ns, q->end_ns);
	CHECK_EQ(p->start_ns, q->start_ns);
	CHECK_EQ(g->lock.start, f->lock.start);
	CHECK_EQ(gil_lock_held_until(&g->lock, -1, p->end_ns),
		 gil_lock_held_until(&f->lock, -1, p->end_ns));
	CHECK_EQ(gil_lock_contended_until(&g->lock, p->end_ns),
		 gil_lock_contended_until(&f->lock, p->end_ns));
	CHECK_EQ(gil_lock_waiting_until(&g->lock, p->end_ns),
		 gil_lock_waiting_until(&f->lock, p->end_ns));
	CHECK(same_hist(&g->lock.handoff, &f->lock.handoff), "handoffs");
	CHECK(same_hist(&g->lock.chain, &f->lock.chain), "chains");
	CHECK(!memcmp(&g->fig, &f->fig, sizeof(g->fig)), "figures of the GIL");
	CHECK(!g->nr_sums || !memcmp(g->sums, f->sums, g->nr_sums * sizeof(*g->sums)), "pairs");
	for (size_t i = 0; i < g->nr_threads; i++) {
		const struct gil_thread *t = &g->threads[i], *u = snapshot_gil__thread(f, t->tid);

		CHECK(u, "thread %u is not there", t->tid);
		CHECK_EQ(t->state, u->state);
		CHECK(!memcmp(&t->fig, &u->fig, sizeof(t->fig)), "figures of thread %u", t->tid);
		CHECK_EQ(snapshot_gil__thread_held(g, t, p->end_ns),
			 snapshot_gil__thread_held(f, u, p->end_ns));
		CHECK_EQ(snapshot_gil__thread_waited(t, p->end_ns),
			 snapshot_gil__thread_waited(u, p->end_ns));
	}
}

TEST(all_is_the_last_snapshot)
{
	for (__u64 seed = 1; seed <= 20 && !test_failure[0]; seed++) {
		struct play p = play__begin(seed);
		struct history *h = history__new(10 * S);

		for (int tick = 0; tick < 60 && !test_failure[0]; tick++) {
			struct snapshot *s, *all;

			for (__u64 n = random_below(&p.random, 30); n; n--)
				play__step(&p);
			s = play__snapshot(&p);
			CHECK_EQ(history__add(h, s), 0);
			all = history__copy(h, HISTORY_ALL);
			check_same_gil(&all->processes[0], &s->processes[0]);
			CHECK_EQ(all->probe_hits, s->probe_hits);
			snapshot__free(all);
			snapshot__free(s);
		}
		history__free(h);
		snapshot__free(p.s);
	}
}

static __u64 parts(const __u64 *part)
{
	return part[0] + part[1] + part[2];
}

/* What the window says about a thread, compared with what was known at its two ends. */
static void check_window_thread(const struct snapshot_process *w, const struct snapshot_process *a,
				const struct snapshot_process *b, __u32 tid)
{
	const struct gil_thread *t = snapshot_gil__thread(&w->gils[0], tid),
				*u = snapshot_gil__thread(&a->gils[0], tid),
				*v = snapshot_gil__thread(&b->gils[0], tid);

	for (int i = 0; i < GIL_NR_THREAD_COUNTERS; i++)
		CHECK_EQ(t->fig.counter[i], v->fig.counter[i] - u->fig.counter[i]);
	CHECK_EQ(t->fig.wait.count, v->fig.wait.count - u->fig.wait.count);
	CHECK_EQ(snapshot_gil__thread_held(&w->gils[0], t, w->end_ns),
		 snapshot_gil__thread_held(&b->gils[0], v, b->end_ns) -
			 snapshot_gil__thread_held(&a->gils[0], u, a->end_ns));
	CHECK_EQ(snapshot_gil__thread_waited(t, w->end_ns),
		 snapshot_gil__thread_waited(v, b->end_ns) -
			 snapshot_gil__thread_waited(u, a->end_ns));
	CHECK_EQ(parts(t->fig.hold_part), t->fig.hold.sum);
	CHECK_EQ(parts(t->fig.wait_part), t->fig.wait.sum);
	for (unsigned int i = 0; i < GIL_HIST_SLOTS; i++)
		CHECK_EQ(t->fig.hold.slot[i], v->fig.hold.slot[i] - u->fig.hold.slot[i]);
	CHECK(t->fig.hold.max <= v->fig.hold.max, "the longest hold");
}

static void check_window(const struct history *h, const struct snapshot *a,
			 const struct snapshot *b)
{
	const struct snapshot_process *w = history__span(h, HISTORY_WINDOW)->processes,
				      *p = a->processes, *q = b->processes;
	const struct gil_lock *l = &w->gils[0].lock, *m = &p->gils[0].lock, *n = &q->gils[0].lock;

	CHECK_EQ(w->start_ns, p->end_ns);
	CHECK_EQ(gil_lock_held_until(l, -1, w->end_ns),
		 gil_lock_held_until(n, -1, q->end_ns) - gil_lock_held_until(m, -1, p->end_ns));
	CHECK_EQ(gil_lock_waiting_until(l, w->end_ns),
		 gil_lock_waiting_until(n, q->end_ns) - gil_lock_waiting_until(m, p->end_ns));
	for (int i = 0; i < GIL_NR_LOCK_COUNTERS; i++)
		CHECK_EQ(l->counter[i], n->counter[i] - m->counter[i]);
	CHECK_EQ(l->handoff.count, n->handoff.count - m->handoff.count);
	CHECK_EQ(w->gils[0].fig.hold.count, q->gils[0].fig.hold.count - p->gils[0].fig.hold.count);
	CHECK_EQ(parts(w->gils[0].fig.hold_part), w->gils[0].fig.hold.sum);
	for (__u32 tid = 101; tid < 101 + THREADS && !test_failure[0]; tid++)
		check_window_thread(w, p, q, tid);
}

TEST(window_is_the_difference)
{
	static const __u64 windows[] = {50 * MS, 500 * MS, 2 * S, 30 * S};

	for (__u64 seed = 1; seed <= 12 && !test_failure[0]; seed++) {
		struct snapshot *past[PAST];
		struct play p = play__begin(seed);
		struct history *h = history__new(windows[seed % 4]);
		int nr = 0;

		while (nr < PAST && !test_failure[0]) {
			__u64 window = windows[(seed + (__u64)nr / 100) % 4];
			int from = nr;

			for (__u64 n = random_below(&p.random, 20); n; n--)
				play__step(&p);
			past[nr] = play__snapshot(&p);
			history__set_window(h, window);
			CHECK_EQ(history__add(h, past[nr]), 0);
			while (from > 0 && past[from - 1]->end_ns + window > past[nr]->end_ns)
				from--;
			/* The window reaches back to the end of the last tick before it. */
			if (from > 0 && nr > 0)
				check_window(h, past[from == nr ? nr - 1 : from - 1], past[nr]);
			nr++;
		}
		while (nr)
			snapshot__free(past[--nr]);
		history__free(h);
		snapshot__free(p.s);
	}
}

TEST(reset_forgets)
{
	struct play p = play__begin(7);
	struct history *h = history__new(10 * S);
	struct snapshot *a, *b;

	for (int i = 0; i < 200; i++)
		play__step(&p);
	a = play__snapshot(&p);
	history__add(h, a);
	history__reset(h);
	CHECK_EQ(history__span(h, HISTORY_ALL)->processes[0].gils[0].fig.acquisitions, 0);
	for (int i = 0; i < 200; i++)
		play__step(&p);
	b = play__snapshot(&p);
	history__add(h, b);
	check_window(h, a, b);
	CHECK_EQ(history__span(h, HISTORY_ALL)->processes[0].gils[0].fig.acquisitions,
		 b->processes[0].gils[0].fig.acquisitions -
			 a->processes[0].gils[0].fig.acquisitions);
	CHECK(!history__exact_max(h, HISTORY_ALL), "the maximum may be from before");
	snapshot__free(a);
	snapshot__free(b);
	snapshot__free(p.s);
	history__free(h);
}

/* A thread repeatedly comes, works and exits, and its number is reused. What it did must end up in
 * the row of exited threads exactly once. */
static void churn(struct snapshot *s, struct gil_thread *live, int life, bool fold)
{
	struct snapshot_gil *g = &s->processes[0].gils[0];

	for (int i = 0; i <= life; i++) {
		struct gil_edge e = {.ts = FIXTURE_START + (__u64)life * 100 * MS + (__u64)i * MS,
				     .tid = live->tid};

		e.kind = GIL_EDGE_ACQUIRE;
		gil_model_step(&g->lock, live, &e);
		e.ts += 100 * US;
		e.kind = GIL_EDGE_RELEASE;
		gil_model_step(&g->lock, live, &e);
	}
	if (!fold)
		return;
	gil_figures__add(&g->threads[0].fig, &live->fig);
	g->nr_folded++;
}

TEST(exited_threads_are_counted_once)
{
	struct snapshot *s = snapshot__new(), *all;
	struct story st = story__begin(s, 100, "churn");
	struct history *h = history__new(1 * S);
	__u64 want = 0;

	story__thread(&st, 0, "(exited)");
	st.gil->threads[0].state = GIL_THREAD_GONE;
	for (int life = 0; life < 100; life++) {
		struct gil_thread *t = snapshot_gil__add_thread(st.gil);

		t->tid = 200 + (__u32)life % 3;
		t->state = GIL_THREAD_IDLE;
		churn(s, t, life, false);
		want += (__u64)life + 1;
		s->end_ns = st.process->end_ns = FIXTURE_START + (__u64)life * 100 * MS + 90 * MS;
		CHECK_EQ(history__add(h, s), 0);
		churn(s, t, life, true);
		want += (__u64)life + 1;
		st.gil->nr_threads = 1;
	}
	s->end_ns = st.process->end_ns += 100 * MS;
	CHECK_EQ(history__add(h, s), 0);
	all = history__copy(h, HISTORY_ALL);
	CHECK_EQ(all->processes[0].gils[0].fig.acquisitions, want);
	CHECK_EQ(history__span(h, HISTORY_ALL)->processes[0].gils[0].fig.acquisitions, want);
	snapshot__free(all);
	snapshot__free(s);
	history__free(h);
}

TEST(a_counter_that_goes_back_begins_anew)
{
	struct snapshot *s = fixture__make("convoy"), *again = fixture__make("two_threads");
	struct history *h = history__new(30 * S);
	const struct snapshot_gil *g;

	CHECK_EQ(history__add(h, s), 0);
	again->end_ns = again->processes[0].end_ns += 10 * S;
	CHECK_EQ(history__add(h, again), 0);
	g = &history__span(h, HISTORY_WINDOW)->processes[0].gils[0];
	CHECK(g->fig.acquisitions <= s->processes[0].gils[0].fig.acquisitions +
					     again->processes[0].gils[0].fig.acquisitions,
	      "%llu", (unsigned long long)g->fig.acquisitions);
	snapshot__free(s);
	snapshot__free(again);
	history__free(h);
}

/* The same key may occur in several kinds of sums. */
TEST(kinds_of_sums_are_kept_apart)
{
	struct snapshot *s = fixture__make("convoy"), *copy;
	struct history *h = history__new(1 * S);
	struct snapshot_gil *g = &s->processes[0].gils[0];
	struct gil_sum *sum = snapshot_gil__add_sum(g);
	__u64 handoffs = g->sums[0].count;
	const struct gil_sum *first;
	size_t n;

	*sum = (struct gil_sum){.kind = GIL_SUM_KINDS, .key = g->sums[0].key, .count = 5, .ns = 50};
	CHECK_EQ(history__add(h, s), 0);
	sum->count = 9;
	sum->ns = 70;
	s->end_ns = s->processes[0].end_ns += 10 * S;
	CHECK_EQ(history__add(h, s), 0);
	for (int span = 0; span < HISTORY_SPANS; span++) {
		copy = history__copy(h, span);
		first = snapshot_gil__sums(&copy->processes[0].gils[0], GIL_SUM_KINDS, &n);
		CHECK_EQ(n, 1);
		CHECK_EQ(first->count, span == HISTORY_ALL ? 9 : 4);
		CHECK_EQ(first->ns, span == HISTORY_ALL ? 70 : 20);
		first = snapshot_gil__sums(&copy->processes[0].gils[0], GIL_SUM_HANDOFFS, &n);
		if (span == HISTORY_ALL)
			CHECK(n && first->count == handoffs, "handoffs");
		else
			CHECK_EQ(n, 0);
		snapshot__free(copy);
	}
	snapshot__free(s);
	history__free(h);
}

TEST(what_has_ended_keeps_its_last_seconds)
{
	struct snapshot *s = fixture__make("multiprocess");
	struct history *h = history__new(1 * S);
	const struct snapshot *w = history__span(h, HISTORY_WINDOW);

	for (int i = 0; i < 100; i++) {
		CHECK_EQ(history__add(h, s), 0);
		s->end_ns += 1 * S;
	}
	CHECK_EQ(w->nr_processes, 5);
	for (size_t i = 0; i < w->nr_processes; i++)
		CHECK(w->processes[i].gils[0].fig.acquisitions, "process %zu", i);
	snapshot__free(s);
	history__free(h);
}

/* New processes keep coming, and none stays: the number of those kept is limited. */
TEST(many_that_have_ended_are_forgotten)
{
	struct history *h = history__new(1 * S);
	const struct snapshot *all = history__span(h, HISTORY_ALL);
	struct snapshot *s = NULL, *copy;

	for (int i = 0; i < 5000; i++) {
		snapshot__free(s);
		s = snapshot__new();
		struct story st = story__begin(s, 100 + i, "short");

		story__thread(&st, 100 + (__u32)i, "short");
		story__edge(&st, 100 + (__u32)i, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 1 * MS);
		story__end(&st, false);
		s->processes[0].start_ns += (__u64)i * 100 * MS;
		s->end_ns = s->processes[0].end_ns += (__u64)i * 100 * MS;
		snapshot__finish(s);
		CHECK_EQ(history__add(h, s), 0);
	}
	/* 1,024, and those of the last 30 seconds. */
	CHECK(all->nr_processes > 1024 && all->nr_processes < 1024 + 310, "%zu", all->nr_processes);
	copy = history__copy(h, HISTORY_ALL);
	CHECK_EQ(copy->processes[0].pid, 100);
	for (size_t i = 0; i < copy->nr_processes; i++)
		CHECK(copy->processes[i].pid, "process %zu", i);
	snapshot__free(copy);
	snapshot__free(s);
	history__free(h);
}

TEST(points_tell_the_last_minutes)
{
	struct snapshot *s = fixture__make("convoy");
	struct history *h = history__new(1 * S);
	struct history_point points[HISTORY_POINTS];
	__u64 first;
	size_t n;

	CHECK_EQ(history__add(h, s), 0);
	n = history__points(h, 0, 0, points, HISTORY_POINTS, &first);
	CHECK_EQ(n, s->end_ns / HISTORY_POINT_NS - s->start_ns / HISTORY_POINT_NS);
	CHECK_EQ(first, 0);
	CHECK(points[0].contended > 0.9f && points[0].contended <= 1, "contended");
	for (int i = 0; i < 2000; i++) {
		s->end_ns = s->processes[0].end_ns += HISTORY_POINT_NS;
		CHECK_EQ(history__add(h, s), 0);
	}
	CHECK_EQ(history__points(h, 0, 0, points, 10, &first), 10);
	CHECK_EQ(first, n + 2000 - 10);
	snapshot__free(s);
	history__free(h);
}

/* After a reset a curve has nothing of the time before it, not even in its first point. */
TEST(a_reset_forgets_the_curve)
{
	struct snapshot *s = fixture__make("convoy");
	struct history *h = history__new(1 * S);
	struct history_point points[HISTORY_POINTS];
	__u64 first;
	size_t n;

	s->end_ns = s->processes[0].end_ns += HISTORY_POINT_NS / 2;
	CHECK_EQ(history__add(h, s), 0);
	n = history__points(h, 0, 0, points, HISTORY_POINTS, &first);
	CHECK(n > 2, "%zu points", n);
	history__reset(h);
	CHECK_EQ(history__points(h, 0, 0, points, HISTORY_POINTS, &first), 0);
	for (int i = 0; i < 4; i++) {
		s->end_ns = s->processes[0].end_ns += HISTORY_POINT_NS;
		s->processes[0].gils[0].lock.mark = s->end_ns;
		CHECK_EQ(history__add(h, s), 0);
	}
	CHECK_EQ(history__points(h, 0, 0, points, HISTORY_POINTS, &first), 4);
	CHECK_EQ(first, n);
	for (int i = 0; i < 4; i++)
		CHECK(!points[i].contended && !points[i].waiting, "point %d", i);
	snapshot__free(s);
	history__free(h);
}

TEST_MAIN
