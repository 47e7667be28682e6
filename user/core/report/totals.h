/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The figures of all GILs together, for `stat -I`, `-r` and `-x`. All of them only grow, and are exact
 * at each moment: so what an interval has is their difference, and the intervals of an observation add
 * up to its whole.
 */
#ifndef TOTALS_H
#define TOTALS_H

#include <stdio.h>

#include "core/figures/snapshot.h"
#include "core/report/render.h"

/* X(name, unit: "" for a number of times, or "ns"; what it is). The names are those of metrics where
 * there is one. */
#define TOTALS(X)                                                                                  \
	X(elapsed_ns, "ns", "time observed")                                                       \
	X(acquisitions, "", "times a thread got a GIL")                                            \
	X(contended, "", "acquisitions that had to wait")                                          \
	X(handoffs, "", "acquisitions by a thread that was already waiting")                       \
	X(requested_releases, "", "releases that a waiter had asked for")                          \
	X(held_ns, "ns", "time for which a GIL was held")                                          \
	X(hold_oncpu_ns, "ns", "time in holds on a CPU")                                           \
	X(hold_preempted_ns, "ns", "time in holds off the CPU though runnable")                    \
	X(hold_blocked_ns, "ns", "time in holds asleep")                                           \
	X(contended_ns, "ns", "time for which at least one thread waited for a GIL")               \
	X(waited_ns, "ns", "time for which threads waited, of all threads together")               \
	X(lost, "", "events that were missed")

enum total {
#define TOTAL_NUMBER(name, unit, help) TOTAL_##name,
	TOTALS(TOTAL_NUMBER) NR_TOTALS,
#undef TOTAL_NUMBER
};

struct totals {
	__u64 value[NR_TOTALS];
	bool waits_only;       /* only waits were seen of some GIL */
	bool requests_unknown; /* some GIL's requested releases are not told apart */
};

/* Up to the end of the snapshot, with the holds and waits that go on then. */
void totals__of(const struct snapshot *s, struct totals *t);
/* What was added since `before`. */
struct totals totals__since(const struct totals *now, const struct totals *before);

enum totals_format { TOTALS_TEXT, TOTALS_CSV, TOTALS_JSON };

/* How they are printed. */
struct totals_style {
	enum totals_format format;
	const char *separator; /* between the fields of CSV */
	const struct render_options *look;
};

/* Prints one interval: a row of a table, whose head comes first and then every 20 rows; or, as CSV,
 * "time,value,unit,name" for each figure; or one line of JSON. `number` counts from 0, `end_ns` is from
 * the beginning of the observation. */
void totals__put_interval(FILE *out, const struct totals_style *style, const struct totals *t,
			  __u64 end_ns, size_t number);
/* Prints the figures of one run as CSV: "value,unit,name". */
void totals__put_csv(FILE *out, const struct totals_style *style, const struct totals *t);
/* Prints mean, standard error of the mean, least and largest value of each figure over n runs, n > 0.
 * As CSV: "mean,unit,name,error in %,least,largest". */
void totals__put_runs(FILE *out, const struct totals_style *style, const struct totals *runs,
		      size_t n);

#endif
