// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of threads in the text report. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/format.h"
#include "core/figures/metric.h"
#include "core/figures/open.h"
#include "core/report/text_gil.h"
#include "core/figures/verdict.h"

#define THREADS_TOLD 10

struct column {
	const char *title;
	int columns; /* negative: right aligned */
	int narrow;  /* the same for a narrow report */
};

/* One blank column precedes each. */
static const struct column thread_columns[] = {
	{"thread", -9, -7},  {"", 15, 9},           {"holding", -7, -7},
	{"waiting", -7, -7}, {"acquired", -10, -9}, {"requested", -9, -9},
	{"longest", -8, -7}, {"wait p50", -8, -8},  {"wait p99", -8, -8},
};

#define COLUMNS       (sizeof(thread_columns) / sizeof(*thread_columns))
#define COLUMNS_WIDTH 90
#define NAME_COLUMN   1
#define NAME_MOST     32

static int column_width(const struct text *t, size_t i)
{
	int spare = t->width - COLUMNS_WIDTH;

	if (spare < 0)
		return thread_columns[i].narrow;
	/* Names have what is left over. */
	if (i == NAME_COLUMN && thread_columns[i].columns + spare < NAME_MOST)
		return thread_columns[i].columns + spare;
	return i == NAME_COLUMN ? NAME_MOST : thread_columns[i].columns;
}

static void put_row(const struct text *t, const struct format *cells)
{
	int used = 0;

	for (size_t i = 0; i < COLUMNS; i++) {
		used += 1 + abs(column_width(t, i));
		if (used > t->width)
			break;
		text__spaces(t, 1);
		text__column(t, cells[i].s,
			     i + 1 < COLUMNS || cells[i].s[0] ? column_width(t, i) : 0);
	}
	putc('\n', t->out);
}

static void put_thread(const struct text *t, const struct snapshot_process *p,
		       const struct snapshot_gil *g, const struct gil_thread *thread)
{
	double observed = (double)gil__observed(p, g);
	const struct gil_figures *f = &thread->fig;
	__u64 open = gil_later(open_hold(p, g, thread).ns, f->partial_hold_ns);
	struct format cells[COLUMNS] = {{"-"}, {""},  {"-"}, {"-"}, {"-"},
					{"-"}, {"-"}, {"-"}, {"-"}};

	if (thread->tid)
		snprintf(cells[0].s, sizeof(cells[0].s), "%u", thread->tid);
	cells[1] = snapshot_thread__name(thread, t->ascii);
	format__shorten(&cells[1], column_width(t, 1), t->ascii);
	if (observed > 0) {
		__u64 held = snapshot_gil__thread_held(g, thread, snapshot_gil__end(p, g));
		__u64 waited = snapshot_gil__thread_waited(thread, snapshot_gil__end(p, g));

		if (!g->waits_only)
			cells[2] = format_percent((double)held / observed);
		cells[3] = format_percent((double)waited / observed);
	}
	if (!g->waits_only)
		cells[4] = format_count(f->acquisitions);
	if (f->releases && !g->requests_unknown)
		cells[5] = format_percent((double)f->requested_releases / (double)f->releases);
	if (f->hold.count || open)
		cells[6] = format_ns(gil_later(f->hold.max, open), t->ascii);
	if (f->wait.count) {
		cells[7] = format_ns(gil_hist__quantile(&f->wait, 0.5), t->ascii);
		cells[8] = format_ns(gil_hist__quantile(&f->wait, 0.99), t->ascii);
	}
	put_row(t, cells);
}

static void put_thread_titles(const struct text *t)
{
	struct format titles[COLUMNS];

	for (size_t i = 0; i < COLUMNS; i++)
		snprintf(titles[i].s, sizeof(titles[i].s), "%s", thread_columns[i].title);
	text__style(t, TEXT_BOLD);
	put_row(t, titles);
	text__style(t, TEXT_PLAIN);
}

/* The threads that hold or wait most come first. Threads named in the verdict must be in the
 * table. */
static __u64 thread_rank(const struct snapshot_process *p, const struct snapshot_gil *g,
			 const struct verdict *v, const struct gil_thread *t)
{
	if (verdict__is_about(v, t))
		return ~0ULL;
	return snapshot_gil__thread_held(g, t, snapshot_gil__end(p, g)) +
	       snapshot_gil__thread_waited(t, snapshot_gil__end(p, g));
}

/* True if fewer than THREADS_TOLD threads rank above the i-th. */
static bool is_told(const __u64 *rank, size_t nr, size_t i)
{
	size_t above = 0;

	for (size_t j = 0; j < nr && above < THREADS_TOLD; j++)
		above += rank[j] > rank[i] || (rank[j] == rank[i] && j < i);
	return above < THREADS_TOLD;
}

/* For a group that the verdict names by one of its threads: how many they are, where the table is too
 * short for all of them. */
static void put_group(const struct text *t, const struct verdict_threads *v)
{
	struct format name = format_name(v->name, sizeof(v->name), t->ascii);
	char line[300];

	if (v->count < 2 || !v->tid)
		return;
	snprintf(line, sizeof(line), "%u%s%s%s is one of %s threads that behave alike", v->tid,
		 name.s[0] ? " (" : "", name.s, name.s[0] ? ")" : "", format_count(v->count).s);
	text__spaces(t, 2);
	text__wrap(t, TEXT_PLAIN, 2, 4, line);
}

static void put_more(const struct text *t, size_t n, bool waits_only)
{
	char line[128];

	snprintf(line, sizeof(line), "and %s more threads, which %swaited less", format_count(n).s,
		 waits_only ? "" : "held it and ");
	text__spaces(t, 2);
	text__wrap(t, TEXT_PLAIN, 2, 2, line);
}

static void put_rest(const struct text *t, const struct snapshot_gil *g, const struct verdict *v)
{
	if (g->nr_threads <= THREADS_TOLD)
		return;
	put_more(t, g->nr_threads - THREADS_TOLD, g->waits_only);
	put_group(t, &v->waiting);
	if (v->front.tid != v->waiting.tid)
		put_group(t, &v->front);
	put_group(t, &v->brief);
}

int text_threads(const struct text *t, const struct snapshot_process *p,
		 const struct snapshot_gil *g)
{
	struct verdict v = verdict__of_gil(p, g);
	__u64 *rank;

	if (!g->nr_threads)
		return 0;
	rank = calloc(g->nr_threads, sizeof(*rank));
	if (!rank)
		return -ENOMEM;
	for (size_t i = 0; i < g->nr_threads; i++)
		rank[i] = thread_rank(p, g, &v, &g->threads[i]);
	putc('\n', t->out);
	put_thread_titles(t);
	for (size_t i = 0; i < g->nr_threads; i++) {
		if (is_told(rank, g->nr_threads, i))
			put_thread(t, p, g, &g->threads[i]);
	}
	free(rank);
	put_rest(t, g, &v);
	text__note(t, 2,
		   g->waits_only ? "waiting: share of the observed time; -: not measured"
				 : "holding, waiting: share of the observed time; requested: share "
				   "of its releases; longest: its longest hold");
	return 0;
}
