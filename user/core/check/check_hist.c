// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>
#include <string.h>

#include "core/figures/bins.h"
#include "core/check/check.h"
#include "core/check/check_hist.h"
#include "core/base/format.h"

#define INDENT 16
#define LABEL  16
#define COUNT  10
#define BAR    30 /* in 80 columns; less if there are fewer */

/* A row of the histogram, of times or of counts. */
struct row {
	struct format label;
	double low;
	double high; /* exclusive */
	__u64 count;
};

/* Times use the bins of the text reports; counts use powers of two: 1, 2-3, 4-7... */
static struct row row_of(const struct gil_hist *h, const struct bins *b, bool is_time, int i,
			 bool ascii)
{
	struct row r = {.count = 0};
	unsigned long long low, high;

	if (is_time) {
		r.label = bins__label(i, ascii);
		r.low = (double)bins__low(i);
		r.high = i + 1 < BINS ? (double)bins__low(i + 1) : INFINITY;
		r.count = b->count[i];
		return r;
	}
	low = i ? 1ULL << (i - 1) : 0;
	high = 1ULL << i;
	r.low = (double)low;
	r.high = (double)high;
	snprintf(r.label.s, sizeof(r.label.s), high - low > 1 ? "%llu to %llu" : "%llu", low,
		 high - 1);
	for (__u32 slot = 0; slot < GIL_HIST_SLOTS; slot++)
		if (gil_hist_lo(slot) >= low && gil_hist_lo(slot) < high)
			r.count += h->slot[slot];
	return r;
}

static int bar_of(const struct text *t)
{
	return t->width < 80 ? t->width - 80 + BAR : BAR;
}

static void put_limit_line(const struct text *t, const char *limit)
{
	text__spaces(t, INDENT);
	text__style(t, TEXT_BAD);
	for (int i = 0; i < 8; i++)
		fputs(t->ascii ? "-" : "─", t->out);
	fprintf(t->out, " limit %s ", limit);
	for (int i = 0; i < LABEL + COUNT + bar_of(t) - 12 - (int)strlen(limit); i++)
		fputs(t->ascii ? "-" : "─", t->out);
	text__style(t, TEXT_PLAIN);
	putc('\n', t->out);
}

static void put_row(const struct text *t, const struct row *r, __u64 largest, bool has_limit,
		    const char *limit)
{
	text__spaces(t, INDENT);
	text__column(t, r->label.s, LABEL);
	text__column(t, r->count ? format_count(r->count).s : "", -COUNT);
	text__spaces(t, 1);
	text__bar(t, largest ? (double)r->count / (double)largest : 0, bar_of(t), TEXT_HOLD);
	if (has_limit) {
		text__style(t, TEXT_BAD);
		fprintf(t->out, " %s %s", t->ascii ? "<-" : "◄", limit);
		text__style(t, TEXT_PLAIN);
	}
	putc('\n', t->out);
}

static void put_gap(const struct text *t)
{
	text__spaces(t, INDENT);
	fputs("...\n", t->out);
}

void check_hist(const struct text *t, const struct gil_hist *h, const struct assertion *a,
		const struct judgement *j)
{
	bool is_time = a->figure.metric->unit == METRIC_NS;
	struct bins b = bins__of_hist(h);
	int kinds = is_time ? BINS : GIL_HIST_TOP_BIT + 1, first = kinds, last = -1;
	struct format limit = check__value(a, j->limit, t->ascii);
	/* A limit of a sum, a count or a rate has no place on an axis of lengths. */
	bool draws = (a->figure.statistic.kind == STATISTIC_PERCENTILE ||
		      a->figure.statistic.kind == STATISTIC_MAX ||
		      a->figure.statistic.kind == STATISTIC_MEAN) &&
		     isfinite(j->limit);
	__u64 largest = 0;
	int empty = 0;

	for (int i = 0; i < kinds; i++) {
		struct row r = row_of(h, &b, is_time, i, t->ascii);
		bool limit_here = draws && j->limit >= r.low && j->limit < r.high;

		if (!r.count && !limit_here)
			continue;
		first = i < first ? i : first;
		last = i;
		largest = r.count > largest ? r.count : largest;
	}
	for (int i = first; i <= last; i++) {
		struct row r = row_of(h, &b, is_time, i, t->ascii);
		bool within = draws && j->limit > r.low && j->limit < r.high;
		bool at = draws && j->limit == r.low;

		if (at)
			put_limit_line(t, limit.s);
		empty = r.count || within || at ? 0 : empty + 1;
		if (empty > 1) {
			/* One line stands for all empty rows. */
			if (empty == 2)
				put_gap(t);
			continue;
		}
		put_row(t, &r, largest, within, limit.s);
	}
}
