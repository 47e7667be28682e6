// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The second part of the feed: threads, and keyed sums. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/history/history_track.h"

/* ---- rows ---- */

/* True if the thread waits or holds, or did when it exited. */
static bool has_open(const struct gil_thread *t)
{
	__u8 state = gil_thread_last_state(t);

	/* One that was woken may have waited until then, or wait on. */
	return state == GIL_THREAD_HOLDING || state == GIL_THREAD_WAITING ||
	       state == GIL_THREAD_WOKEN;
}

/* Time in holds and waits, including the interval that is open at `now`. */
static struct accrued accrued_until(const struct gil_thread *t, __u64 now)
{
	__u8 state = gil_thread_last_state(t);
	struct accrued a;
	__u64 *to = state == GIL_THREAD_HOLDING ? a.hold : a.wait;

	memcpy(a.hold, t->fig.hold_part, sizeof(a.hold));
	memcpy(a.wait, t->fig.wait_part, sizeof(a.wait));
	if (!has_open(t) || t->partial)
		return a;
	for (int i = 0; i < GIL_PARTS; i++)
		to[i] += t->part[i];
	if (t->state != GIL_THREAD_GONE && t->state != GIL_THREAD_WOKEN)
		to[t->cpu < GIL_PARTS ? t->cpu : 0] += gil_elapsed(t->mark, now);
	return a;
}

