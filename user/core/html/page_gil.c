// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The data of a page: a GIL's distributions, threads, handoffs, functions and stacks. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/figures/bins.h"
#include "core/figures/open.h"
#include "core/html/page_data.h"
#include "core/report/stacks.h"

#define HANDOFFS_LISTED  20
#define FUNCTIONS_LISTED 100

static void put_distribution(struct json *j, const char *key, const struct gil_hist *h,
			     const __u64 *part)
{
	static const double quantiles[] = {0.5, 0.9, 0.99, 1};
	struct bins b = bins__of_hist(h);

	json__open(j, key, '{');
	json__integer(j, "count", h->count);
	json__integer(j, "sum", h->sum);
	json__open(j, "quantiles", '[');
	for (size_t i = 0; h->count && i < sizeof(quantiles) / sizeof(*quantiles); i++)
		json__integer(j, NULL, gil_hist__quantile(h, quantiles[i]));
	json__close(j, ']');
	json__open(j, "parts", '[');
	for (int i = 0; i < GIL_PARTS; i++)
		json__integer(j, NULL, part[i]);
	json__close(j, ']');
	/* [from, to, count]; the last one has no end. */
	json__open(j, "bins", '[');
	for (int i = b.first; i <= b.last; i++) {
		json__open(j, NULL, '[');
		json__integer(j, NULL, bins__low(i));
		if (i + 1 < BINS)
			json__integer(j, NULL, bins__low(i + 1));
		else
			json__null(j, NULL);
		json__integer(j, NULL, b.count[i]);
		json__close(j, ']');
	}
	json__close(j, ']');
	json__close(j, '}');
}

static void put_thread(struct json *j, const struct snapshot_process *p,
		       const struct snapshot_gil *g, const struct gil_thread *t)
{
	__u64 end = snapshot_gil__end(p, g);
	const struct gil_figures *f = &t->fig;
	__u64 open = gil_later(open_hold(p, g, t).ns, f->partial_hold_ns);

	json__open(j, NULL, '[');
	json__integer(j, NULL, t->tid);
	json__string(j, NULL, snapshot_thread__name(t, false).s);
	json__integer_if(j, NULL, !g->waits_only, snapshot_gil__thread_held(g, t, end));
	json__integer(j, NULL, snapshot_gil__thread_waited(t, end));
	json__integer_if(j, NULL, !g->waits_only, f->acquisitions);
	json__integer_if(j, NULL, f->releases && !g->requests_unknown, f->requested_releases);
	json__integer(j, NULL, f->releases);
	json__integer_if(j, NULL, f->hold.count || open, gil_later(f->hold.max, open));
	json__integer_if(j, NULL, f->wait.count, gil_hist__quantile(&f->wait, 0.5));
	json__integer_if(j, NULL, f->wait.count, gil_hist__quantile(&f->wait, 0.99));
	json__close(j, ']');
}

static void put_threads(struct json *j, const struct snapshot_process *p,
			const struct snapshot_gil *g, size_t most)
{
	json__open(j, "threads", '[');
	for (size_t i = 0; i < g->nr_threads && i < most; i++)
		put_thread(j, p, g, &g->threads[i]);
	json__close(j, ']');
	json__integer(j, "more_threads", g->nr_threads > most ? g->nr_threads - most : 0);
}

static void put_handoffs(struct json *j, const struct snapshot_gil *g)
{
	const struct gil_hist *h = &g->lock.handoff;
	size_t n;
	const struct gil_sum *sums = snapshot_gil__sums(g, GIL_SUM_HANDOFFS, &n);

	json__integer(j, "contended_acquisitions", g->fig.contended);
	json__integer(j, "handoffs", h->count);
	json__open(j, "handoff_quantiles", '[');
	if (h->count) {
		json__integer(j, NULL, gil_hist__quantile(h, 0.5));
		json__integer(j, NULL, gil_hist__quantile(h, 0.99));
		json__integer(j, NULL, h->max);
	}
	json__close(j, ']');
	json__open(j, "pairs", '[');
	for (size_t i = 0; i < n && i < HANDOFFS_LISTED; i++) {
		json__open(j, NULL, '[');
		json__integer(j, NULL, gil_pair_from(sums[i].key));
		json__integer(j, NULL, gil_pair_to(sums[i].key));
		json__integer(j, NULL, sums[i].count);
		json__integer(j, NULL, sums[i].ns);
		json__close(j, ']');
	}
	json__close(j, ']');
}

/* ---- code ---- */

static void put_function(struct json *j, const struct blame_row *r)
{
	char words[64];

	json__open(j, NULL, '{');
	if (r->kind == BLAME_FUNCTION) {
		json__string(j, "function", r->function);
	} else {
		snprintf(words, sizeof(words), "(%s)", blame_kind__name(r->kind));
		json__string(j, "function", words);
		json__bool(j, "nobody", true);
	}
	json__string(j, "file", r->file);
	json__integer(j, "line", r->line);
	json__string(j, "native", r->native);
	json__integer(j, "wait", r->wait_ns);
	json__integer(j, "hold", r->hold_ns);
	json__integer(j, "asleep", r->blocked_ns);
	json__integer(j, "samples", r->samples);
	json__real(j, "error", r->error);
	json__close(j, '}');
}

static int put_functions(struct json *j, const struct snapshot_gil *g)
{
	size_t n = g->nr_functions;
	struct blame_row *rows;

	rows = blame__by_function(g->functions, &n);
	if (!rows)
		return -ENOMEM;
	json__open(j, "functions", '[');
	for (size_t i = 0, told = 0; i < n; i++)
		if (rows[i].kind > BLAME_NO_PYTHON || told++ < FUNCTIONS_LISTED)
			put_function(j, &rows[i]);
	json__close(j, ']');
	free(rows);
	return 0;
}

int page_data__gil(struct json *j, const struct snapshot_process *p, const struct snapshot_gil *g,
		   const struct page_budget *budget)
{
	put_distribution(j, "wait", &g->fig.wait, g->fig.wait_part);
	put_distribution(j, "hold", &g->fig.hold, g->fig.hold_part);
	json__integer(j, "releases", g->fig.releases);
	put_handoffs(j, g);
	put_threads(j, p, g, budget->threads);
	if (!g->functions) {
		json__null(j, "functions");
		return 0;
	}
	return put_functions(j, g) ?: page_data__stacks(j, p, g, budget);
}
