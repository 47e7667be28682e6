// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Verdicts against a baseline, and baselines as files. */
#include <errno.h>
#include <math.h>
#include <unistd.h>

#include "core/check/baseline.h"
#include "core/check/check.h"
#include "fixtures.h"
#include "judge_on.h"
#include "test.h"

TEST(baselines)
{
	static const struct {
		const char *rule;
		const char *now, *before;
		enum judged verdict;
	} rows[] = {
		{"hold.max < +10% vs baseline", "single", "single", JUDGED_PASS},
		{"hold.max < +10% vs baseline", "single", "convoy", JUDGED_FAIL},
		{"hold.max < +10% vs baseline", "convoy", "single", JUDGED_PASS},
		{"hold.max < +10% and +1s vs baseline", "single", "convoy", JUDGED_PASS},
		{"hold.max > -10% vs baseline", "convoy", "single", JUDGED_FAIL},
		{"hold.max > -10% and -1s vs baseline", "convoy", "single", JUDGED_PASS},
		{"wait.p90 < +20% vs baseline", "convoy", "convoy", JUDGED_PASS},
		/* The histogram cannot resolve 1 %. */
		{"wait.p90 < +1% vs baseline", "convoy", "convoy", JUDGED_INCONCLUSIVE},
		{"wait.p90 < +10% vs baseline", "convoy", "single", JUDGED_INCONCLUSIVE},
		/* Nor can the file resolve a millionth. */
		{"held_ratio <= +0% vs baseline", "convoy", "convoy", JUDGED_INCONCLUSIVE},
		{"held_ratio <= +0.1% vs baseline", "convoy", "convoy", JUDGED_PASS},
		{"contended_ratio <= +0% vs baseline", "single", "single", JUDGED_PASS},
		{"blame.ratio{function=\"Page.render\"} < +30% vs baseline", "blamed", "blamed",
		 JUDGED_PASS},
		{"blame.ratio{function=\"Page.render\"} < +5% vs baseline", "blamed", "blamed",
		 JUDGED_INCONCLUSIVE},
		{"blame_hold.ratio{file=\"auth.py\"} < -50% vs baseline", "blamed", "blamed",
		 JUDGED_FAIL},
		{"blame.ratio{function=\"Page.render\"} < +30% vs baseline", "blamed", "convoy",
		 JUDGED_INCONCLUSIVE},
		{"wait.max{thread=\"main\"} < +10% vs baseline", "two_threads", "single",
		 JUDGED_ERROR},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *now[] = {rows[i].now, NULL}, *before[] = {rows[i].before, NULL};
		struct assertion a;
		struct judgement j;
		bool ok = judge_on(&j, &a, rows[i].rule, now, before);

		judgement__clear(&j);
		CHECK(ok, "%s", rows[i].rule);
		CHECK(j.verdict == rows[i].verdict, "%s, %s to %s: %s %s (%g; %g)", rows[i].rule,
		      rows[i].before, rows[i].now, judged__name(j.verdict), j.why, j.figure.value,
		      j.limit);
	}
}

/* Every figure of every fixture is the same after it was written as JSON and read back. */
static void check_same_figures(const char *fixture, const struct snapshot *s,
			       const struct snapshot *t)
{
	static const struct scope all;

	for (const struct metric *m = metric_table; m->name; m++) {
		for (int kind = 0; kind < STATISTICS; kind++) {
			struct statistic st = {.kind = (enum statistic_kind)kind, .ppm = 500000};
			struct selection *a = selection__of(s, &all), *b = selection__of(t, &all);
			struct figure f, g;

			if (!statistic__applies(m, st.kind)) {
				free(a);
				free(b);
				continue;
			}
			f = figure__of(m, &st, a);
			g = figure__of(m, &st, b);
			/* The JSON does not say where an unfinished hold or wait spent its time. */
			if (m->loses & (METRIC_LOSES_HOLD_TIMES | METRIC_LOSES_WAIT_TIMES))
				g.value = f.value;
			free(a);
			free(b);
			CHECK(f.doubt == g.doubt && f.samples == g.samples, "%s: %s of %s", fixture,
			      statistic_table[kind].name, m->name);
			CHECK((isnan(f.value) && isnan(g.value)) ||
				      fabs(f.value - g.value) <= fabs(f.value) * 1e-5 + 1e-6,
			      "%s: %s of %s is %g, was %g", fixture, statistic_table[kind].name,
			      m->name, g.value, f.value);
		}
	}
}

static char *baseline_text(const struct runs *runs)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int err = baseline__write(out, runs, "0.0.0");

	fclose(out);
	if (!err)
		return text;
	free(text);
	return NULL;
}

TEST(baselines_through_json)
{
	static const char *const names[] = {"single",       "blamed", "two_threads",   "convoy",
					    "multiprocess", "empty",  "free_threaded", "hostile"};
	struct snapshot *s[2];
	struct runs runs = {s, 2};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names) && !test_failure[0]; i++) {
		struct baseline b;
		struct failure f = {0};
		char *text;
		int err;

		s[0] = fixture__make(names[i]);
		s[1] = fixture__make("convoy");
		text = baseline_text(&runs);
		err = baseline__parse(&b, text, strlen(text), "test", &f);
		free(text);
		if (!err) {
			check_same_figures(names[i], s[0], b.list[0]);
			baseline__clear(&b);
		}
		snapshot__free(s[0]);
		snapshot__free(s[1]);
		CHECK(!err, "%s: %s", names[i], f.what);
	}
}

TEST(baselines_of_too_many_runs)
{
	size_t nr = RUNS_LARGEST + 1;
	char *text = calloc(nr + 2, 3);
	struct failure f = {0};
	struct baseline b;
	int err;

	CHECK(text, "memory");
	for (size_t i = 0; i < nr; i++)
		strcat(text + 2 * i, i ? ",{}" : "[{}");
	strcat(text, "]");
	err = baseline__parse(&b, text, strlen(text), "x.json", &f);
	free(text);
	CHECK(err == -EINVAL && strstr(f.what, "too many runs"), "%s", f.what);
}

TEST(bad_baselines)
{
	static const struct {
		const char *text;
		const char *what;
	} rows[] = {
		{"", "is not JSON: line 1"},
		{"{", "is not JSON: line 1"},
		{"[]", "no report"},
		{"7", "is not JSON: line 1"},
		{"{\"schema\": \"gilscope-check/1\"}", "\"schema\""},
		{"{\"schema\": \"gilscope/1\"}", "\"duration_ns\""},
		{"{\"schema\": \"gilscope/1\", \"duration_ns\": -1}", "\"duration_ns\""},
		{"{\"schema\": \"gilscope/1\", \"duration_ns\": 1, \"lost\": {}}", "\"edges\""},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct baseline b;
		struct failure f = {0};

		CHECK(baseline__parse(&b, rows[i].text, strlen(rows[i].text), "x.json", &f) < 0,
		      "%s", rows[i].text);
		CHECK(strstr(f.what, rows[i].what), "%s: %s", rows[i].text, f.what);
		CHECK(!b.nr && !b.list, "not cleared");
	}
}