/* An unused row, or a new one. */
static int take_row(struct history *h, int process, int gil)
{
	struct gil_track *track = track_of(h, process, gil);
	struct snapshot_gil *raw = gil_of(h->raw, process, gil);
	size_t i;

	for (i = 0; i < raw->nr_threads; i++)
		if (!track->rows[i].used)
			return (int)i;
	if (i == track->size) {
		size_t size = track->size ? track->size * 2 : 8;
		struct row_track *rows = reallocarray(track->rows, size, sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		track->rows = rows;
		track->size = size;
	}
	memset(&track->rows[i], 0, sizeof(track->rows[i]));
	for (int span = 0; span < HISTORY_SPANS; span++) {
		struct snapshot_gil *g = gil_of(h->span[span], process, gil);

		if (g->nr_threads == i && !snapshot_gil__add_thread(g))
			return -ENOMEM;
	}
	return snapshot_gil__add_thread(raw) ? (int)i : -ENOMEM;
}

static bool is_row(const struct row_track *r, __u32 tid, bool gone)
{
	return r->used && !r->seen && r->tid == tid && r->gone == gone;
}

/* Finds the thread's row, beginning after the last one: threads mostly come in the same order. */
static int find_row(struct gil_track *track, size_t nr, __u32 tid, bool gone)
{
	if (track->next < nr && is_row(&track->rows[track->next], tid, gone))
		return (int)track->next;
	for (size_t i = 0; i < nr; i++)
		if (is_row(&track->rows[i], tid, gone))
			return (int)i;
	return -1;
}

static void become_gone(struct row_track *r)
{
	r->gone = r->dirty = true;
}

/* Threads that are no longer fed have become part of the sum. What the sum gained from them was
 * already counted in their own rows. */
static void fold_vanished(struct history *h, int process, int gil, int sum)
{
	struct gil_track *track = track_of(h, process, gil);
	struct snapshot_gil *raw = gil_of(h->raw, process, gil);
	struct gil_figures *f = &raw->threads[sum].fig;

	for (size_t i = 0; i < raw->nr_threads; i++) {
		struct row_track *r = &track->rows[i];
		struct gil_thread *t = &raw->threads[i];
		struct accrued a;

		if (!r->used || r->seen || r->gone)
			continue;
		become_gone(r);
		r->folded = true;
		a = accrued_until(t, track->past);
		t->state = GIL_THREAD_GONE;
		gil_figures__add(f, &t->fig);
		for (int part = 0; part < GIL_PARTS; part++) {
			f->hold_part[part] += a.hold[part] - t->fig.hold_part[part];
			f->wait_part[part] += a.wait[part] - t->fig.wait_part[part];
		}
	}
}

int history__row(struct history *h, int process, int gil, __u32 tid, bool gone)
{
	struct gil_track *track = track_of(h, process, gil);
	size_t nr = gil_of(h->raw, process, gil)->nr_threads;
	int i = tid ? find_row(track, nr, tid, gone) : track->sum;

	if (i < 0 && tid && gone)
		i = find_row(track, nr, tid, false);
	if (i < 0)
		i = take_row(h, process, gil);
	if (i < 0)
		return i;
	if (!track->rows[i].used)
		track->rows[i] = (struct row_track){.used = true, .tid = tid};
	track->rows[i].seen = true;
	if (gone && !track->rows[i].gone)
		become_gone(&track->rows[i]);
	track->next = (size_t)i + 1;
	if (!tid) {
		track->sum = i;
		fold_vanished(h, process, gil, i);
	}
	return i;
}

bool history__row_changed(const struct history *h, int process, int gil, int row, __u32 seq)
{
	const struct row_track *r = &track_of(h, process, gil)->rows[row];

	return !r->known || r->seq != seq;
}

/* ---- their records ---- */

static void put_row(struct history *h, int process, int gil, int row, const struct gil_thread *now,
		    const struct gil_thread *before)
{
	struct gil_track *track = track_of(h, process, gil);
	struct accrued a = accrued_until(now, track->at), b = accrued_until(before, track->past);
	struct entry_header e = {.kind = ENTRY_ROW, .gil = gil, .process = process, .row = row};
	struct log *l = present_log(h);
	struct row_delta d;

	for (int i = 0; i < GIL_NR_THREAD_COUNTERS; i++)
		d.counter[i] = counter_delta(now->fig.counter[i], before->fig.counter[i]);
	for (int i = 0; i < GIL_PARTS; i++) {
		d.hold[i] = a.hold[i] - b.hold[i];
		d.wait[i] = a.wait[i] - b.wait[i];
	}
	log__put(l, &e, sizeof(e));
	log__put(l, &d, sizeof(d));
	log__put_hist(l, &now->fig.hold, &before->fig.hold);
	log__put_hist(l, &now->fig.wait, &before->fig.wait);
	track->rows[row].refs++;
}

static bool is_still(const struct gil_thread *a, const struct gil_thread *b)
{
	return !has_open(a) && !has_open(b) &&
	       !memcmp(a->fig.counter, b->fig.counter, sizeof(a->fig.counter));
}

/* If a record counts less than before, another thread uses it now. */
static bool has_begun_anew(const struct gil_thread *now, const struct gil_thread *before)
{
	for (int i = 0; i < GIL_NR_THREAD_COUNTERS; i++)
		if (now->fig.counter[i] < before->fig.counter[i])
			return true;
	return false;
}

int history__thread(struct history *h, int process, int gil, int row, const struct gil_thread *t)
{
	struct gil_track *track = track_of(h, process, gil);
	struct gil_thread *raw = &gil_of(h->raw, process, gil)->threads[row];
	struct row_track *r = &track->rows[row];

	r->seq = t->seq;
	r->fed = true;
	if (is_still(t, raw) && r->known) {
		if (memcmp(raw->comm, t->comm, sizeof(t->comm)) ||
		    memcmp(raw->name, t->name, sizeof(t->name)) || raw->state != t->state)
			r->dirty = true;
		memcpy(raw, t, offsetof(struct gil_thread, fig));
		return 0;
	}
	r->known = true;
	if (has_begun_anew(t, raw))
		memset(raw, 0, sizeof(*raw));
	put_row(h, process, gil, row, t, raw);
	*raw = *t;
	if (t->fig.hold.max > track->hold_max)
		track->hold_max = t->fig.hold.max;
	if (t->fig.wait.max > track->wait_max)
		track->wait_max = t->fig.wait.max;
	return 0;
}

/* ---- keyed sums ---- */

static size_t sum_hash(__u32 kind, __u64 key)
{
	key = (key + kind) * 0x9e3779b97f4a7c15ULL;
	return (size_t)(key >> 32);
}

/* The sum's slot, or the unused slot where it belongs. */
static __u32 *sum_slot(const struct gil_track *track, const struct snapshot_gil *raw, __u32 kind,
		       __u64 key)
{
	size_t i = sum_hash(kind, key);

	for (;; i++) {
		__u32 *slot = &track->sums[i & (track->sums_size - 1)];

		if (!*slot ||
		    (raw->sums[*slot - 1].key == key && raw->sums[*slot - 1].kind == kind))
			return slot;
	}
}

static int grow_sums(struct gil_track *track, const struct snapshot_gil *raw)
{
	size_t size = track->sums_size ? track->sums_size * 2 : 64;
	__u32 *sums;

	if ((raw->nr_sums + 1) * 2 <= track->sums_size)
		return 0;
	sums = calloc(size, sizeof(*sums));
	if (!sums)
		return -ENOMEM;
	free(track->sums);
	track->sums = sums;
	track->sums_size = size;
	for (size_t i = 0; i < raw->nr_sums; i++)
		*sum_slot(track, raw, raw->sums[i].kind, raw->sums[i].key) = (__u32)i + 1;
	return 0;
}

/* The sum's index, or -ENOMEM. */
static int sum_row(struct history *h, int process, int gil, __u32 kind, __u64 key)
{
	struct gil_track *track = track_of(h, process, gil);
	struct snapshot_gil *raw = gil_of(h->raw, process, gil);
	size_t i = raw->nr_sums;
	__u32 *slot;

	if (grow_sums(track, raw))
		return -ENOMEM;
	slot = sum_slot(track, raw, kind, key);
	if (*slot)
		return (int)*slot - 1;
	for (int span = 0; span <= HISTORY_SPANS; span++) {
		struct snapshot *s = span < HISTORY_SPANS ? h->span[span] : h->raw;
		struct snapshot_gil *g = gil_of(s, process, gil);

		if (g->nr_sums == i && !snapshot_gil__add_sum(g))
			return -ENOMEM;
		g->sums[i] = (struct gil_sum){.kind = kind, .key = key};
	}
	*slot = (__u32)i + 1;
	return (int)i;
}

int history__sums(struct history *h, int process, int gil, const struct gil_sum *sums, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int row = sum_row(h, process, gil, sums[i].kind, sums[i].key);
		struct entry_header e = {
			.kind = ENTRY_SUM, .gil = gil, .process = process, .row = row};
		struct gil_sum_value d;
		struct gil_sum *raw;

		if (row < 0)
			return row;
		raw = &gil_of(h->raw, process, gil)->sums[row];
		d.count = counter_delta(sums[i].count, raw->count);
		d.ns = counter_delta(sums[i].ns, raw->ns);
		if (!d.count)
			continue;
		log__put(present_log(h), &e, sizeof(e));
		log__put(present_log(h), &d, sizeof(d));
		*raw = sums[i];
	}
	return 0;
}

