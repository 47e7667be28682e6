// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fixtures.h"
#include "random.h"
#include "core/figures/snapshot.h"
#include "test.h"

static struct gil_hist hist;

static int compare_values(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* The value of rank ceil(q * n) in sorted values. */
static __u64 exact(const __u64 *values, size_t n, double q)
{
	size_t rank = (size_t)(q * (double)n);

	if ((double)rank < q * (double)n || !rank)
		rank++;
	return values[rank - 1];
}

static size_t make_values(__u64 *values, __u64 seed)
{
	__u64 r = random_seed(seed);
	size_t n = 1 + random_below(&r, 2000);
	unsigned int bits = 1 + (unsigned int)random_below(&r, 36);
	__u64 base = random_below(&r, 3) ? 0 : random_size(&r, 35);

	memset(&hist, 0, sizeof(hist));
	for (size_t i = 0; i < n; i++) {
		values[i] = base + random_size(&r, bits);
		if (values[i] >= 1ULL << 36)
			values[i] = (1ULL << 36) - 1;
		gil_hist_add(&hist, values[i]);
	}
	qsort(values, n, sizeof(*values), compare_values);
	return n;
}

TEST(quantiles_of_random_distributions)
{
	static const double quantiles[] = {0.001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1};
	static __u64 values[2000];

	for (__u64 seed = 1; seed <= 1000; seed++) {
		size_t n = make_values(values, seed);
		__u64 last = 0;

		for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
			__u64 got = gil_hist__quantile(&hist, quantiles[i]);
			__u64 want = exact(values, n, quantiles[i]);
			__u64 off = got > want ? got - want : want - got;

			CHECK(off * 32 <= want, "seed %llu, q %g: %llu, not %llu", seed,
			      quantiles[i], got, want);
			CHECK(got <= hist.max, "seed %llu, q %g", seed, quantiles[i]);
			CHECK(got >= last, "seed %llu, q %g: falls", seed, quantiles[i]);
			last = got;
		}
		CHECK_EQ(gil_hist__quantile(&hist, 1), values[n - 1]);
	}
}

TEST(quantiles_of_few_values)
{
	memset(&hist, 0, sizeof(hist));
	CHECK_EQ(gil_hist__quantile(&hist, 0.5), 0);
	gil_hist_add(&hist, 1000003);
	CHECK_EQ(gil_hist__quantile(&hist, 0.001), 1000003);
	CHECK_EQ(gil_hist__quantile(&hist, 0.999), 1000003);
	gil_hist_add(&hist, 7);
	CHECK_EQ(gil_hist__quantile(&hist, 0.5), 7);
	CHECK_EQ(gil_hist__quantile(&hist, 0.51), 1000003);
}

TEST(quantiles_beyond_the_last_slot)
{
	__u64 q;

	memset(&hist, 0, sizeof(hist));
	for (int i = 0; i < 10; i++)
		gil_hist_add(&hist, 100ULL << 32);
	gil_hist_add(&hist, 200ULL << 32);
	CHECK_EQ(gil_hist__quantile(&hist, 1), 200LL << 32);
	q = gil_hist__quantile(&hist, 0.5);
	CHECK(q >= 1ULL << 36 && q <= hist.max, "%llu", q);
}

TEST(quantile_of_a_torn_histogram_ends)
{
	memset(&hist, 0, sizeof(hist));
	hist.count = 10; /* but no slot has any */
	hist.max = 5;
	CHECK_EQ(gil_hist__quantile(&hist, 0.5), 5);
}

TEST(figures_add_up)
{
	static struct gil_figures a, b;

	memset(&a, 0, sizeof(a));
	for (int i = 0; i < GIL_NR_THREAD_COUNTERS; i++)
		a.counter[i] = i + 1;
	a.hold_part[GIL_PART_BLOCKED] = 5;
	a.wait_part[GIL_PART_RUNNABLE] = 6;
	gil_hist_add(&a.hold, 100);
	gil_hist_add(&a.wait, 7);
	b = a;
	gil_hist_add(&b.wait, 9);
	gil_figures__add(&b, &a);
	for (int i = 0; i < GIL_NR_THREAD_COUNTERS; i++)
		CHECK_EQ(b.counter[i], 2 * (i + 1));
	CHECK_EQ(b.acquisitions, 2);
	CHECK_EQ(b.requested_releases, 8);
	CHECK_EQ(b.hold_part[GIL_PART_BLOCKED], 10);
	CHECK_EQ(b.wait_part[GIL_PART_RUNNABLE], 12);
	CHECK_EQ(b.hold.count, 2);
	CHECK_EQ(b.hold.max, 100);
	CHECK_EQ(b.wait.sum, 23);
	CHECK_EQ(b.wait.max, 9);
	CHECK_EQ(b.wait.slot[7], 2);
	CHECK_EQ(b.wait.slot[9], 1);
}

