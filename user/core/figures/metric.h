/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The table of metrics: every figure that gilscope tells of a GIL, one row each. The JSON and the
 * text report, the columns of `top`, the assertions of `check` and the documentation take names,
 * units and values from here.
 */
#ifndef METRIC_H
#define METRIC_H

#include "core/figures/snapshot.h"

enum metric_unit {
	METRIC_COUNT, /* so many times */
	METRIC_NS,
	METRIC_RATIO, /* of the observed time; held_ratio and contended_ratio are 0..1 */
	METRIC_FLAG,  /* 1 or 0 */
};

/* What a metric suffers from, beside edges that were lost: these spoil all of them. */
enum metric_loss {
	METRIC_LOSES_REQUESTS = 1,   /* releases not told apart: there may be so many more */
	METRIC_LOSES_HOLD_TIMES = 2, /* scheduler edges: where the time of a hold went */
	METRIC_LOSES_WAIT_TIMES = 4, /* the same of a wait */
};

/* What was not measured is not 0. */
struct metric_value {
	bool known;
	bool real; /* `ratio` has the value, not `integer` */
	__u64 integer;
	double ratio;
};

struct metric {
	const char *name; /* as in the JSON schema */
	enum metric_unit unit;
	const char *help;
	/* Exactly one of these five is set. The first two are of a thread, or summed up over the
	 * threads of a GIL; the last one is of a process. */
	struct metric_value (*of_figures)(const struct snapshot_gil *g,
					  const struct gil_figures *f);
	const struct gil_hist *(*hist_of_figures)(const struct gil_figures *f);
	struct metric_value (*of_gil)(const struct snapshot_process *p,
				      const struct snapshot_gil *g);
	const struct gil_hist *(*hist_of_gil)(const struct snapshot_gil *g);
	struct metric_value (*of_process)(const struct snapshot_process *p);
	const char *whole;  /* of a count that is a part of another one: that one's name */
	unsigned int loses; /* of enum metric_loss */
};

/* The table, in the order of the JSON schema; it ends with a row without a name. */
extern const struct metric metric_table[];

/* The row of that name, or NULL. */
const struct metric *metric__find(const char *name);

/* A distribution has a histogram, not a value. */
bool metric__is_distribution(const struct metric *m);
bool metric__is_per_thread(const struct metric *m);
bool metric__is_per_process(const struct metric *m);

/* What a rule calls it: the name without the JSON's "_ns". Its length in *length; not terminated
 * there. */
const char *metric__rule_name(const struct metric *m, size_t *length);
/* The row that a rule means by so many characters, or NULL. */
const struct metric *metric__find_rule_name(const char *name, size_t length);

/* The value for a GIL, or for one of its threads. Not known for a distribution, nor, for a thread,
 * if threads don't have it. */
struct metric_value metric__value(const struct metric *m, const struct snapshot_process *p,
				  const struct snapshot_gil *g);
struct metric_value metric__thread_value(const struct metric *m, const struct snapshot_gil *g,
					 const struct gil_thread *t);

/* The histogram of a distribution; NULL if it is none. */
const struct gil_hist *metric__hist(const struct metric *m, const struct snapshot_gil *g);
const struct gil_hist *metric__thread_hist(const struct metric *m, const struct gil_thread *t);

/* As a number to compare or to draw: NaN if not known. */
double metric_value__number(struct metric_value v);

/* The three ratios themselves; NaN if not known. */
double gil__held_ratio(const struct snapshot_process *p, const struct snapshot_gil *g);
double gil__contended_ratio(const struct snapshot_process *p, const struct snapshot_gil *g);
double gil__wait_ratio(const struct snapshot_process *p, const struct snapshot_gil *g);

/* For how long the GIL was observed, in ns. */
__u64 gil__observed(const struct snapshot_process *p, const struct snapshot_gil *g);

#endif
