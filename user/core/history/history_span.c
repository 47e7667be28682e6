// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The two spans. Differences are added and subtracted; then each row that this touched is settled,
 * so that a span reads like a snapshot that began where the span begins.
 *
 * Open holds and waits make that subtle. A snapshot has the sums of what has ended, and separately
 * the start of what has not; its reader adds the two. So the time accrued in the span is split into
 * these two. If the present hold began within the span, its start and parts stay as they are, and
 * the sum is the rest. If it began earlier, it fills the span.
 */
#include <stddef.h>
#include <string.h>

#include "core/history/history_track.h"

/* a - b, at least 0: a wait that turns out not to be measurable is taken back. */
static __u64 less(__u64 a, __u64 b)
{
	return (__s64)(a - b) > 0 ? a - b : 0;
}

/* ---- entries ---- */

static void add_u64(__u64 *to, const __u64 *what, size_t n, bool off)
{
	for (size_t i = 0; i < n; i++)
		to[i] += off ? -what[i] : what[i];
}

static void accrue(struct accrued *a, const struct row_delta *d, bool off)
{
	add_u64(a->hold, d->hold, GIL_PARTS, off);
	add_u64(a->wait, d->wait, GIL_PARTS, off);
}

static void apply_row(struct gil_track *track, struct snapshot_gil *g, enum history_span span,
		      __u32 row, const char *at, bool off)
{
	struct gil_figures *f = &g->threads[row].fig;
	struct row_delta d;

	memcpy(&d, at, sizeof(d));
	at += sizeof(d);
	add_u64(f->counter, d.counter, GIL_NR_THREAD_COUNTERS, off);
	add_u64(g->fig.counter, d.counter, GIL_NR_THREAD_COUNTERS, off);
	accrue(&track->rows[row].accrued[span], &d, off);
	accrue(&track->accrued[span], &d, off);
	track->rows[row].dirty = true;
	hist__apply(&f->hold, at, off);
	at = hist__apply(&g->fig.hold, at, off);
	hist__apply(&f->wait, at, off);
	hist__apply(&g->fig.wait, at, off);
}

static void apply_lock(struct gil_track *track, struct snapshot_gil *g, enum history_span span,
		       const char *at, bool off)
{
	struct lock_delta d;

	memcpy(&d, at, sizeof(d));
	add_u64((__u64 *)&track->lock[span], (const __u64 *)&d, sizeof(d) / sizeof(__u64), off);
	at = hist__apply(&g->lock.handoff, at + sizeof(d), off);
	hist__apply(&g->lock.chain, at, off);
}

static void apply_sum(struct snapshot_gil *g, __u32 row, const char *at, bool off)
{
	struct gil_sum_value d;

	memcpy(&d, at, sizeof(d));
	add_u64(&g->sums[row].count, &d.count, 1, off);
	add_u64(&g->sums[row].ns, &d.ns, 1, off);
}

const char *history__next_entry(const char *at, struct entry_header *e)
{
	memcpy(e, at, sizeof(*e));
	at += sizeof(*e);
	if (e->kind == ENTRY_SUM)
		return at + sizeof(struct gil_sum_value);
	if (e->kind == ENTRY_PLACE)
		return at + sizeof(struct blame_sums);
	at += e->kind == ENTRY_ROW ? sizeof(struct row_delta) : sizeof(struct lock_delta);
	return hist__skip(hist__skip(at));
}

void history__apply(struct history *h, enum history_span span, const struct log *l, bool off)
{
	const char *at = l->data, *next, *end = l->data + l->used;
	struct entry_header e;

	for (; at < end; at = next) {
		struct snapshot_gil *g;
		struct gil_track *track;

		next = history__next_entry(at, &e);
		at += sizeof(e);
		/* An ended process keeps its last seconds. */
		if (h->tracks[e.process].ended && h->tracks[e.process].last != h->nr_ticks)
			continue;
		g = gil_of(h->span[span], e.process, e.gil);
		track = track_of(h, e.process, e.gil);
		if (e.kind == ENTRY_ROW)
			apply_row(track, g, span, e.row, at, off);
		else if (e.kind == ENTRY_LOCK)
			apply_lock(track, g, span, at, off);
		else if (e.kind == ENTRY_PLACE)
			history__apply_place(&track->samples, span, e.row, at, off);
		else
			apply_sum(g, e.row, at, off);
	}
}

/* ---- settling ---- */

/* Sets the parts and the sum to what has accrued, minus what is still open. */
static void settle_time(__u64 *parts, struct gil_hist *h, const __u64 *accrued, const __u64 *open)
{
	h->sum = 0;
	for (int i = 0; i < GIL_PARTS; i++) {
		parts[i] = less(accrued[i], open[i]);
		h->sum += parts[i];
	}
}

/* Sets what is open in this row within the span; nothing if it is not measured. */
static void open_in_span(struct gil_thread *t, const struct accrued *a, __u64 begin, __u64 end,
			 struct accrued *open)
{
	__u8 state = gil_thread_last_state(t);
	const __u64 *all = state == GIL_THREAD_HOLDING ? a->hold : a->wait;
	__u64 *to = state == GIL_THREAD_HOLDING ? open->hold : open->wait;
	bool gone = t->state == GIL_THREAD_GONE;

