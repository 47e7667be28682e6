/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The statistics of a metric: p99, max, rate... A metric and a statistic make a figure, which is
 * what a rule of `check` compares with its limit.
 */
#ifndef STATISTIC_H
#define STATISTIC_H

#include "core/figures/metric.h"
#include "core/rules/selection.h"

enum statistic_kind {
	STATISTIC_VALUE, /* the metric itself: of a flag */
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
	unsigned int ppm; /* of a percentile: 990000 is p99 */
};

/* A percentile in a rule has this many decimals at most: p99.9999. */
#define STATISTIC_DECIMALS 4

/* What a figure is measured in. */
enum figure_unit {
	FIGURE_COUNT,
	FIGURE_NS,
	FIGURE_RATE,  /* so many a second */
	FIGURE_RATIO, /* 1 is 100 % */
	FIGURE_FLAG,  /* 0 or 1 */
};

/* The table: one row for each kind. */
struct statistic_row {
	const char *name; /* "max"; "pN" for percentiles; "" for the value itself */
	const char *help;
};
extern const struct statistic_row statistic_table[STATISTICS];

/* True if the metric has it. */
bool statistic__applies(const struct metric *m, enum statistic_kind kind);
/* What a rule means that names none: false if the metric has to be told one. */
bool statistic__default(const struct metric *m, struct statistic *st);
/* Parses length characters: "p99.9", "max"... 0, or -EINVAL if there is no such statistic. */
int statistic__parse(const char *s, size_t length, struct statistic *st);
/* As a rule says it: "p99.9". */
struct format statistic__name(const struct statistic *st);
enum figure_unit statistic__unit(const struct metric *m, enum statistic_kind kind);

/* Why a figure is not known, or not well enough. */
enum figure_doubt {
	FIGURE_SURE,
	FIGURE_NO_PROCESS,   /* nothing was observed that the figure could be taken from */
	FIGURE_NO_GIL,       /* all of it runs without a GIL */
	FIGURE_NOT_USED,     /* the GIL was not acquired while it was observed */
	FIGURE_FEW,          /* too few samples */
	FIGURE_LOST,         /* events were lost that it depends on */
	FIGURE_UNLISTED,     /* so many processes have ended that not all figures were kept */
	FIGURE_FOLDED,       /* threads that the rule may mean are in the row "(exited)" */
	FIGURE_NOT_MEASURED, /* what it is made from could not be measured here */
};

/*
 * The true value lies between low and high: the ends of a histogram's slot for a percentile, the
 * value itself for what is exact, -INFINITY and INFINITY where there is doubt. Times are ns.
 */
struct figure {
	double value; /* to be shown; NaN if there is none */
	double low;
	double high;
	__u64 samples; /* what it is taken from, where it is taken from samples */
	__u64 fewest;  /* over several runs: of the one that has the fewest */
	__u64 needed;  /* FIGURE_FEW: so many would do in each */
	enum figure_doubt doubt;
	bool none;    /* a maximum of no waits although the GIL was used: 0 */
	bool skipped; /* the rule's condition does not hold in this run, which counts for nothing */
};

struct figure figure__of(const struct metric *m, const struct statistic *st,
			 const struct selection *sel);

/* So many samples a percentile needs: at least one has to lie beyond it, and 10 there must be. */
__u64 statistic__samples_needed(const struct statistic *st);

#endif
