// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The feed: recognizes what was there in the tick before, and logs what has changed. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "core/history/history_track.h"

struct history *history__new(__u64 window_ns)
{
	struct history *h = calloc(1, sizeof(*h));

	if (!h)
		return NULL;
	h->raw = snapshot__new();
	for (int i = 0; i < HISTORY_SPANS; i++)
		h->span[i] = snapshot__new();
	history__set_window(h, window_ns);
	if (h->raw && h->span[HISTORY_ALL] && h->span[HISTORY_WINDOW])
		return h;
	history__free(h);
	return NULL;
}

static void clear_track(struct history *h, size_t process)
{
	struct process_track *track = &h->tracks[process];

	for (size_t i = 0; i < h->raw->processes[process].nr_gils; i++) {
		free(track->gils[i].rows);
		free(track->gils[i].sums);
		free(track->gils[i].points);
	}
	free(track->gils);
	*track = (struct process_track){0};
}

void history__free(struct history *h)
{
	if (!h)
		return;
	for (size_t i = 0; h->raw && i < h->raw->nr_processes; i++)
		clear_track(h, i);
	free(h->tracks);
	for (size_t i = 0; i < h->nr; i++)
		log__clear(&h->ticks[i].log);
	free(h->ticks);
	snapshot__free(h->raw);
	for (int i = 0; i < HISTORY_SPANS; i++)
		snapshot__free(h->span[i]);
	free(h);
}

/* Makes room for element `nr` of a list whose elements start as zeroes. */
static int grow(void **list, size_t *size, size_t nr, size_t element)
{
	size_t larger = *size ? *size * 2 : 4;
	void *grown;

	if (nr < *size)
		return 0;
	grown = reallocarray(*list, larger, element);
	if (!grown)
		return -ENOMEM;
	memset((char *)grown + *size * element, 0, (larger - *size) * element);
	*list = grown;
	*size = larger;
	return 0;
}

/* ---- ticks ---- */

void history__begin(struct history *h, __u64 now_ns)
{
	struct tick *t;

	for (size_t i = 0; i < h->raw->nr_processes; i++) {
		h->tracks[i].seen = h->tracks[i].fed = false;
		for (size_t j = 0; j < h->raw->processes[i].nr_gils; j++)
			h->tracks[i].gils[j].fed = false;
	}
	h->next = 0;
	if (grow((void **)&h->ticks, &h->room, h->nr, sizeof(*h->ticks)))
		return; /* history__end reports it */
	t = &h->ticks[h->nr++];
	*t = (struct tick){.begin = h->nr_ticks ? h->now : 0, .end = now_ns};
	h->now = now_ns;
	h->nr_ticks++;
}

static bool has_begun(const struct history *h)
{
	return h->nr && h->ticks[h->nr - 1].end == h->now;
}

/* ---- processes and GILs ---- */

static bool is_same(const struct snapshot_process *a, const struct snapshot_process *b)
{
	return a->pid == b->pid && a->start_ns == b->start_ns;
}

/* The index of a place that has become free, or else the one after the last. */
static size_t find_place(struct history *h)
{
	size_t i = 0;

	while (i < h->raw->nr_processes && !h->tracks[i].free)
		i++;
	return i;
}

static int add_process(struct history *h, const struct snapshot_process *p)
{
	size_t i = find_place(h);

	if (i < h->raw->nr_processes) {
		h->tracks[i].free = h->tracks[i].ended = false;
		h->raw->processes[i].start_ns = p->start_ns;
		h->raw->processes[i].pid = p->pid;
		return (int)i;
	}
	if (grow((void **)&h->tracks, &h->size, i, sizeof(*h->tracks)))
		return -ENOMEM;
	for (int span = 0; span < HISTORY_SPANS; span++)
		if (h->span[span]->nr_processes == i && !snapshot__add_process(h->span[span]))
			return -ENOMEM;
	if (!snapshot__add_process(h->raw))
		return -ENOMEM;
	h->raw->processes[i].start_ns = p->start_ns;
	h->raw->processes[i].pid = p->pid;
	return (int)i;
}

