/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The statistics of a metric: p99, max, rate... A metric and a statistic together are a figure. A
 * rule of `check` compares a figure with its limit.
 */
#ifndef STATISTIC_H
#define STATISTIC_H

#include "core/figures/metric.h"
#include "core/rules/selection.h"

enum statistic_kind {
	STATISTIC_VALUE, /* the metric itself, for a flag */
	STATISTIC_PERCENTILE,
	STATISTIC_MAX,
	STATISTIC_MEAN,
	STATISTIC_SUM,
	STATISTIC_COUNT,
	STATISTIC_RATE,
	STATISTIC_RATIO,
	STATISTICS,
};

struct statistic {
	enum statistic_kind kind;
	unsigned int ppm; /* for a percentile, in millionths: 990000 is p99 */
};

/* How many decimals a percentile in a rule can have: p99.9999. */
#define STATISTIC_DECIMALS 4

/* The unit of a figure. */
enum figure_unit {
	FIGURE_COUNT,
	FIGURE_NS,
	FIGURE_RATE,  /* number per second */
	FIGURE_RATIO, /* 1 is 100 % */
	FIGURE_FLAG,  /* 0 or 1 */
};

/* The table, with one row for each kind. */
struct statistic_row {
	const char *name; /* "max"; "pN" for percentiles; "" for the value itself */
	const char *help;
};
extern const struct statistic_row statistic_table[STATISTICS];

/* True if the metric has this statistic. */
bool statistic__applies(const struct metric *m, enum statistic_kind kind);
/* The statistic meant by a rule that names none; false if the metric requires one. */
bool statistic__default(const struct metric *m, struct statistic *st);
/* Parses length characters: "p99.9", "max"... 0, or -EINVAL if there is no such statistic. */
int statistic__parse(const char *s, size_t length, struct statistic *st);
/* The name used in rules: "p99.9". */
struct format statistic__name(const struct statistic *st);
enum figure_unit statistic__unit(const struct metric *m, enum statistic_kind kind);

/* Why a figure is unknown, or not reliable. */
enum figure_doubt {
	FIGURE_SURE,
	FIGURE_NO_PROCESS,   /* nothing was observed from which it could be taken */
	FIGURE_NO_GIL,       /* everything observed runs without a GIL */
	FIGURE_NOT_USED,     /* the GIL was not acquired while it was observed */
	FIGURE_FEW,          /* too few samples */
	FIGURE_LOST,         /* events on which it depends were lost */
	FIGURE_UNLISTED,     /* so many processes ended that not all figures were kept */
	FIGURE_FOLDED,       /* threads that the rule may mean are in the row "(exited)" */
	FIGURE_NO_SAMPLES,   /* no samples of code were taken */
	FIGURE_NOT_MEASURED, /* its inputs could not be measured here */
};

/*
 * The true value lies between low and high: the ends of a histogram's slot for a percentile, twice
 * the value itself if it is exact, -INFINITY and INFINITY if there is doubt. Times are in ns.
 */
struct figure {
	double value; /* for display; NaN if there is none */
	double low;
	double high;
	__u64 samples; /* the number of samples, if it is taken from samples */
	__u64 fewest;  /* for several runs: the number in the run that has the fewest */
	__u64 needed;  /* FIGURE_FEW: the number that each run would need */
	enum figure_doubt doubt;
	bool none;    /* 0 because there were no waits or holds, although the GIL was used */
	bool skipped; /* the rule's condition does not hold in this run, which does not count */
};

struct figure figure__of(const struct metric *m, const struct statistic *st,
			 const struct selection *sel);

/* The number of samples that a statistic needs. For a percentile: at least 10, and one beyond
 * it. */
__u64 statistic__samples_needed(const struct statistic *st);

#endif
