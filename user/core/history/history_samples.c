// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Samples of code. Their sums only grow, place by place, so their differences are logged like all
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

/* Sums of a place never become smaller, unless a gap that was open has got lost. */
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
	for (size_t i = 0; i < blame__places(samples); i++) {
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

static bool is_silent(const struct blame_row *r)
{
	return !r->samples && !r->hold_ns && !r->wait_ns;
}

void history__settle_samples(struct samples_track *t, enum history_span span,
			     const struct snapshot_process *p, struct snapshot_gil *g)
{
	struct blame *all = g->samples;
	size_t nr = 0;

	free(g->functions);
	g->functions = NULL;
	g->nr_functions = 0;
	if (!t->names)
		return;
	for (size_t i = 0; i < blame__places(t->names); i++)
		blame__set_sums(t->names, i, &t->span[span][i]);
	g->samples = t->names;
	if (blame_totals__functions(p, g))
		g->nr_functions = 0;
	g->samples = all;
	for (size_t i = 0; i < g->nr_functions; i++)
		if (!is_silent(&g->functions[i]))
			g->functions[nr++] = g->functions[i];
	g->nr_functions = nr;
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
