// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From samples to rows: what adds up, and how near the truth of a simulated program they are. */
#include <math.h>

#include "core/figures/blame.h"
#include "fixtures.h"
#include "random.h"
#include "test.h"

static const struct blame_place f = {.function = "f", .file = "/srv/a.py", .line = 1};
static const struct blame_place g = {.function = "g", .file = "/srv/a.py", .line = 2};

static struct blame_row *rows_of(const struct blame *b, const struct blame_totals *t, size_t *n)
{
	struct blame_row *rows = blame__rows(b, t, n);

	if (!rows)
		abort();
	return rows;
}

static const struct blame_row *row(const struct blame_row *rows, size_t n, const char *function,
				   enum blame_kind kind)
{
	for (size_t i = 0; i < n; i++)
		if (rows[i].kind == kind && !strcmp(rows[i].function, function))
			return &rows[i];
	return NULL;
}

static void check_sums(const struct blame_row *rows, size_t n, const struct blame_totals *t)
{
	__u64 hold = 0, blocked = 0, preempted = 0, wait = 0;

	for (size_t i = 0; i < n; i++) {
		hold += rows[i].hold_ns;
		blocked += rows[i].blocked_ns;
		preempted += rows[i].preempted_ns;
		wait += rows[i].wait_ns;
		CHECK(rows[i].hold_ns >= rows[i].blocked_ns + rows[i].preempted_ns, "row %zu", i);
	}
	CHECK_EQ(blocked, t->blocked_ns);
	CHECK_EQ(preempted, t->preempted_ns);
	CHECK_EQ(hold, t->oncpu_ns + t->blocked_ns + t->preempted_ns + t->unknown_hold_ns);
	CHECK_EQ(wait, t->wait_ns);
}

TEST(ticks_are_scaled_to_the_exact_sums)
{
	const struct blame_totals t = {.oncpu_ns = 1000000007,
				       .blocked_ns = 5000,
				       .preempted_ns = 77,
				       .wait_ns = 3000000019,
				       .free_wait_ns = 11};
	struct blame *b = blame__new();
	struct blame_row *rows;
	size_t n;

	for (int i = 0; i < 30; i++)
		fixture__tick(b, 0, i % 3 ? &f : &g, i % 3 ? 1 : 4);
	fixture__gap(b, 0, &g, 4000, 0, 1000);
	rows = rows_of(b, &t, &n);
	check_sums(rows, n, &t);
	if (!test_failure[0]) {
		const struct blame_row *of_f = row(rows, n, "f", BLAME_FUNCTION);
		const struct blame_row *of_g = row(rows, n, "g", BLAME_FUNCTION);
		const struct blame_row *none = row(rows, n, "", BLAME_UNSAMPLED);

		/* 20 of 30 ticks, and of the waiting 20 of 60. */
		CHECK(of_f && of_g && none && rows == of_g, "rows are missing or out of order");
		CHECK(of_f->hold_ns - 666666671 <= 1, "%llu", of_f->hold_ns);
		CHECK(of_f->wait_ns - (3000000019 - 1000 - 11) / 3 <= 1, "%llu", of_f->wait_ns);
		CHECK_EQ(of_g->blocked_ns, 4000);
		CHECK_EQ(none->blocked_ns, 1000);
		CHECK_EQ(none->preempted_ns, 77);
		CHECK_EQ(row(rows, n, "", BLAME_HANDOVER)->wait_ns, 11);
		/* n_eff = 60^2 / (20 * 1 + 10 * 16) = 20 */
		CHECK(fabs(of_f->error - sqrt(1. / 3 * 2 / 3 / 20)) < 1e-4, "%f", of_f->error);
	}
	free(rows);
	blame__free(b);
}

