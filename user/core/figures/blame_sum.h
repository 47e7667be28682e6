/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What some functions have together, of the waiting or of the holding, and how well that is known. */
#ifndef BLAME_SUM_H
#define BLAME_SUM_H

#include <stdbool.h>

#include "core/figures/blame.h"

enum blame_figure {
	BLAME_FIGURE_NONE,
	BLAME_FIGURE_WAIT,
	BLAME_FIGURE_HOLD,
	BLAME_FIGURES,
};

/* All in ns. */
struct blame_sum {
	double sum;
	double whole;    /* of all rows */
	double unknown;  /* of rows that may belong to any function */
	double variance; /* the square of the sum's standard error */
	double unmet;    /* what functions may have that no tick has met */
	__u64 samples;
	size_t rows; /* that are meant */
};

/* Adds the n rows of a GIL; `meant` says which of them belong to the sum. */
void blame_sum__add(struct blame_sum *to, enum blame_figure figure, const struct blame_row *rows,
		    size_t n, bool (*meant)(const void *ctx, const struct blame_row *r),
		    const void *ctx);

/* What a row has of it, in ns. */
double blame_row__figure(const struct blame_row *r, enum blame_figure figure);

/* The ends of the interval in which the true sum is in 19 of 20 cases: two standard errors, and what the
 * samples may not have met. What belongs to nobody may be part of it. */
double blame_sum__high(const struct blame_sum *s);
double blame_sum__low(const struct blame_sum *s);

#endif
