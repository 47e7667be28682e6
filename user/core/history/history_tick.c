// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Ticks: how one begins, and what its end does: the window moves on, and what no window needs any
 * more is forgotten. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/history/history_track.h"

void history__begin(struct history *h, __u64 now_ns)
{
	struct tick *t;

	for (size_t i = 0; i < h->raw->nr_processes; i++) {
		h->tracks[i].seen = h->tracks[i].fed = false;
		for (size_t j = 0; j < h->raw->processes[i].nr_gils; j++)
			h->tracks[i].gils[j].fed = false;
	}
	h->next = 0;
	if (history__grow((void **)&h->ticks, &h->room, h->nr, sizeof(*h->ticks)))
		return; /* history__end reports it */
	t = &h->ticks[h->nr++];
	*t = (struct tick){.begin = h->nr_ticks ? h->now : 0, .end = now_ns};
	h->now = now_ns;
	h->nr_ticks++;
}

bool history__has_begun(const struct history *h)
{
	return h->nr && h->ticks[h->nr - 1].end == h->now;
}

/* Removes what is too old from the window, or puts back what is not, and forgets what no window can
 * need any more. */
static void move_window(struct history *h)
{
	__u64 from = h->now > h->window_ns ? h->now - h->window_ns : 0;
	size_t old = 0;

	while (h->tail && h->ticks[h->tail - 1].end > from)
		history__apply(h, HISTORY_WINDOW, &h->ticks[--h->tail].log, false);
	while (h->tail + 1 < h->nr && h->ticks[h->tail].end <= from)
		history__apply(h, HISTORY_WINDOW, &h->ticks[h->tail++].log, true);
	while (old < h->tail && gil_elapsed(h->ticks[old].end, h->now) > HISTORY_WINDOW_MAX)
		history__forget(h, &h->ticks[old++].log);
	h->nr -= old;
	h->tail -= old;
	memmove(h->ticks, h->ticks + old, h->nr * sizeof(*h->ticks));
	h->begin[HISTORY_WINDOW] = h->ticks[h->tail].begin;
	if (h->begin[HISTORY_WINDOW] < h->begin[HISTORY_ALL])
		h->begin[HISTORY_WINDOW] = h->begin[HISTORY_ALL];
}

void history__set_window(struct history *h, __u64 window_ns)
{
	h->window_ns = window_ns < HISTORY_WINDOW_MAX ? window_ns : HISTORY_WINDOW_MAX;
	if (!h->nr)
		return;
	move_window(h);
	history__settle(h);
}

/* Copies what belongs to no process. Costs cover the span; losses are all since the start. */
static int describe_span(struct history *h, enum history_span span, const struct snapshot *s)
{
	struct snapshot *to = h->span[span];
	struct snapshot keep = *to;

	if (s->nr_unobserved != keep.nr_unobserved) {
		size_t size = s->nr_unobserved * sizeof(*s->unobserved);

		free(keep.unobserved);
		keep.nr_unobserved = 0;
		keep.unobserved = malloc(size + 1);
		to->unobserved = keep.unobserved;
		to->nr_unobserved = 0;
		if (!keep.unobserved)
			return -ENOMEM;
		if (size)
			memcpy(keep.unobserved, s->unobserved, size);
		keep.nr_unobserved = s->nr_unobserved;
	}
	*to = *s;
	to->start_ns = h->begin[span] > s->start_ns ? h->begin[span] : s->start_ns;
	to->probe_hits = keep.probe_hits;
	to->usdt_hits = keep.usdt_hits;
	to->processes = keep.processes;
	to->nr_processes = keep.nr_processes;
	to->unobserved = keep.unobserved;
	to->nr_unobserved = keep.nr_unobserved;
	return 0;
}

static void count_hits(struct history *h, const struct snapshot *s)
{
	__u64 sum = 0, usdt_sum = 0;
	struct tick *t = &h->ticks[h->nr - 1];

	t->hits = counter_delta(s->probe_hits, h->raw->probe_hits);
	t->usdt_hits = counter_delta(s->usdt_hits, h->raw->usdt_hits);
	h->span[HISTORY_ALL]->probe_hits += t->hits;
	h->span[HISTORY_ALL]->usdt_hits += t->usdt_hits;
	for (size_t i = h->tail; i < h->nr; i++) {
		sum += h->ticks[i].hits;
		usdt_sum += h->ticks[i].usdt_hits;
	}
	h->span[HISTORY_WINDOW]->probe_hits = sum;
	h->span[HISTORY_WINDOW]->usdt_hits = usdt_sum;
	h->raw->probe_hits = s->probe_hits;
	h->raw->usdt_hits = s->usdt_hits;
}

static void forget_process(struct history *h, size_t i)
{
	history__clear_track(h, i);
	h->tracks[i].free = h->tracks[i].ended = true;
	snapshot_process__clear(&h->raw->processes[i]);
	h->raw->processes[i].exited = true;
	for (int span = 0; span < HISTORY_SPANS; span++) {
		snapshot_process__clear(&h->span[span]->processes[i]);
		h->span[span]->processes[i].exited = true;
	}
}

/* A machine with many short processes never runs out of new ones. Ended processes that no window
 * needs and nobody feeds are forgotten, except for the first SNAPSHOT_PAST. */
static void forget_ended(struct history *h)
{
	size_t kept = 0;

	for (size_t i = 0; i < h->raw->nr_processes; i++) {
		const struct process_track *track = &h->tracks[i];

		if (!track->ended || track->free || kept++ < SNAPSHOT_PAST || track->fed)
			continue;
		if (track->last + h->nr <= h->nr_ticks)
			forget_process(h, i);
	}
}

int history__end(struct history *h, const struct snapshot *s)
{
	int err = 0;

	if (!history__has_begun(h))
		return -ENOMEM;
	for (size_t i = 0; i < h->raw->nr_processes; i++) {
		for (size_t j = 0; h->tracks[i].seen && j < h->raw->processes[i].nr_gils; j++)
			if (h->tracks[i].gils[j].fed)
				history__end_rows(h, (int)i, (int)j);
	}
	for (int span = 0; span < HISTORY_SPANS; span++)
		history__apply(h, span, present_log(h), false);
	move_window(h);
	count_hits(h, s);
	history__settle(h);
	for (int span = 0; span < HISTORY_SPANS; span++)
		err = err ?: describe_span(h, span, s);
	for (size_t i = 0; i < h->raw->nr_processes; i++)
		if (!h->tracks[i].ended && (!h->tracks[i].seen || h->raw->processes[i].exited)) {
			h->tracks[i].ended = true;
			h->tracks[i].last = h->nr_ticks;
		}
	forget_ended(h);
	return present_log(h)->failed ? -ENOMEM : err;
}
