// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/rules/evidence.h"

/* True if the limit applies to single values, and not to their number or their sum. */
static bool is_of_values(const struct assertion *a)
{
	enum statistic_kind kind = a->figure.statistic.kind;

	return metric__is_distribution(a->figure.metric) && a->op <= ASSERTION_GE &&
	       (kind == STATISTIC_MAX || kind == STATISTIC_PERCENTILE || kind == STATISTIC_MEAN);
}

__u64 evidence__beyond(const struct gil_hist *h, enum assertion_op op, double limit)
{
	double max = (double)h->max;
	__u64 n = 0;

	for (__u32 i = 0; i < GIL_HIST_SLOTS; i++) {
		double low = (double)gil_hist_lo(i), high = (double)gil_hist_lo(i + 1) - 1;

		if (judge__compare(op, low, high, limit, limit) == JUDGED_FAIL)
			n += h->slot[i];
	}
	/* The limit is within the slot of the maximum: then at least the maximum is known. */
	if (!n && op <= ASSERTION_LE && h->count &&
	    judge__compare(op, max, max, limit, limit) == JUDGED_FAIL)
		n = 1;
	return n;
}

int evidence__each(const struct assertion *a, const struct snapshot *run,
		   int (*see)(void *ctx, const struct snapshot_process *p,
			      const struct snapshot_gil *g, const struct gil_thread *t),
		   void *ctx)
{
	bool threads = metric__is_per_thread(a->figure.metric);
	int err = 0;

	for (size_t i = 0; i < run->nr_processes; i++) {
		const struct snapshot_process *p = &run->processes[i];

		if (!scope__matches_process(&a->scope, p))
			continue;
		for (size_t j = 0; !err && j < p->nr_gils; j++) {
			const struct snapshot_gil *g = &p->gils[j];

			if (!threads)
				err = see(ctx, p, g, NULL);
			for (size_t k = 0; !err && threads && k < g->nr_threads; k++)
				if (scope__matches_thread(&a->scope, &g->threads[k]))
					err = see(ctx, p, g, &g->threads[k]);
		}
	}
	return err;
}

struct collector {
	struct evidence *e;
	const struct assertion *a;
	const struct judgement *j;
	const struct snapshot *run;
};

/* True if a belongs above b. */
static bool is_worse(const struct collector *c, const struct evidence_row *a,
		     const struct evidence_row *b)
{
	double x = a->figure.value, y = b->figure.value;

	if (a->beyond != b->beyond)
		return a->beyond > b->beyond;
	if (c->e->of_values && a->longest != b->longest)
		return a->longest > b->longest;
	if (isnan(x) || isnan(y))
		return !isnan(x);
	return c->a->op == ASSERTION_GT || c->a->op == ASSERTION_GE ? x < y : x > y;
}

static void insert(const struct collector *c, const struct evidence_row *row)
{
	struct evidence *e = c->e;
	size_t at = e->nr;

	while (at && is_worse(c, row, &e->row[at - 1]))
		at--;
	if (e->nr == EVIDENCE_ROWS)
		e->more++;
	else
		e->nr++;
	if (at == EVIDENCE_ROWS)
		return;
	memmove(&e->row[at + 1], &e->row[at], (e->nr - 1 - at) * sizeof(*row));
	e->row[at] = *row;
}

static int collect(void *ctx, const struct snapshot_process *p, const struct snapshot_gil *g,
		   const struct gil_thread *t)
{
	const struct collector *c = ctx;
	const struct assertion_figure *f = &c->a->figure;
	struct selection *sel = selection__of_one(c->run, p, g, t);
	struct evidence_row row = {.process = p, .thread = t};
	const struct gil_hist *h;

	if (!sel)
		return -ENOMEM;
	row.figure = figure__of(f->metric, &f->statistic, sel);
	h = metric__hist(f->metric, &sel->gil);
	if (h) {
		row.samples = h->count;
		if (c->e->of_values)
			row.beyond = evidence__beyond(h, c->a->op, c->j->limit);
		row.longest = (double)h->max;
	}
	/* A thread that contributed nothing is no evidence. */
	if (h ? h->count : !metric__is_distribution(f->metric) && row.figure.value != 0)
		insert(c, &row);
	free(sel);
	return 0;
}

/* For a figure of functions, those that the scope names, by their share of all that it selects. */
static void collect_functions(const struct collector *c, const struct blame_sum *all)
{
	const struct assertion *a = c->a;
	bool is_ratio = a->figure.statistic.kind == STATISTIC_RATIO;

	for (size_t i = 0; i < c->run->nr_processes; i++) {
		const struct snapshot_process *p = &c->run->processes[i];

		for (size_t j = 0; scope__matches_process(&a->scope, p) && j < p->nr_gils; j++)
			for (size_t k = 0; k < p->gils[j].nr_functions; k++) {
				const struct blame_row *r = &p->gils[j].functions[k];
				struct evidence_row row = {.process = p, .function = r};

				row.samples = r->samples;
				row.figure.value =
					blame_row__figure(r, a->figure.metric->of_functions);
				if (is_ratio && all->whole > 0)
					row.figure.value /= all->whole;
				if (r->kind == BLAME_FUNCTION && row.figure.value > 0 &&
				    scope__matches_function(&a->scope, r))
					insert(c, &row);
			}
	}
}

int evidence__of(struct evidence *e, const struct assertion *a, const struct judgement *j,
		 const struct snapshot *run)
{
	struct collector c = {.e = e, .a = a, .j = j, .run = run};
	const struct gil_hist *h;
	struct selection *sel;
	int err;

	memset(e, 0, sizeof(*e));
	e->of_values = is_of_values(a);
	sel = selection__of(run, &a->scope);
	if (!sel)
		return -ENOMEM;
	h = metric__hist(a->figure.metric, &sel->gil);
	if (h)
		e->hist = *h;
	if (metric__is_per_function(a->figure.metric)) {
		collect_functions(&c, &sel->functions[a->figure.metric->of_functions]);
		err = 0;
	} else {
		err = evidence__each(a, run, collect, &c);
	}
	free(sel);
	/* If some have broken the limit, the others are not to blame. */
	while (e->nr && e->row[0].beyond && !e->row[e->nr - 1].beyond)
		e->nr--;
	if (e->nr < EVIDENCE_ROWS)
		e->more = 0;
	return err;
}