/* Copies everything but the times and the GILs. */
static void describe(struct snapshot_process *to, const struct snapshot_process *from)
{
	struct snapshot_process p = *from;

	p.start_ns = to->start_ns;
	p.end_ns = to->end_ns;
	p.gils = to->gils;
	p.nr_gils = to->nr_gils;
	*to = p;
}

int history__process(struct history *h, const struct snapshot_process *p)
{
	size_t nr = h->raw->nr_processes, i = h->next;
	struct process_track *track;

	if (!has_begun(h))
		return -ENOMEM;
	for (size_t n = 0; n < nr; n++, i++) {
		if (is_same(&h->raw->processes[i % nr], p))
			break;
	}
	i = nr ? i % nr : 0;
	if (!nr || !is_same(&h->raw->processes[i], p)) {
		int added = add_process(h, p);

		if (added < 0)
			return added;
		i = added;
	}
	h->next = i + 1;
	track = &h->tracks[i];
	track->fed = true;
	if (track->ended)
		return (int)i;
	track->seen = true;
	track->at = p->end_ns > track->at ? p->end_ns : track->at;
	for (int span = 0; span < HISTORY_SPANS; span++)
		describe(&h->span[span]->processes[i], p);
	describe(&h->raw->processes[i], p);
	h->raw->processes[i].end_ns = track->at;
	return (int)i;
}

static int find_gil(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	for (size_t i = 0; i < p->nr_gils; i++)
		if (p->gils[i].lock.address == g->lock.address &&
		    p->gils[i].interpreter == g->interpreter)
			return (int)i;
	return -1;
}

static int add_gil(struct history *h, int process)
{
	struct process_track *track = &h->tracks[process];
	size_t i = h->raw->processes[process].nr_gils;

	if (grow((void **)&track->gils, &track->size, i, sizeof(*track->gils)))
		return -ENOMEM;
	for (int span = 0; span < HISTORY_SPANS; span++) {
		struct snapshot_process *p = &h->span[span]->processes[process];

		if (p->nr_gils == i && !snapshot_process__add_gil(p))
			return -ENOMEM;
	}
	if (!snapshot_process__add_gil(&h->raw->processes[process]))
		return -ENOMEM;
	track->gils[i].sum = -1;
	return (int)i;
}

static void describe_gil(struct snapshot_gil *to, const struct snapshot_gil *from)
{
	to->main = from->main;
	to->interpreter = from->interpreter;
	to->end_ns = from->end_ns;
	to->locked_at_start = from->locked_at_start;
	to->switch_interval_us = from->switch_interval_us;
	to->requests_unknown = from->requests_unknown;
	to->missing_thread_counters = from->missing_thread_counters;
	to->missing_lock_counters = from->missing_lock_counters;
	to->nr_folded = from->nr_folded;
}

static struct lock_delta integrals(const struct snapshot_gil *g, __u64 now)
{
	const struct gil_lock *l = &g->lock;
	struct lock_delta d = {0};

	if (!l->pid && !l->address)
		return d;
	d = (struct lock_delta){
		.held = gil_lock_held_until(l, g->locked_at_start, now),
		.contended = gil_lock_contended_until(l, now),
		.waiting = gil_lock_waiting_until(l, now),
		.gap = g->gap_ns,
	};
	memcpy(d.counter, l->counter, sizeof(d.counter));
	return d;
}

static float rate(__u64 now, __u64 before, __u64 length)
{
	return (float)gil_elapsed(before, now) / (float)length;
}

/* Adds the points that end before now. What happened between two ticks is spread evenly. */
static int add_points(struct gil_track *track, const struct lock_delta *at, __u64 now)
{
	struct history_point p = {0};
	__u64 length = gil_elapsed(track->point_ns, now);

	if (length < HISTORY_POINT_NS)
		return 0;
	if (!track->points)
		track->points = calloc(HISTORY_POINTS, sizeof(*track->points));
	if (!track->points)
		return -ENOMEM;
	p.held = rate(at->held, track->at_point.held, length);
	p.contended = rate(at->contended, track->at_point.contended, length);
	p.waiting = rate(at->waiting, track->at_point.waiting, length);
	for (__u64 n = length / HISTORY_POINT_NS; n; n--) {
		if (n < HISTORY_POINTS)
			track->points[track->nr_points % HISTORY_POINTS] = p;
		track->nr_points++;
	}
	track->point_ns = now;
	track->at_point = *at;
	return 0;
}

