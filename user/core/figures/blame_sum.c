// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>

#include "core/figures/blame_sum.h"

double blame_row__figure(const struct blame_row *r, enum blame_figure figure)
{
	return (double)(figure == BLAME_FIGURE_WAIT ? r->wait_ns : r->hold_ns);
}

/* The rows of one GIL exclude each other, so the error of their sum is no larger than this. */
static void add_row(struct blame_sum *to, enum blame_figure figure, const struct blame_row *r,
		    double whole)
{
	double error = whole * (figure == BLAME_FIGURE_WAIT ? r->error : r->hold_error);

	to->sum += blame_row__figure(r, figure);
	to->samples += r->samples;
	to->rows++;
	if (!isnan(error))
		to->variance += error * error;
}

void blame_sum__add(struct blame_sum *to, enum blame_figure figure, const struct blame_row *rows,
		    size_t n, bool (*meant)(const void *ctx, const struct blame_row *r),
		    const void *ctx)
{
	double whole = 0;

	for (size_t i = 0; i < n; i++)
		whole += blame_row__figure(&rows[i], figure);
	for (size_t i = 0; i < n; i++) {
		enum blame_kind kind = rows[i].kind;

		if (kind == BLAME_FUNCTION && meant(ctx, &rows[i]))
			add_row(to, figure, &rows[i], whole);
		else if (kind == BLAME_UNREADABLE || kind == BLAME_OTHERS ||
			 kind == BLAME_UNSAMPLED)
			to->unknown += blame_row__figure(&rows[i], figure);
	}
	to->whole += whole;
	if (n)
		to->unmet +=
			whole * (figure == BLAME_FIGURE_WAIT ? rows[0].unmet : rows[0].hold_unmet);
}

static double margin(const struct blame_sum *s)
{
	return 2 * sqrt(s->variance) + s->unmet;
}

double blame_sum__high(const struct blame_sum *s)
{
	return fmin(s->sum + margin(s) + s->unknown, s->whole);
}

double blame_sum__low(const struct blame_sum *s)
{
	return fmax(s->sum - margin(s), 0);
}
