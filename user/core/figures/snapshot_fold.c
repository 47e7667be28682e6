// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Which of very many ended threads and processes keep a row, and the sum of the processes that do
 * not. The number of rows is limited, because a row of a thread is 9 KiB, but each figure of the
 * whole stays exact.
 */
#include <errno.h>
#include <string.h>

#include "core/figures/snapshot.h"

/* What is one part in so many keeps its row, as long as there are fewer than twice SNAPSHOT_PAST
 * rows; and one part in so few keeps it in any case. No run has more than 750 of the latter, because
 * each makes the sum larger by that part. */
#define ONE_OF_MANY SNAPSHOT_PAST
#define ONE_OF_FEW  16

bool snapshot__keeps_row(size_t rows, __u64 weight, __u64 total)
{
	if (rows < SNAPSHOT_PAST)
		return true;
	if (!weight)
		return false;
	return weight >= total / ONE_OF_FEW ||
	       (rows < 2 * SNAPSHOT_PAST && weight >= total / ONE_OF_MANY);
}

__u64 snapshot_process__weight(const struct snapshot_process *p)
{
	__u64 weight = 0;

	for (size_t i = 0; i < p->nr_gils; i++) {
		const struct snapshot_gil *g = &p->gils[i];
		__u64 end = snapshot_gil__end(p, g);

		weight += gil_lock_held_until(&g->lock, g->locked_at_start, end) +
			  gil_lock_waiting_until(&g->lock, end);
	}
	return weight;
}

/* The process, the GIL and the thread's row that stand for all that are folded; NULL if there is no
 * memory. */
static struct snapshot_gil *folded_gil(struct snapshot *s)
{
	struct snapshot_process *p = &s->folded;
	struct gil_thread *t;

	if (p->nr_gils)
		return p->gils;
	if (!snapshot_process__add_gil(p))
		return NULL;
	p->exited = true;
	p->gils->main = true;
	p->gils->interpreter = -1;
	p->gils->switch_interval_us = -1;
	p->gils->locked_at_start = -1;
	p->gils->lock.state = GIL_LOCK_FREE;
	strcpy(p->comm, "(exited)");
	t = snapshot_gil__add_thread(p->gils);
	if (!t) {
		snapshot_process__clear(p);
		return NULL;
	}
	strcpy(t->comm, "(exited)");
	t->state = GIL_THREAD_GONE;
	return p->gils;
}

static void fold_gil(struct snapshot_process *sum, const struct snapshot_process *p,
		     const struct snapshot_gil *g)
{
	struct snapshot_gil *to = sum->gils;
	struct gil_lock *l = &to->lock;
	__u64 end = snapshot_gil__end(p, g);

	for (size_t i = 0; i < g->nr_threads; i++) {
		gil_figures__add(&to->threads[0].fig, &g->threads[i].fig);
		to->nr_folded += g->threads[i].tid ? 1 : g->nr_folded;
	}
	/* It begins at 0, and ends after as long as all of them were observed. */
	sum->end_ns += gil_elapsed(g->lock.start, end);
	l->held_ns += gil_lock_held_until(&g->lock, g->locked_at_start, end);
	l->contended_ns += gil_lock_contended_until(&g->lock, end);
	l->waiter_ns += gil_lock_waiting_until(&g->lock, end);
	for (int i = 0; i < GIL_NR_LOCK_COUNTERS; i++)
		l->counter[i] += g->lock.counter[i];
	gil_hist__add(&l->handoff, &g->lock.handoff);
	gil_hist__add(&l->chain, &g->lock.chain);
	if (g->lock.chain_len)
		gil_hist_add(&l->chain, g->lock.chain_len);
	l->since = l->mark = sum->end_ns;
	to->waits_only = to->waits_only || g->waits_only;
	to->requests_unknown = to->requests_unknown || g->requests_unknown;
	counters__miss(&to->missing_thread_counters, g->missing_thread_counters);
	counters__miss(&to->missing_lock_counters, g->missing_lock_counters);
}

int snapshot__fold(struct snapshot *s, const struct snapshot_process *p, size_t n)
{
	if (!folded_gil(s))
		return -ENOMEM;
	for (size_t i = 0; i < p->nr_gils; i++)
		fold_gil(&s->folded, p, &p->gils[i]);
	s->nr_folded += n;
	return 0;
}
