/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of metrics: one row for every figure that gilscope reports about a GIL. The JSON and
 * the text report, the columns of `top`, the assertions of `check` and the documentation take
 * names, units and values from here.
 */
#ifndef METRIC_H
#define METRIC_H

#include "core/figures/blame_sum.h"
#include "core/figures/snapshot.h"

enum metric_unit {
	METRIC_COUNT, /* number of times */
	METRIC_NS,
	METRIC_RATIO, /* of the observed time; held_ratio and contended_ratio are 0..1 */
	METRIC_FLAG,  /* 1 or 0 */
};

/* The losses that affect a metric, besides lost edges, which affect all metrics. */
enum metric_loss {
	METRIC_LOSES_REQUESTS =
		1, /* releases not told apart: the true value may be higher by these */
	METRIC_LOSES_HOLD_TIMES = 2, /* scheduler edges, which say where the time of a hold went */
	METRIC_LOSES_WAIT_TIMES = 4, /* the same for waits */
	/* all of it, where only waits are seen */
	METRIC_LOSES_WITHOUT_HOLDS = 8,
};

/* A value that was not measured is unknown, not 0. */
struct metric_value {
	bool known;
	bool real; /* the value is in `ratio`, not in `integer` */
	__u64 integer;
	double ratio;
};

struct metric {
	const char *name; /* as in the JSON schema */
	enum metric_unit unit;
	const char *help;
	/* Exactly one of these six is set. The first two apply to a thread, or to the sum over the
	 * threads of a GIL; the last two apply to a process, and to some of its functions. */
	struct metric_value (*of_figures)(const struct snapshot_gil *g,
					  const struct gil_figures *f);
	const struct gil_hist *(*hist_of_figures)(const struct gil_figures *f);
	struct metric_value (*of_gil)(const struct snapshot_process *p,
				      const struct snapshot_gil *g);
	const struct gil_hist *(*hist_of_gil)(const struct snapshot_gil *g);
	struct metric_value (*of_process)(const struct snapshot_process *p);
	enum blame_figure of_functions;
	const char *whole;  /* if the metric counts a part of another one: that one's name */
	unsigned int loses; /* bits of enum metric_loss */
};

/* The table, in the order of the JSON schema. It ends with a row without a name. */
extern const struct metric metric_table[];

/* The row with that name, or NULL. */
const struct metric *metric__find(const char *name);

/* A distribution has a histogram, not a value. */
bool metric__is_distribution(const struct metric *m);
bool metric__is_per_thread(const struct metric *m);
bool metric__is_per_process(const struct metric *m);
/* It is known for single functions only: rules say which, and reports have a table of them. */
bool metric__is_per_function(const struct metric *m);

/* The metric's name in rules: the name without the JSON's "_ns". Sets *length; the name is not
 * terminated there. */
const char *metric__rule_name(const struct metric *m, size_t *length);
/* The row with that name in rules, or NULL. */
const struct metric *metric__find_rule_name(const char *name, size_t length);

/* The value for a GIL, or for one of its threads. Unknown for a distribution, and for a thread if
 * the metric is not kept per thread. */
struct metric_value metric__value(const struct metric *m, const struct snapshot_process *p,
				  const struct snapshot_gil *g);
struct metric_value metric__thread_value(const struct metric *m, const struct snapshot_gil *g,
					 const struct gil_thread *t);

/* False if the metric cannot be known of this GIL, because only waits were seen. */
bool metric__is_seen(const struct metric *m, const struct snapshot_gil *g);

/* The histogram of a distribution; NULL if the metric is not a distribution, or was not measured. */
const struct gil_hist *metric__hist(const struct metric *m, const struct snapshot_gil *g);
const struct gil_hist *metric__thread_hist(const struct metric *m, const struct snapshot_gil *g,
					   const struct gil_thread *t);

/* The value as a number to compare or draw; NaN if unknown. */
double metric_value__number(struct metric_value v);

/* The three ratios; NaN if unknown. */
double gil__held_ratio(const struct snapshot_process *p, const struct snapshot_gil *g);
double gil__contended_ratio(const struct snapshot_process *p, const struct snapshot_gil *g);
double gil__wait_ratio(const struct snapshot_process *p, const struct snapshot_gil *g);

/* How long the GIL was observed, in ns. */
__u64 gil__observed(const struct snapshot_process *p, const struct snapshot_gil *g);

#endif
