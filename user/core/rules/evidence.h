/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who broke a rule: its threads or functions, or its GILs if the figure is kept for neither; worst
 * first. */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "core/rules/judge.h"

#define EVIDENCE_ROWS 8

struct evidence_row {
	const struct snapshot_process *process;
	const struct gil_thread *thread; /* NULL: the GIL as a whole, or: */
	const struct blame_row *function;
	struct figure figure; /* the rule's figure for this row alone */
	__u64 samples;        /* for a distribution */
	__u64 beyond; /* how many of the samples are on the wrong side of the limit, if of_values */
	double longest; /* for a distribution: its maximum */
};

struct evidence {
	bool of_values; /* single values can be beyond the limit */
	struct evidence_row row[EVIDENCE_ROWS];
	size_t nr;
	size_t more;          /* further rows for which there was no room */
	struct gil_hist hist; /* everything that the rule selects; count 0: not a distribution */
};

/* Fills e with what the run shows about the rule. 0 or -ENOMEM. */
int evidence__of(struct evidence *e, const struct assertion *a, const struct judgement *j,
		 const struct snapshot *run);

/* How many values are certainly on the wrong side of a limit. */
__u64 evidence__beyond(const struct gil_hist *h, enum assertion_op op, double limit);

/* Calls see() for each thread, or GIL, that the rule is about. Stops at an error, and returns
 * it. */
int evidence__each(const struct assertion *a, const struct snapshot *run,
		   int (*see)(void *ctx, const struct snapshot_process *p,
			      const struct snapshot_gil *g, const struct gil_thread *t),
		   void *ctx);

#endif
