// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Everything here is computed with intervals. A figure lies between two ends: those of its
 * histogram slot, the same number twice if it is exact, or minus and plus infinity if it is
 * unknown. The median of several runs lies between the median of their lower ends and that of their
 * upper ends, and so on. A rule passes if it passes for every value in the interval, fails if it
 * fails for every value, and is inconclusive otherwise. So too few samples, lost events and the
 * histogram's error are one case, and nothing passes because it is unknown.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/format.h"
#include "core/rules/judge.h"
#include "core/rules/unmatched.h"

const char *judged__name(enum judged j)
{
	static const char *const names[] = {"pass",         "skipped", "warn",
					    "inconclusive", "error",   "fail"};

	return names[j];
}

enum judged judge__compare(enum assertion_op op, double low, double high, double limit_low,
			   double limit_high)
{
	bool holds = false, breaks = false;

	switch (op) {
	case ASSERTION_LT:
		holds = high < limit_low;
		breaks = low >= limit_high;
		break;
	case ASSERTION_LE:
		holds = high <= limit_low;
		breaks = low > limit_high;
		break;
	case ASSERTION_GT:
		holds = low > limit_high;
		breaks = high <= limit_low;
		break;
	case ASSERTION_GE:
		holds = low >= limit_high;
		breaks = high < limit_low;
		break;
	case ASSERTION_EQ:
	case ASSERTION_NE:
		holds = low == high && low == limit_low && limit_low == limit_high;
		breaks = high < limit_low || low > limit_high;
		if (op == ASSERTION_NE) {
			bool equal = holds;

			holds = breaks;
			breaks = equal;
		}
		break;
	case ASSERTION_OPS:
		break;
	}
	return holds ? JUDGED_PASS : breaks ? JUDGED_FAIL : JUDGED_INCONCLUSIVE;
}

/* ---- several runs as one ---- */

