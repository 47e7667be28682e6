// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "core/history/history_track.h"

const struct snapshot *history__span(const struct history *h, enum history_span span)
{
	return h->span[span];
}

const struct snapshot *history__now(const struct history *h)
{
	return h->raw;
}

__u64 history__ticks(const struct history *h)
{
	return h->nr_ticks;
}

bool history__exact_max(const struct history *h, enum history_span span)
{
	return !h->was_reset && !h->begin[span];
}

size_t history__points(const struct history *h, size_t process, size_t gil,
		       struct history_point *points, size_t n, __u64 *first)
{
	const struct gil_track *track = track_of(h, process, gil);
	__u64 nr = track->nr_points, known = nr - track->forgotten;

	if (n > HISTORY_POINTS)
		n = HISTORY_POINTS;
	if (known < n)
		n = (size_t)known;
	*first = nr - n;
	for (size_t i = 0; i < n; i++)
		points[i] = track->points[(*first + i) % HISTORY_POINTS];
	return n;
}

static int copy_rows(struct snapshot_gil *to, const struct snapshot_gil *from)
{
	for (size_t i = 0; i < from->nr_threads; i++) {
		const struct gil_thread *t = &from->threads[i];
		struct gil_thread *copy;

		if (!t->tid && !t->fig.acquisitions)
			continue;
		copy = snapshot_gil__add_thread(to);
		if (!copy)
			return -1;
		*copy = *t;
	}
	for (size_t i = 0; i < from->nr_sums; i++) {
		struct gil_sum *copy;

		if (!from->sums[i].count)
			continue;
		copy = snapshot_gil__add_sum(to);
		if (!copy)
			return -1;
		*copy = from->sums[i];
	}
	return 0;
}

static int copy_functions(struct snapshot_gil *to, const struct snapshot_gil *from)
{
	size_t size = from->nr_functions * sizeof(*from->functions);

	if (!from->functions)
		return 0;
	to->functions = malloc(size + 1);
	if (!to->functions)
		return -1;
	memcpy(to->functions, from->functions, size);
	return 0;
}

static int copy_process(struct snapshot *s, const struct snapshot_process *from)
{
	struct snapshot_process *p = snapshot__add_process(s);

	if (!p)
		return -1;
	*p = *from;
	p->gils = NULL;
	p->nr_gils = 0;
	for (size_t i = 0; i < from->nr_gils; i++) {
		struct snapshot_gil *g = snapshot_process__add_gil(p);

		if (!g)
			return -1;
		*g = from->gils[i];
		g->threads = NULL;
		g->sums = NULL;
		g->functions = NULL;
		g->nr_threads = g->nr_sums = 0;
		if (copy_functions(g, &from->gils[i]) || copy_rows(g, &from->gils[i]))
			return -1;
	}
	return 0;
}

struct snapshot *history__copy(const struct history *h, enum history_span span)
{
	const struct snapshot *from = h->span[span];
	struct snapshot *s = snapshot__new();
	bool ok = s != NULL;

	if (ok) {
		*s = *from;
		s->processes = NULL;
		s->unobserved = NULL;
		s->nr_processes = s->nr_unobserved = 0;
	}
	for (size_t i = 0; ok && i < from->nr_unobserved; i++) {
		struct snapshot_unobserved *u = snapshot__add_unobserved(s);

		ok = u != NULL;
		if (ok)
			*u = from->unobserved[i];
	}
	for (size_t i = 0; ok && i < from->nr_processes; i++)
		ok = h->tracks[i].free || !copy_process(s, &from->processes[i]);
	if (ok) {
		snapshot__finish(s);
		return s;
	}
	snapshot__free(s);
	return NULL;
}

static void forget_gil(struct gil_track *track, struct snapshot_gil *g, enum history_span span,
		       __u64 now)
{
	memset(&track->accrued[span], 0, sizeof(track->accrued[span]));
	memset(&track->lock[span], 0, sizeof(track->lock[span]));
	history__forget_samples(&track->samples, span);
	memset(&g->fig, 0, sizeof(g->fig));
	memset(&g->lock.handoff, 0, sizeof(g->lock.handoff));
	memset(&g->lock.chain, 0, sizeof(g->lock.chain));
	g->lock.start = g->lock.mark = now;
	g->lock.held_ns = g->lock.contended_ns = g->lock.waiter_ns = 0;
	for (size_t i = 0; i < g->nr_sums; i++)
		g->sums[i].count = g->sums[i].ns = 0;
	for (size_t i = 0; i < g->nr_threads; i++) {
		memset(&track->rows[i].accrued[span], 0, sizeof(track->rows[i].accrued[span]));
		memset(&g->threads[i].fig, 0, sizeof(g->threads[i].fig));
		track->rows[i].refs = 0;
		track->rows[i].dirty = true;
	}
}

void history__reset(struct history *h)
{
	for (int span = 0; span < HISTORY_SPANS; span++) {
		struct snapshot *s = h->span[span];

		for (size_t i = 0; i < s->nr_processes; i++) {
			struct snapshot_process *p = &s->processes[i];

			for (size_t j = 0; j < p->nr_gils; j++)
				forget_gil(track_of(h, i, j), &p->gils[j], span, p->end_ns);
			p->start_ns = p->end_ns;
		}
		s->probe_hits = s->usdt_hits = 0;
		s->start_ns = h->now;
		h->begin[span] = h->now;
	}
	for (size_t i = 0; i < h->raw->nr_processes; i++)
		for (size_t j = 0; j < h->raw->processes[i].nr_gils; j++)
			history__forget_points(track_of(h, i, j), gil_of(h->raw, i, j));
	for (size_t i = 0; i < h->nr; i++)
		log__clear(&h->ticks[i].log);
	h->nr = h->tail = 0;
	h->was_reset = true;
}