	if (state != GIL_THREAD_HOLDING && state != GIL_THREAD_WAITING)
		return;
	if (t->since < begin) {
		t->since = begin;
		t->mark = gone ? gil_later(t->mark, begin) : end;
		for (int i = 0; i < GIL_PARTS; i++)
			t->part[i] = t->partial ? 0 : less(all[i], 0);
		if (t->partial) /* it is taken to do all the time what it does now */
			t->mark = begin;
	}
	if (t->partial)
		return;
	memcpy(to, t->part, sizeof(t->part));
	if (!gone)
		to[t->cpu < GIL_PARTS ? t->cpu : 0] += gil_elapsed(t->mark, end);
}

static void settle_row(const struct history *h, enum history_span span, struct row_track *row,
		       const struct gil_thread *raw, struct gil_thread *t, __u64 begin, __u64 end,
		       struct accrued *open_sum)
{
	bool exact = history__exact_max(h, span);
	struct accrued open = {{0}, {0}};

	memcpy(t, raw, offsetof(struct gil_thread, fig));
	if (row->gone)
		t->state = GIL_THREAD_GONE;
	open_in_span(t, &row->accrued[span], begin, end, &open);
	settle_time(t->fig.hold_part, &t->fig.hold, row->accrued[span].hold, open.hold);
	settle_time(t->fig.wait_part, &t->fig.wait, row->accrued[span].wait, open.wait);
	t->fig.hold.max = exact ? raw->fig.hold.max : hist__bound(&t->fig.hold, raw->fig.hold.max);
	t->fig.wait.max = exact ? raw->fig.wait.max : hist__bound(&t->fig.wait, raw->fig.wait.max);
	add_u64(open_sum->hold, open.hold, GIL_PARTS, false);
	add_u64(open_sum->wait, open.wait, GIL_PARTS, false);
}

static void settle_lock(const struct history *h, enum history_span span,
			const struct snapshot_gil *raw, struct snapshot_gil *g,
			const struct lock_delta *d, __u64 begin, __u64 end)
{
	bool exact = history__exact_max(h, span);
	struct gil_lock *l = &g->lock;

	memcpy(l, &raw->lock, offsetof(struct gil_lock, handoff));
	l->start = begin;
	l->since = gil_later(l->since, begin);
	l->mark = end;
	l->held_ns = 0;
	l->held_ns = less(d->held, gil_lock_held_until(l, raw->locked_at_start, end));
	l->contended_ns = d->contended;
	l->waiter_ns = d->waiting;
	memcpy(l->counter, d->counter, sizeof(l->counter));
	l->handoff.max =
		exact ? raw->lock.handoff.max : hist__bound(&l->handoff, raw->lock.handoff.max);
	l->chain.max = exact ? raw->lock.chain.max : hist__bound(&l->chain, raw->lock.chain.max);
}

static void settle_gil(struct history *h, enum history_span span, size_t process, size_t gil)
{
	const struct snapshot_process *raw_process = &h->raw->processes[process];
	struct snapshot_process *p = &h->span[span]->processes[process];
	struct gil_track *track = &h->tracks[process].gils[gil];
	const struct snapshot_gil *raw = &raw_process->gils[gil];
	struct snapshot_gil *g = &p->gils[gil];
	__u64 gap = track->lock[span].gap; /* shortens the span like the lock's own time */
	__u64 begin = gil_later(h->begin[span], raw->lock.start - raw->gap_ns) + gap;
	__u64 end = snapshot_gil__end(raw_process, raw);
	struct accrued open = {{0}, {0}};

	if (begin > end)
		begin = end;
	for (size_t i = 0; i < raw->nr_threads; i++) {
		if (track->rows[i].dirty)
			settle_row(h, span, &track->rows[i], &raw->threads[i], &g->threads[i],
				   begin, end, &open);
	}
	settle_time(g->fig.hold_part, &g->fig.hold, track->accrued[span].hold, open.hold);
	settle_time(g->fig.wait_part, &g->fig.wait, track->accrued[span].wait, open.wait);
	g->fig.hold.max = history__exact_max(h, span) ? track->hold_max
						      : hist__bound(&g->fig.hold, track->hold_max);
	g->fig.wait.max = history__exact_max(h, span) ? track->wait_max
						      : hist__bound(&g->fig.wait, track->wait_max);
	settle_lock(h, span, raw, g, &track->lock[span], begin, end);
	g->gap_ns = gap;
	g->gaps = gap ? raw->gaps : 0;
	g->lost_edges = gap ? raw->lost_edges : 0;
	p->start_ns = gil_later(h->begin[span], raw_process->start_ns);
	p->end_ns = raw_process->end_ns;
	history__settle_samples(&track->samples, span, p, g);
}

void history__settle(struct history *h)
{
	for (size_t i = 0; i < h->raw->nr_processes; i++) {
		const struct snapshot_process *p = &h->raw->processes[i];

		if (!h->tracks[i].seen)
			continue;
		for (size_t j = 0; j < p->nr_gils; j++) {
			struct gil_track *track = &h->tracks[i].gils[j];

			for (int span = 0; span < HISTORY_SPANS; span++)
				settle_gil(h, span, i, j);
			for (size_t k = 0; k < p->gils[j].nr_threads; k++)
				track->rows[k].dirty = false;
		}
	}
}