TEST(what_nobody_has_seen_is_nobodys)
{
	const struct blame_totals t = {.oncpu_ns = 100,
				       .unknown_hold_ns = 50,
				       .wait_ns = 1000,
				       .free_wait_ns = 100,
				       .unseen_wait_ns = 300,
				       .lost_gap_wait_ns = 200};
	struct blame *b = blame__new();
	struct blame_row *rows;
	size_t n;

	rows = rows_of(b, &t, &n);
	check_sums(rows, n, &t);
	CHECK_EQ(n, 2);
	CHECK_EQ(row(rows, n, "", BLAME_UNSAMPLED)->wait_ns, 900);
	CHECK_EQ(row(rows, n, "", BLAME_UNSAMPLED)->hold_ns, 150);
	free(rows);
	/* One tick, and the rest still is nobody's. */
	fixture__tick(b, 0, &f, 2);
	rows = rows_of(b, &t, &n);
	check_sums(rows, n, &t);
	CHECK_EQ(row(rows, n, "f", BLAME_FUNCTION)->wait_ns, 400);
	CHECK_EQ(row(rows, n, "f", BLAME_FUNCTION)->hold_ns, 100);
	CHECK_EQ(row(rows, n, "", BLAME_UNSAMPLED)->wait_ns, 500);
	free(rows);
	blame__free(b);
}

TEST(many_places_share_a_row)
{
	const struct blame_totals t = {.oncpu_ns = 1000};
	struct blame *b = blame__new();
	struct blame_row *rows;
	size_t n;

	for (unsigned int i = 0; i < 2 * (BLAME_STACKS + BLAME_PLACES); i++) {
		const struct blame_place at = {.function = "f", .file = "a.py", .line = i};

		fixture__tick(b, 0, &at, 0);
	}
	rows = rows_of(b, &t, &n);
	check_sums(rows, n, &t);
	CHECK_EQ(n, BLAME_STACKS + BLAME_PLACES + 1);
	CHECK_EQ(row(rows, n, "", BLAME_OTHERS)->hold_ns, 500);
	free(rows);
	blame__free(b);
}

/* Stacks that differ only in their callers share a row, and add up as the rows do. */
TEST(stacks_add_up)
{
	const struct blame_totals t = {.oncpu_ns = 1000000007,
				       .blocked_ns = 5000,
				       .preempted_ns = 77,
				       .wait_ns = 3000000019,
				       .free_wait_ns = 11};
	const struct blame_frame callers[] = {{"h", "/srv/a.py", 3}, {"main", "/srv/a.py", 9}};
	struct blame_place one = f, other = f;
	__u64 hold = 0, wait = 0, random = 1;
	struct blame *b = blame__new(), *copy;
	struct blame_stack *stacks;
	struct blame_row *rows;
	size_t n, nr;

	one.callers = callers;
	one.nr_callers = 2;
	other.callers = callers + 1;
	other.nr_callers = 1;
	for (int i = 0; i < 1000; i++) {
		const struct blame_place *const at[] = {&f, &one, &other, &g};

		fixture__tick(b, 0, at[random_below(&random, 4)],
			      (unsigned int)random_below(&random, 5));
		fixture__gap(b, 0, at[random_below(&random, 4)], random_below(&random, 6), 0, 1);
	}
	copy = blame__copy(b);
	blame__free(b);
	rows = rows_of(copy, &t, &n);
	check_sums(rows, n, &t);
	stacks = blame__stacks(copy, &t, &nr);
	for (size_t i = 0; i < nr; i++) {
		hold += stacks[i].hold_ns;
		wait += stacks[i].wait_ns;
	}
	CHECK_EQ(nr, n + 2);
	CHECK_EQ(hold, t.oncpu_ns + t.blocked_ns + t.preempted_ns);
	CHECK_EQ(wait, t.wait_ns);
	hold = 0;
	for (size_t i = 0; i < nr; i++)
		if (stacks[i].at.function && !strcmp(stacks[i].at.function, "f"))
			hold += stacks[i].hold_ns;
	CHECK_EQ(hold, row(rows, n, "f", BLAME_FUNCTION)->hold_ns);
	blame_stacks__free(stacks, nr);
	free(rows);
	blame__free(copy);
}

/* Notes how much the threads have of each row of the GIL, which is then 0 if they have it all. */
static void take_off(struct blame_row *rows, size_t n, const struct blame_row *part, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		for (size_t j = 0; j < n; j++)
			if (rows[j].kind == part[i].kind && rows[j].line == part[i].line) {
				rows[j].hold_ns -= part[i].hold_ns;
				rows[j].wait_ns -= part[i].wait_ns;
				rows[j].samples -= part[i].samples;
			}
}