static int compare_numbers(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* One of the sorted numbers, or the mean of the two in the middle. */
static double pick(const double *sorted, size_t nr, bool smallest, bool largest)
{
	if (smallest || largest)
		return sorted[smallest ? 0 : nr - 1];
	return nr % 2 ? sorted[nr / 2] : sorted[nr / 2 - 1] / 2 + sorted[nr / 2] / 2;
}

/* Ignores runs for which `of` returns NaN, which means unknown. */
static double pick_of(const struct figure *figures, size_t nr, double (*of)(const struct figure *f),
		      bool smallest, bool largest)
{
	double sorted[RUNS_LARGEST];
	size_t n = 0;

	for (size_t i = 0; i < nr && n < RUNS_LARGEST; i++)
		if (!isnan(of(&figures[i])))
			sorted[n++] = of(&figures[i]);
	if (!n)
		return NAN;
	qsort(sorted, n, sizeof(*sorted), compare_numbers);
	return pick(sorted, n, smallest, largest);
}

static double value_of(const struct figure *f)
{
	return f->skipped ? NAN : f->value;
}

static double low_of(const struct figure *f)
{
	return f->skipped ? NAN : f->low;
}

static double high_of(const struct figure *f)
{
	return f->skipped ? NAN : f->high;
}

struct figure judge__aggregate(const struct figure *figures, size_t nr, enum assertion_op op,
			       enum assertion_over over)
{
	bool small_is_good = op == ASSERTION_LT || op == ASSERTION_LE;
	bool extreme = over != ASSERTION_MEDIAN;
	bool worst = over == ASSERTION_WORST || over == ASSERTION_ALL;
	bool smallest = extreme && worst != small_is_good;
	bool largest = extreme && worst == small_is_good;
	struct figure f;
	size_t first = 0;

	while (first + 1 < nr && figures[first].skipped)
		first++;
	f = figures[first];
	f.fewest = f.samples;
	if (nr == 1)
		return f;
	f.value = pick_of(figures, nr, value_of, smallest, largest);
	f.low = pick_of(figures, nr, low_of, smallest, largest);
	f.high = pick_of(figures, nr, high_of, smallest, largest);
	for (size_t i = first + 1; i < nr; i++) {
		if (figures[i].skipped)
			continue;
		f.samples += figures[i].samples;
		if (figures[i].samples < f.fewest)
			f.fewest = figures[i].samples;
		f.none = f.none && figures[i].none;
		if (f.doubt == FIGURE_SURE) {
			f.doubt = figures[i].doubt;
			f.needed = figures[i].needed;
		}
	}
	return f;
}

/* The run whose value is farthest on the wrong side. */
static size_t worst_run(const struct figure *figures, size_t nr, enum assertion_op op, double limit)
{
	double worst = -INFINITY;
	size_t found = 0;

	for (size_t i = 0; i < nr; i++) {
		double badness = value_of(&figures[i]);

		if (op == ASSERTION_GT || op == ASSERTION_GE)
			badness = -badness;
		else if (op == ASSERTION_EQ)
			badness = fabs(badness - limit);
		else if (op == ASSERTION_NE)
			badness = -fabs(badness - limit);
		if (badness > worst) {
			worst = badness;
			found = i;
		}
	}
	return found;
}

/* ---- figures ---- */

/* Measures each run. *key is a key that matches nothing in any of them. 0 or -ENOMEM. */
static int measure(const struct assertion *a, const struct assertion_figure *f,
		   const struct scope *scope, const struct runs *runs, struct figure *figures,
		   enum scope_key *key)
{
	size_t unmatched = 0;

	*key = SCOPE_KEYS;
	for (size_t i = 0; i < runs->nr; i++) {
		struct selection *sel = selection__of(runs->list[i], scope);
		enum scope_key k;

		if (!sel)
			return -ENOMEM;
		figures[i] = figure__of(f->metric, &f->statistic, sel);
		k = unmatched__key(a, sel, runs->list[i]);
		if (k != SCOPE_KEYS && ++unmatched == runs->nr)
			*key = k;
		free(sel);
	}
	return 0;
}

/* The file of a baseline has six decimals of a share. */
#define SHARE_ERROR 5e-7

/* Adds the margin to the figure of the baseline. Of two margins, the more generous one counts. */
static double with_margin(const struct assertion *a, double baseline)
{
	double relative = baseline + fabs(baseline) * assertion_number__value(&a->limit);
	double absolute = baseline + assertion_number__value(&a->absolute);

	if (!a->has_absolute)
		return relative;
	return a->op <= ASSERTION_LE ? fmax(relative, absolute) : fmin(relative, absolute);
}

static int set_limit(struct judgement *j, const struct assertion *a, const struct runs *baseline)
{
	struct figure *figures;
	enum scope_key key;
	int err;

	if (!a->vs_baseline) {
		j->limit = j->limit_low = j->limit_high = assertion_number__value(&a->limit);
		return 0;
	}
	figures = calloc(baseline->nr + 1, sizeof(*figures));
	if (!figures)
		return -ENOMEM;
	err = measure(a, &a->figure, &a->scope, baseline, figures, &key);
	if (!err && key != SCOPE_KEYS) {
		unmatched__tell(j, a, key, baseline->list[0], "the baseline");
	} else if (!err) {
		j->baseline =
			judge__aggregate(figures, baseline->nr, a->op,
					 a->over == ASSERTION_ALL ? ASSERTION_MEDIAN : a->over);
		if (a->figure.metric->unit == METRIC_RATIO && j->baseline.low >= 0) {
			j->baseline.low = fmax(j->baseline.low - SHARE_ERROR, 0);
			j->baseline.high += SHARE_ERROR;
		}
		j->limit = with_margin(a, j->baseline.value);
		j->limit_low = with_margin(a, j->baseline.low);
		j->limit_high = with_margin(a, j->baseline.high);
	}
	free(figures);
	return err;
}

/* ---- why ---- */

static void tell_few(struct judgement *j, const struct assertion_figure *f, const char *what,
		     const struct figure *figure)
{
	struct format name = assertion_figure__name(f);
	bool is_part = !metric__is_distribution(f->metric);
	size_t n;
	const char *metric = metric__rule_name(f->metric, &n);

	snprintf(j->why, sizeof(j->why),
		 "%stoo few samples: %s has %llu, but needs %llu; add \"if %.*s%s >= %llu\"%s",
		 what, name.s, (unsigned long long)figure->fewest,
		 (unsigned long long)figure->needed, (int)(is_part ? strlen(f->metric->whole) : n),
		 is_part ? f->metric->whole : metric, is_part ? "" : ".count",
		 (unsigned long long)figure->needed, is_part ? "" : ", or judge max");
}

static void tell_doubt(struct judgement *j, const struct assertion_figure *f, const char *what,
		       const struct figure *figure)
{
	static const char *const sentences[] = {
		[FIGURE_SURE] = "within the measurement's error of its limit",
		[FIGURE_NO_PROCESS] = "no process with a GIL was observed",
		[FIGURE_NO_GIL] = ("what was observed runs without a GIL; to assert that, use "
				   "gil_enabled == 0"),
		[FIGURE_NOT_USED] = "nobody acquired the GIL while it was observed",
		[FIGURE_FEW] = "too few samples",
		[FIGURE_LOST] = "events on which it depends were lost, or not understood",
		[FIGURE_UNLISTED] = "so many processes have ended that some figures were not kept",
		[FIGURE_FOLDED] =
			"so many threads have ended that some share one row without a name",
		[FIGURE_NO_SAMPLES] =
			"no samples of code were taken, of some GIL at least; --blame takes them",
		[FIGURE_NOT_MEASURED] = "it was not measured",
	};

	if (figure->doubt == FIGURE_FEW)
		tell_few(j, f, what, figure);
	else
		snprintf(j->why, sizeof(j->why), "%s%s", what, sentences[figure->doubt]);
}

/* ---- rules ---- */

/* With "over all", every run must hold by itself; otherwise their aggregate must. */
static enum judged compare_runs(const struct figure *figures, size_t nr, enum assertion_op op,
				enum assertion_over over, double limit_low, double limit_high)
{
	struct figure f = judge__aggregate(figures, nr, op, over);
	enum judged verdict = JUDGED_PASS;

	if (over != ASSERTION_ALL)
		return judge__compare(op, f.low, f.high, limit_low, limit_high);
	for (size_t i = 0; i < nr; i++) {
		enum judged one =
			judge__compare(op, figures[i].low, figures[i].high, limit_low, limit_high);

		if (!figures[i].skipped && one > verdict)
			verdict = one;
	}
	return verdict;
}

/* With "over all", each run has its own condition. Returns JUDGED_FAIL if it holds in none. */
static enum judged skip_runs(struct figure *of_run, const struct figure *figures, size_t nr,
			     enum assertion_op op, double value)
{
	size_t skipped = 0, unsure = 0;

	for (size_t i = 0; i < nr; i++) {
		enum judged holds =
			judge__compare(op, figures[i].low, figures[i].high, value, value);

		of_run[i].skipped = holds == JUDGED_FAIL;
		skipped += of_run[i].skipped;
		unsure += holds == JUDGED_INCONCLUSIVE;
	}
	return skipped == nr ? JUDGED_FAIL : unsure ? JUDGED_INCONCLUSIVE : JUDGED_PASS;
}

/* Judges the condition in the rule's scope, but without its threads if the condition's figure is
 * not kept per thread. Sets *go_on if it holds. */
static int judge_condition(struct judgement *j, const struct assertion *a, const struct runs *runs,
			   bool *go_on)
{
	const struct assertion_condition *c = &a->condition;
	struct figure *figures = calloc(runs->nr + 1, sizeof(*figures)), f;
	struct scope scope = a->scope;
	double value = assertion_number__value(&c->value);
	enum scope_key key;
	enum judged verdict;
	int err;

	if (!figures)
		return -ENOMEM;
	if (!metric__is_per_thread(c->figure.metric))
		scope.match[SCOPE_THREAD].given = false;
	if (!metric__is_per_function(c->figure.metric))
		scope.match[SCOPE_FUNCTION].given = scope.match[SCOPE_FILE].given = false;
	err = measure(a, &c->figure, &scope, runs, figures, &key);
	if (!err) {
		f = judge__aggregate(figures, runs->nr, c->op, a->over);
		if (a->over == ASSERTION_ALL)
			verdict = skip_runs(j->of_run, figures, runs->nr, c->op, value);
		else
			verdict = compare_runs(figures, runs->nr, c->op, a->over, value, value);
		*go_on = verdict == JUDGED_PASS;
		if (verdict == JUDGED_FAIL) {
			j->verdict = JUDGED_SKIPPED;
			snprintf(j->why, sizeof(j->why),
				 "its condition does not hold: %s is not %s %s",
				 assertion_figure__name(&c->figure).s, assertion_op__name(c->op),
				 assertion_number__print(&c->value).s);
		} else if (verdict != JUDGED_PASS) {
			j->verdict = JUDGED_INCONCLUSIVE;
			tell_doubt(j, &c->figure,
				   "it is unknown whether its condition holds: ", &f);
		}
	}
	free(figures);
	return err;
}

static void judge_figures(struct judgement *j, const struct assertion *a)
{
	j->figure = judge__aggregate(j->of_run, j->nr_runs, a->op, a->over);
	j->verdict =
		compare_runs(j->of_run, j->nr_runs, a->op, a->over, j->limit_low, j->limit_high);
	j->worst_run = worst_run(j->of_run, j->nr_runs, a->op, j->limit);
	if (j->verdict == JUDGED_FAIL && a->warn)
		j->verdict = JUDGED_WARN;
	if (j->verdict != JUDGED_INCONCLUSIVE)
		return;
	if (a->vs_baseline && j->figure.doubt == FIGURE_SURE && j->baseline.doubt != FIGURE_SURE)
		tell_doubt(j, &a->figure, "in the baseline: ", &j->baseline);
	else
		tell_doubt(j, &a->figure, "", &j->figure);
}

int judge(struct judgement *j, const struct assertion *a, const struct runs *runs,
	  const struct runs *baseline)
{
	enum scope_key key;
	bool go_on = true;
	int err;

	memset(j, 0, sizeof(*j));
	j->limit = j->limit_low = j->limit_high = NAN;
	j->nr_runs = runs->nr;
	j->of_run = calloc(runs->nr + 1, sizeof(*j->of_run));
	if (!j->of_run)
		return -ENOMEM;
	err = measure(a, &a->figure, &a->scope, runs, j->of_run, &key);
	if (err)
		return err;
	j->figure = judge__aggregate(j->of_run, runs->nr, a->op, a->over);
	if (key != SCOPE_KEYS) {
		unmatched__tell(j, a, key, runs->list[0], "what was observed");
		return 0;
	}
	err = set_limit(j, a, baseline);
	if (err || j->verdict == JUDGED_ERROR)
		return err;
	if (a->has_condition)
		err = judge_condition(j, a, runs, &go_on);
	if (!err && go_on)
		judge_figures(j, a);
	return err;
}

void judgement__clear(struct judgement *j)
{
	free(j->of_run);
	j->of_run = NULL;
	j->nr_runs = 0;
}

double judgement__off(const struct judgement *j)
{
	return j->limit > 0 && j->figure.value >= 0 ? j->figure.value / j->limit : NAN;
}