/* ---- the tick's end ---- */

/* Adds a folded row that no window can need any more to the sum of each span. */
static void drop_folded(struct history *h, int process, int gil, size_t i)
{
	struct gil_track *track = track_of(h, process, gil);
	struct row_track *r = &track->rows[i], *sum = &track->rows[track->sum];

	for (int span = 0; span < HISTORY_SPANS; span++) {
		struct gil_thread *t = gil_of(h->span[span], process, gil)->threads;

		gil_figures__add(&t[track->sum].fig, &t[i].fig);
		for (int part = 0; part < GIL_PARTS; part++) {
			sum->accrued[span].hold[part] += r->accrued[span].hold[part];
			sum->accrued[span].wait[part] += r->accrued[span].wait[part];
		}
		memset(&t[i], 0, sizeof(t[i]));
	}
	memset(&gil_of(h->raw, process, gil)->threads[i], 0, sizeof(struct gil_thread));
	sum->dirty = true;
	*r = (struct row_track){.used = false};
}

void history__end_rows(struct history *h, int process, int gil)
{
	struct gil_track *track = track_of(h, process, gil);
	struct snapshot_gil *raw = gil_of(h->raw, process, gil);

	for (size_t i = 0; i < raw->nr_threads; i++) {
		struct row_track *r = &track->rows[i];
		struct gil_thread *t = &raw->threads[i];

		if (!r->used)
			continue;
		if (!r->seen && !r->gone)
			become_gone(r);
		if (r->gone && !r->fed && gil_thread_is_timed(t)) {
			/* The thread died in the middle of a wait or hold. */
			struct gil_thread dead = *t;

			gil_thread_exit(&dead, track->past);
			put_row(h, process, gil, (int)i, &dead, t);
			*t = dead;
		} else if (!r->fed && gil_thread_is_timed(t)) {
			put_row(h, process, gil, (int)i, t, t); /* time has passed */
		} else if (r->folded && !r->refs && !h->raw->processes[process].exited) {
			drop_folded(h, process, gil, i);
		}
	}
}

void history__forget(struct history *h, struct log *l)
{
	const char *at = l->data, *end = l->data + l->used;
	struct entry_header e;

	while (at < end) {
		at = history__next_entry(at, &e);
		if (e.kind == ENTRY_ROW)
			h->tracks[e.process].gils[e.gil].rows[e.row].refs--;
	}
	log__clear(l);
}