TEST(threads_add_up_to_the_rows)
{
	const struct blame_totals t = {.oncpu_ns = 1000000007,
				       .blocked_ns = 1500,
				       .preempted_ns = 700,
				       .wait_ns = 3000000019};
	struct blame *b = blame__new();
	struct blame_row *rows, *part;
	__u64 random = 1;
	size_t n, nr;

	for (int i = 0; i < 5000; i++) {
		const struct blame_place at = {.function = "x",
					       .line = (unsigned int)random_below(&random, 9)};
		__u32 tid = 1 + (__u32)random_below(&random, 7);

		if (random_below(&random, 2))
			fixture__tick(b, tid, &at, (__u32)random_below(&random, 5));
		else
			fixture__gap(b, tid, &at, random_below(&random, 9), 2, 7);
	}
	rows = rows_of(b, &t, &n);
	for (__u32 tid = 1; tid <= 7; tid++) {
		part = blame__rows_of_thread(b, &t, tid, &nr);
		take_off(rows, n, part, nr);
		CHECK(part && nr == 9, "%zu rows", nr);
		free(part);
	}
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(rows[i].hold_ns, 0);
		CHECK_EQ(rows[i].wait_ns, 0);
		CHECK_EQ(rows[i].samples, 0);
	}
	free(rows);
	blame__free(b);
}

TEST(more_threads_than_are_kept_apart)
{
	const struct blame_totals t = {.oncpu_ns = 4 * BLAME_COUNTS};
	struct blame *b = blame__new();
	struct blame_row *rows;
	__u64 held = 0;
	size_t n;

	for (__u32 tid = 1; tid <= BLAME_COUNTS; tid++) {
		fixture__tick(b, tid, &f, 0);
		fixture__tick(b, tid, &g, 0);
	}
	rows = rows_of(b, &t, &n);
	CHECK_EQ(n, 2);
	check_sums(rows, n, &t);
	free(rows);
	for (__u32 tid = 1; tid <= BLAME_COUNTS; tid++) {
		rows = blame__rows_of_thread(b, &t, tid, &n);
		for (size_t i = 0; i < n; i++)
			held += rows[i].hold_ns;
		free(rows);
	}
	CHECK_EQ(held, 2 * BLAME_COUNTS);
	blame__free(b);
}

TEST(lines_of_a_function_are_summed_up)
{
	const struct blame_totals t = {.oncpu_ns = 1000, .wait_ns = 1000};
	struct blame_place at = f;
	struct blame_row *rows, *sums;
	struct blame *b = blame__new();
	size_t n;

	for (int i = 0; i < 10; i++) {
		at.line = i < 3 ? 7 : 8;
		at.native = i < 5 ? "libx.so:y" : "";
		fixture__tick(b, 0, &at, 1);
	}
	rows = rows_of(b, &t, &n);
	CHECK_EQ(n, 2);
	CHECK_EQ(rows[0].line, 8);
	CHECK_STR(rows[0].native, "");
	CHECK_STR(rows[1].native, "libx.so:y");
	sums = blame__by_function(rows, &n);
	CHECK_EQ(n, 1);
	CHECK_EQ(sums[0].line, 8);
	CHECK_EQ(sums[0].wait_ns, 1000);
	free(rows);
	free(sums);
	blame__free(b);
}

/* ---- a program whose truth is known ---- */

enum { COMPUTE, HASH, RECV, SEND, DEEDS };

static const struct blame_place deeds[DEEDS] = {
	{.function = "compute"}, {.function = "hash"}, {.function = "recv"}, {.function = "send"}};

struct truth {
	__u64 hold[DEEDS], wait[DEEDS];
	struct blame_totals totals;
};

/* A thread does one thing after the other with the GIL, while others come to wait for it. A waiter
 * comes in the middle of something and stays for some turns, so the number of waiters has a memory,
 * and has to do with what is long. */
