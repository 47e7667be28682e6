/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Judges rules by what was observed in one or more runs, and by a baseline if there is one. */
#ifndef JUDGE_H
#define JUDGE_H

#include "core/rules/assertion.h"

enum judged {
	JUDGED_PASS,
	JUDGED_SKIPPED, /* its condition does not hold */
	JUDGED_WARN,    /* a rule with "warn" that does not hold */
	JUDGED_INCONCLUSIVE,
	JUDGED_ERROR, /* the rule's scope matches nothing: the rule is wrong, or the program is */
	JUDGED_FAIL,
	JUDGED_KINDS,
};

/* "pass", "skipped", "warn", "inconclusive", "error", "fail" */
const char *judged__name(enum judged j);

#define RUNS_LARGEST 1000

/* The snapshots of runs, in order, at most RUNS_LARGEST. Does not own them. */
struct runs {
	struct snapshot *const *list;
	size_t nr;
};

struct judgement {
	enum judged verdict;
	struct figure figure;  /* aggregated over the runs */
	struct figure *of_run; /* one for each run; owned */
	size_t nr_runs;
	size_t worst_run; /* the run whose figure is farthest on the wrong side */
	double limit; /* for display; NaN if there is none, because the baseline has no figure */
	double limit_low; /* the true limit is between these two: a baseline has an error, too */
	double limit_high;
	struct figure baseline;
	struct assertion_error error; /* for JUDGED_ERROR */
	char why[320];                /* a sentence; empty for pass, warn and fail */
};

/* Judges a rule. 0 or -ENOMEM; clear j in both cases. A baseline with no runs counts as none. */
int judge(struct judgement *j, const struct assertion *a, const struct runs *runs,
	  const struct runs *baseline);
void judgement__clear(struct judgement *j);

/* The measured value divided by the limit; NaN if that is meaningless. */
double judgement__off(const struct judgement *j);

/* The parts, exposed for the tests. */
enum judged judge__compare(enum assertion_op op, double low, double high, double limit_low,
			   double limit_high);
struct figure judge__aggregate(const struct figure *figures, size_t nr, enum assertion_op op,
			       enum assertion_over over);

#endif
