// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a verdict is based on: threads, functions, values beyond a limit. A part of test_judge. */
#include <math.h>

#include "core/base/format.h"
#include "core/rules/evidence.h"
#include "fixtures.h"
#include "judge_on.h"
#include "test.h"

TEST(evidence_names_the_threads)
{
	struct snapshot *s = fixture__make("convoy");
	struct runs runs = {&s, 1}, none = {NULL, 0};
	static struct evidence e;
	struct assertion_error error;
	struct assertion a;
	struct judgement j;
	__u64 beyond = 0;

	CHECK(!assertion__parse(&a, "wait.p99 < 1ms", &error), "%s", error.message);
	CHECK(!judge(&j, &a, &runs, &none), "memory");
	CHECK_EQ(j.verdict, JUDGED_FAIL);
	CHECK(!evidence__of(&e, &a, &j, s), "memory");
	judgement__clear(&j);
	CHECK(e.nr > 0 && e.row[0].beyond > 0, "%zu rows", e.nr);
	for (size_t i = 0; i < e.nr; i++)
		beyond += e.row[i].beyond;
	CHECK_EQ(beyond, evidence__beyond(&e.hist, ASSERTION_LT, 1e6));
	snapshot__free(s);
}

/* Both lines of Page.render, the one with more of it first, with their share of all waiting. */
TEST(evidence_names_the_functions)
{
	struct snapshot *s = fixture__make("blamed");
	struct runs runs = {&s, 1}, none = {NULL, 0};
	struct assertion_error wrong;
	struct judgement j;
	struct assertion a;
	static struct evidence e;

	CHECK(!assertion__parse(&a, "blame.ratio{function~\"views.*\"} < 50%", &wrong), "rule");
	CHECK(!judge(&j, &a, &runs, &none), "memory");
	CHECK(!evidence__of(&e, &a, &j, s), "memory");
	CHECK_EQ(e.nr, 2);
	for (size_t i = 0; i < e.nr; i++) {
		const struct blame_row *r = e.row[i].function;

		CHECK(r && !strcmp(r->function, "Page.render"), "row %zu", i);
		CHECK_EQ(r->line, 212 + i);
		CHECK_EQ(e.row[i].samples, i ? 200 : 500);
	}
	CHECK(fabs(e.row[0].figure.value + e.row[1].figure.value - j.figure.value) < 1e-9, "%g",
	      j.figure.value);
	judgement__clear(&j);
	snapshot__free(s);
}

TEST(values_beyond_a_limit)
{
	static struct gil_hist h;

	memset(&h, 0, sizeof(h));
	CHECK_EQ(evidence__beyond(&h, ASSERTION_LT, 5), 0);
	for (__u64 v = 1; v <= 10; v++)
		gil_hist_add(&h, v);
	CHECK_EQ(evidence__beyond(&h, ASSERTION_LT, 5), 6);
	CHECK_EQ(evidence__beyond(&h, ASSERTION_GT, 5), 5);
	/* A value equal to the limit keeps it, if the operator allows that. */
	CHECK_EQ(evidence__beyond(&h, ASSERTION_LE, 5), 5);
	CHECK_EQ(evidence__beyond(&h, ASSERTION_GE, 5), 4);
	CHECK_EQ(evidence__beyond(&h, ASSERTION_LE, 10), 0);
	gil_hist_add(&h, 1000003);
	/* The limit is within the slot, but the value is the maximum. */
	CHECK_EQ(evidence__beyond(&h, ASSERTION_LT, 1000001), 1);
}

/* Single holds do not break a limit of a sum or a count, so the thread with the most is blamed. */
TEST(evidence_of_sums_and_numbers)
{
	static const char *const rules[] = {"hold.sum < 1ns", "hold.ratio < 1%", "hold.rate < 1/s",
					    "wait.count < 1", "wait.max == 1ns"};
	struct snapshot *s = fixture__make("convoy");
	struct runs runs = {&s, 1}, none = {NULL, 0};
	static struct evidence e;

	for (size_t i = 0; i < sizeof(rules) / sizeof(*rules) && !test_failure[0]; i++) {
		struct assertion_error error;
		struct assertion a;
		struct judgement j;

		CHECK(!assertion__parse(&a, rules[i], &error), "%s", error.message);
		CHECK(!judge(&j, &a, &runs, &none), "memory");
		CHECK_EQ(j.verdict, JUDGED_FAIL);
		CHECK(!evidence__of(&e, &a, &j, s), "memory");
		judgement__clear(&j);
		CHECK(e.nr > 1 && !e.of_values, "%s: %zu rows", rules[i], e.nr);
		for (size_t k = 0; k < e.nr; k++) {
			CHECK_EQ(e.row[k].beyond, 0);
			CHECK(!k || e.row[k - 1].figure.value >= e.row[k].figure.value,
			      "%s: row %zu is worse than the one above", rules[i], k);
		}
	}
	snapshot__free(s);
}