TEST(which_rows_are_kept)
{
	CHECK(snapshot__keeps_row(0, 0, 0), "the first");
	CHECK(snapshot__keeps_row(SNAPSHOT_PAST - 1, 0, 1000), "there is room");
	CHECK(!snapshot__keeps_row(SNAPSHOT_PAST, 0, 0), "it did nothing");
	CHECK(!snapshot__keeps_row(SNAPSHOT_PAST, 99, 102400), "too little");
	CHECK(snapshot__keeps_row(SNAPSHOT_PAST, 100, 102400), "noticeable");
	CHECK(!snapshot__keeps_row(2 * SNAPSHOT_PAST, 100, 102400), "too many of these");
	CHECK(snapshot__keeps_row(10 * SNAPSHOT_PAST, 10000, 102400), "much");
}

/* Processes without a row of their own are summed up, and the sum of sums is the same. */
TEST(folded_processes)
{
	struct snapshot *whole = fixture__make("multiprocess"), *s = snapshot__new(), *copy;
	__u64 acquisitions = 0, weight = 0, observed = 0;
	const struct snapshot_gil *g;

	snapshot__finish(whole);
	for (size_t i = 0; i < whole->nr_processes; i++) {
		const struct snapshot_process *p = &whole->processes[i];

		for (size_t j = 0; j < p->nr_gils; j++) {
			acquisitions += p->gils[j].fig.acquisitions;
			observed += snapshot_gil__end(p, &p->gils[j]) - p->gils[j].lock.start;
		}
		weight += snapshot_process__weight(p);
		CHECK(!snapshot__fold(s, p, 1), "memory");
	}
	CHECK(acquisitions && weight, "an empty fixture");
	copy = snapshot__copy(s);
	CHECK(copy && !snapshot__append(copy, s), "memory");
	snapshot__finish(s);
	snapshot__finish(copy);
	g = s->folded.gils;
	CHECK(s->nr_folded == whole->nr_processes, "%zu", s->nr_folded);
	CHECK(g->fig.acquisitions == acquisitions, "%llu", g->fig.acquisitions);
	CHECK(snapshot_process__weight(&s->folded) == weight, "%llu of %llu",
	      snapshot_process__weight(&s->folded), weight);
	CHECK(s->folded.end_ns == observed, "%llu", s->folded.end_ns);
	CHECK(copy->nr_folded == 2 * s->nr_folded, "%zu", copy->nr_folded);
	CHECK(copy->folded.gils->fig.hold.sum == 2 * g->fig.hold.sum, "the sum of sums");
	snapshot__free(whole);
	snapshot__free(copy);
	snapshot__free(s);
}

/* Threads that were folded into one row, with tid 0, still count. */
TEST(finish_sums_the_threads_up)
{
	struct snapshot *s = snapshot__new();
	struct snapshot_process *p = snapshot__add_process(s);
	struct snapshot_gil *g = snapshot_process__add_gil(p);

	for (__u32 tid = 0; tid < 3; tid++) {
		struct gil_thread *t = snapshot_gil__add_thread(g);

		t->tid = tid;
		t->fig.acquisitions = 10 + tid;
		t->fig.releases = 10;
		t->fig.hold_part[GIL_PART_RUNNABLE] = 5;
		gil_hist_add(&t->fig.hold, tid);
	}
	g->fig.contended = 99; /* whatever was there */
	snapshot_process__add_gil(p);
	snapshot__finish(s);
	g = &p->gils[0];
	CHECK_EQ(g->fig.acquisitions, 33);
	CHECK_EQ(g->fig.contended, 0);
	CHECK_EQ(g->fig.releases, 30);
	CHECK_EQ(g->fig.hold_part[GIL_PART_RUNNABLE], 15);
	CHECK_EQ(g->fig.hold.count, 3);
	CHECK_EQ(g->fig.hold.sum, 3);
	CHECK_EQ(g->fig.hold.max, 2);
	CHECK_EQ(p->gils[1].fig.acquisitions, 0);
	snapshot__free(s);
}

