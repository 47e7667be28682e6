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

void history__clear_track(struct history *h, size_t process)
{
	struct process_track *track = &h->tracks[process];

	for (size_t i = 0; i < h->raw->processes[process].nr_gils; i++) {
		free(track->gils[i].rows);
		free(track->gils[i].sums);
		free(track->gils[i].points);
		history__free_samples(&track->gils[i].samples);
	}
	free(track->gils);
	*track = (struct process_track){0};
}

void history__free(struct history *h)
{
	if (!h)
		return;
	for (size_t i = 0; h->raw && i < h->raw->nr_processes; i++)
		history__clear_track(h, i);
	free(h->tracks);
	for (size_t i = 0; i < h->nr; i++)
		log__clear(&h->ticks[i].log);
	free(h->ticks);
	snapshot__free(h->raw);
	for (int i = 0; i < HISTORY_SPANS; i++)
		snapshot__free(h->span[i]);
	free(h);
}

int history__grow(void **list, size_t *size, size_t nr, size_t element)
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
	if (history__grow((void **)&h->tracks, &h->size, i, sizeof(*h->tracks)))
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

	if (!history__has_begun(h))
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

	if (history__grow((void **)&track->gils, &track->size, i, sizeof(*track->gils)))
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
	to->sampled = from->sampled;
	to->interpreter = from->interpreter;
	to->end_ns = from->end_ns;
	to->locked_at_start = from->locked_at_start;
	to->switch_interval_us = from->switch_interval_us;
	to->waits_only = from->waits_only;
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

void history__forget_points(struct gil_track *track, const struct snapshot_gil *raw)
{
	track->forgotten = track->nr_points;
	track->point_ns = track->at;
	track->at_point = integrals(raw, track->at);
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
	return history__samples(h, process, i, g->samples)
		       ?: add_points(track, &now, track->at) ?: i;
}

/* ---- whole processes and snapshots ---- */

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