int history__gil(struct history *h, int process, const struct snapshot_gil *g)
{
	struct process_track *p = &h->tracks[process];
	int i = find_gil(&h->raw->processes[process], g);
	struct entry_header e = {.kind = ENTRY_LOCK, .process = process};
	struct lock_delta before, now, d;
	struct snapshot_gil *raw;
	struct gil_track *track;

	if (i < 0)
		i = add_gil(h, process);
	if (i < 0)
		return i;
	e.gil = i;
	raw = gil_of(h->raw, process, i);
	track = &p->gils[i];
	for (size_t r = 0; r < raw->nr_threads; r++)
		track->rows[r].seen = track->rows[r].fed = false;
	track->next = 0;
	track->fed = true;
	track->past = track->at;
	track->at = g->end_ns && g->end_ns < p->at ? g->end_ns : p->at;
	before = integrals(raw, track->past);
	now = integrals(g, track->at);
	for (size_t n = 0; n < sizeof(d) / sizeof(__u64); n++)
		((__u64 *)&d)[n] = counter_delta(((__u64 *)&now)[n], ((__u64 *)&before)[n]);
	log__put(present_log(h), &e, sizeof(e));
	log__put(present_log(h), &d, sizeof(d));
	log__put_hist(present_log(h), &g->lock.handoff, &raw->lock.handoff);
	log__put_hist(present_log(h), &g->lock.chain, &raw->lock.chain);
	if (!track->point_ns)
		track->point_ns = g->lock.start;
	raw->lock = g->lock;
	raw->lost_edges = g->lost_edges;
	raw->gaps = g->gaps;
	raw->gap_ns = g->gap_ns;
	describe_gil(raw, g);
	for (int span = 0; span < HISTORY_SPANS; span++) {
		struct snapshot_gil *view = gil_of(h->span[span], process, i);

		describe_gil(view, g);
		view->lock.address = g->lock.address;
	}
	return add_points(track, &now, track->at) ?: i;
}

/* ---- the tick's end ---- */

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
	clear_track(h, i);
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

	if (!has_begun(h))
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

/* Adds one group of threads: those that are gone, those that are not, or the sum of others. */
static int add_threads(struct history *h, int process, int gil, const struct snapshot_gil *g,
		       bool gone, bool sum)
{
	for (size_t i = 0; i < g->nr_threads; i++) {
		const struct gil_thread *t = &g->threads[i];
		bool is_gone = !t->tid || t->state == GIL_THREAD_GONE;
		int row;

		if (is_gone != gone || !t->tid != sum)
			continue;
		row = history__row(h, process, gil, t->tid, gone);
		if (row < 0 || history__thread(h, process, gil, row, t))
			return -ENOMEM;
	}
	return 0;
}

static int add_gils(struct history *h, int process, const struct snapshot_process *p)
{
	for (size_t i = 0; i < p->nr_gils; i++) {
		const struct snapshot_gil *g = &p->gils[i];
		int gil = history__gil(h, process, g);

		/* Gone threads come first: a new thread may have the number of an old one. */
		if (gil < 0 || history__sums(h, process, gil, g->sums, g->nr_sums) ||
		    add_threads(h, process, gil, g, true, false) ||
		    add_threads(h, process, gil, g, false, false) ||
		    add_threads(h, process, gil, g, true, true))
			return -ENOMEM;
	}
	return 0;
}

int history__whole_process(struct history *h, const struct snapshot_process *p)
{
	int process = history__process(h, p), err = 0;

	if (process >= 0 && !h->tracks[process].ended)
		err = add_gils(h, process, p);
	return err ?: process;
}

int history__add(struct history *h, const struct snapshot *s)
{
	int err = 0;

	history__begin(h, s->end_ns);
	for (size_t i = 0; i < s->nr_processes && err >= 0; i++)
		err = history__whole_process(h, &s->processes[i]);
	return history__end(h, s) ?: (err < 0 ? err : 0);
}