TEST(lists_grow_and_start_at_zero)
{
	struct snapshot *s = snapshot__new();
	struct snapshot_gil *g = snapshot_process__add_gil(snapshot__add_process(s));

	for (__u32 i = 0; i < 100; i++) {
		struct gil_thread *t = snapshot_gil__add_thread(g);

		if (t->tid || t->fig.acquisitions || t->fig.wait.slot[GIL_HIST_SLOTS - 1])
			break; /* before all are added */
		memset(t, 0xff, sizeof(*t));
		t->tid = i + 1;
		snapshot_gil__add_sum(g)->key = i;
		snapshot__add_unobserved(s)->pid = (pid_t)i;
	}
	CHECK_EQ(g->nr_threads, 100);
	CHECK_EQ(g->nr_sums, 100);
	CHECK_EQ(s->nr_unobserved, 100);
	CHECK_EQ(g->threads[99].tid, 100);
	CHECK_EQ(g->sums[99].key, 99);
	for (int i = 0; i < 50; i++)
		CHECK_EQ(snapshot_process__add_gil(snapshot__add_process(s))->nr_threads, 0);
	CHECK_EQ(s->nr_processes, 51);
	CHECK_EQ(s->processes[0].gils[0].threads[0].tid, 1);
	snapshot__free(s);
	snapshot__free(NULL);
}

TEST(finish_sorts)
{
	size_t n;
	struct snapshot *s = snapshot__new();
	struct snapshot_process *p = snapshot__add_process(s);
	struct snapshot_gil *g = snapshot_process__add_gil(p);

	for (__u32 tid = 1; tid <= 4; tid++) {
		struct gil_thread *t = snapshot_gil__add_thread(g);
		struct gil_sum *e = snapshot_gil__add_sum(g);

		t->tid = tid;
		t->fig.hold.sum = tid == 3 ? 50 : 100;
		t->fig.wait.sum = tid == 2 ? 1 : 0;
		e->key = gil_pair(5 - tid, 9);
		e->count = tid == 2 ? 9 : 1;
	}
	/* A kind to come: the same key, and more of it than of the handoffs. */
	*snapshot_gil__add_sum(g) =
		(struct gil_sum){.kind = GIL_SUM_KINDS, .key = gil_pair(1, 9), .count = 99};
	/* Thread 3 still holds: that counts. */
	p->end_ns = 1000;
	g->lock.state = GIL_LOCK_HELD;
	g->lock.last_tid = 3;
	g->lock.since = 900;
	snapshot__finish(s);
	CHECK_EQ(g->threads[0].tid, 3);
	CHECK_EQ(g->threads[1].tid, 2);
	CHECK_EQ(g->threads[2].tid, 1);
	CHECK_EQ(g->threads[3].tid, 4);
	CHECK_EQ(gil_pair_from(g->sums[0].key), 3);
	CHECK_EQ(gil_pair_from(g->sums[1].key), 1);
	CHECK_EQ(gil_pair_from(g->sums[3].key), 4);
	CHECK(snapshot_gil__sums(g, GIL_SUM_HANDOFFS, &n) == g->sums, "handoffs come first");
	CHECK_EQ(n, 4);
	CHECK(snapshot_gil__sums(g, GIL_SUM_KINDS, &n) == g->sums + 4, "the other kind");
	CHECK_EQ(n, 1);
	CHECK(!snapshot_gil__sums(g, GIL_SUM_KINDS + 1, &n) && !n, "no such kind");
	CHECK_EQ(snapshot_gil__thread(g, 4)->tid, 4);
	CHECK(!snapshot_gil__thread(g, 9), "a thread that is not there");
	snapshot__free(s);
}

TEST(lost_adds_all_causes)
{
	struct snapshot_lost l = {0};
	__u64 each = 1, sum = 0;

#define SET(name) sum += l.name = each, each *= 2;
	SNAPSHOT_LOSSES(SET)
	CHECK_EQ(snapshot_lost__total(&l), sum);
	CHECK_EQ(sum, (1ULL << sizeof(l) / sizeof(__u64)) - 1);
}

TEST_MAIN