static void simulate(struct blame *b, struct truth *truth, __u64 seed, __u64 scale)
{
	static const __u64 usual[DEEDS] = {3000, 1850, 5, 22}; /* µs */
	__u64 random = random_seed(seed), now = 0, next = 500000, waiters = 0;

	memset(truth, 0, sizeof(*truth));
	while (now < 10 * S)
		for (int i = 0; i < DEEDS; i++) {
			__u64 length =
				usual[i] * scale / 2 + random_below(&random, usual[i] * scale);

			waiters += usual[i] > 1000 ? random_below(&random, 2) : 0;
			waiters -= waiters && !random_below(&random, 4);
			waiters = waiters > 6 ? 6 : waiters;
			for (; next < now + length; next += S / 997)
				fixture__tick(b, 0, &deeds[i], (unsigned int)waiters);
			truth->hold[i] += length;
			truth->wait[i] += length * waiters;
			truth->totals.oncpu_ns += length;
			truth->totals.wait_ns += length * waiters;
			now += length;
		}
}

static void check_truth(__u64 seed, __u64 scale)
{
	struct blame *b = blame__new();
	struct blame_row *rows;
	struct truth truth;
	size_t n;

	simulate(b, &truth, seed, scale);
	rows = rows_of(b, &truth.totals, &n);
	check_sums(rows, n, &truth.totals);
	for (int i = 0; i < DEEDS && !test_failure[0]; i++) {
		const struct blame_row *r = row(rows, n, deeds[i].function, BLAME_FUNCTION);
		double all = (double)truth.totals.wait_ns, held = (double)truth.totals.oncpu_ns;
		double wait = r ? (double)r->wait_ns : 0, hold = r ? (double)r->hold_ns : 0;

		CHECK(fabs(wait - (double)truth.wait[i]) < 0.02 * all, "seed %llu, %s: %f, not %f",
		      seed, deeds[i].function, wait / all, (double)truth.wait[i] / all);
		CHECK(fabs(hold - (double)truth.hold[i]) < 0.02 * held, "seed %llu, %s: %f, not %f",
		      seed, deeds[i].function, hold / held, (double)truth.hold[i] / held);
	}
	free(rows);
	blame__free(b);
}

/* The two things that are short are those where a waiter begins to wait and where the GIL is let go:
 * estimators that look there blame them. */
TEST(shares_are_within_two_points_of_the_truth)
{
	for (__u64 seed = 1; seed <= 20 && !test_failure[0]; seed++)
		check_truth(seed, US);
}

/* Holds of some 20 µs, of which a tick finds one in fifty. */
TEST(short_holds_too)
{
	for (__u64 seed = 1; seed <= 20 && !test_failure[0]; seed++)
		check_truth(seed, 10);
}

TEST(random_samples_add_up)
{
	__u64 r = random_seed(7);

	for (int run = 0; run < 2000 && !test_failure[0]; run++) {
		struct blame_totals t = {
			.oncpu_ns = random_below(&r, 1ULL << 40),
			.blocked_ns = random_below(&r, 1ULL << 40),
			.preempted_ns = random_below(&r, 1ULL << 40),
			.unknown_hold_ns = random_below(&r, 3),
			.wait_ns = random_below(&r, 1ULL << 44),
			.lost_gap_wait_ns = random_below(&r, 1ULL << 38),
		};
		struct blame *b = blame__new();
		struct blame_row *rows;
		size_t n;

		t.free_wait_ns = random_below(&r, t.wait_ns + 1);
		t.unseen_wait_ns = random_below(&r, t.wait_ns - t.free_wait_ns + 1);
		for (__u64 i = random_below(&r, 800); i; i--) {
			const struct blame_place at = {.function = "x",
						       .file = "y",
						       .line = (unsigned int)random_below(&r, 700)};

			if (random_below(&r, 2))
				fixture__tick(b, 0, &at, (unsigned int)random_below(&r, 5));
			else
				fixture__gap(b, 0, &at, random_below(&r, 1 << 30),
					     random_below(&r, 1 << 30), random_below(&r, 1 << 30));
		}
		rows = rows_of(b, &t, &n);
		check_sums(rows, n, &t);
		free(rows);
		blame__free(b);
	}
}

TEST_MAIN
