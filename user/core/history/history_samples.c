// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Samples of code. Their sums only grow, each by itself, so their differences are logged like all
 * others; what a place is called is kept once. The rows of functions are made anew in each tick, from
 * the sums of the span and from its exact figures, because they are scaled to these.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/figures/blame_totals.h"
#include "core/history/history_track.h"

static int make_room(struct samples_track *t, size_t nr)
{
	size_t room = t->room;

	if (history__grow((void **)&t->raw, &room, nr, sizeof(*t->raw)))
		return -ENOMEM;
	for (int span = 0; span < HISTORY_SPANS; span++) {
		room = t->room;
		if (history__grow((void **)&t->span[span], &room, nr, sizeof(*t->raw)))
			return -ENOMEM;
	}
	t->room = room;
	return 0;
}

/* Sums never become smaller, unless a gap that was open has got lost. */
static bool put_difference(struct history *h, const struct entry_header *e,
			   const struct blame_sums *now, struct blame_sums *before)
{
	const __u64 *a = (const __u64 *)now, *b = (const __u64 *)before;
	struct blame_sums d;
	bool any = false;

	for (size_t i = 0; i < sizeof(d) / sizeof(__u64); i++) {
		((__u64 *)&d)[i] = gil_elapsed(b[i], a[i]);
		any |= a[i] > b[i];
	}
	*before = *now;
	if (!any)
		return false;
	log__put(present_log(h), e, sizeof(*e));
	log__put(present_log(h), &d, sizeof(d));
	return true;
}

int history__samples(struct history *h, int process, int gil, const struct blame *samples)
{
	struct samples_track *t = &track_of(h, process, gil)->samples;
	struct entry_header e = {.kind = ENTRY_PLACE, .gil = gil, .process = process};
	struct blame *names;
	bool any = false;

	if (!samples)
		return 0;
	for (size_t i = 0; i < blame__counts(samples); i++) {
		struct blame_sums now = blame__sums(samples, i);

		if (i >= t->room && make_room(t, i))
			return -ENOMEM;
		e.row = (__u32)i;
		any |= put_difference(h, &e, &now, &t->raw[i]);
	}
	if (t->names && !any)
		return 0;
	names = blame__copy(samples);
	if (!names)
		return -ENOMEM;
	blame__free(t->names);
	t->names = names;
	return 0;
}

void history__apply_place(struct samples_track *t, enum history_span span, __u32 place,
			  const char *at, bool off)
{
	__u64 *to = (__u64 *)&t->span[span][place];
	struct blame_sums d;

	memcpy(&d, at, sizeof(d));
	for (size_t i = 0; i < sizeof(d) / sizeof(__u64); i++)
		to[i] += off ? -((__u64 *)&d)[i] : ((__u64 *)&d)[i];
}

/* Takes out the rows of what the span knows nothing of. Returns how many are left. */
static size_t drop_silent(struct blame_row *rows, size_t n)
{
	size_t nr = 0;

	for (size_t i = 0; i < n; i++)
		if (rows[i].samples || rows[i].hold_ns || rows[i].wait_ns)
			rows[nr++] = rows[i];
	return nr;
}

static void set_span(struct samples_track *t, enum history_span span)
{
	for (size_t i = 0; i < blame__counts(t->names); i++)
		blame__set_sums(t->names, i, &t->span[span][i]);
}

void history__settle_samples(struct samples_track *t, enum history_span span,
			     const struct snapshot_process *p, struct snapshot_gil *g)
{
	struct blame *all = g->samples;

	free(g->functions);
	g->functions = NULL;
	g->nr_functions = 0;
	if (!t->names)
		return;
	set_span(t, span);
	g->samples = t->names;
	if (blame_totals__functions(p, g))
		g->nr_functions = 0;
	g->samples = all;
	g->nr_functions = drop_silent(g->functions, g->nr_functions);
}

struct blame_row *history__functions_of(const struct history *h, enum history_span span,
					size_t process, size_t gil, __u32 tid, size_t *n)
{
	struct samples_track *t = &track_of(h, process, gil)->samples;
	const struct snapshot_process *p = &h->span[span]->processes[process];
	struct blame_totals totals = blame_totals__of(p, &p->gils[gil]);
	struct blame_row *rows;

	*n = 0;
	if (!t->names)
		return NULL;
	set_span(t, span);
	rows = blame__rows_of_thread(t->names, &totals, tid, n);
	*n = rows ? drop_silent(rows, *n) : 0;
	return rows;
}

void history__forget_samples(struct samples_track *t, enum history_span span)
{
	if (t->room)
		memset(t->span[span], 0, t->room * sizeof(*t->span[span]));
}

void history__free_samples(struct samples_track *t)
{
	blame__free(t->names);
	free(t->raw);
	for (int span = 0; span < HISTORY_SPANS; span++)
		free(t->span[span]);
}
