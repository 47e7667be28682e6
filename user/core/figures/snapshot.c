// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/figures/open.h"

struct snapshot *snapshot__new(void)
{
	return calloc(1, sizeof(struct snapshot));
}

static void gil__clear(struct snapshot_gil *g)
{
	free(g->threads);
	free(g->sums);
	free(g->functions);
	blame__free(g->samples);
}

const char *snapshot_process__known_as(const struct snapshot_process *p, size_t *size)
{
	*size = p->command[0] ? sizeof(p->command) : sizeof(p->comm);
	return p->command[0] ? p->command : p->comm;
}

struct format snapshot_process__name(const struct snapshot_process *p, bool ascii)
{
	size_t size;
	const char *name = snapshot_process__known_as(p, &size);

	return format_name(name, size, ascii);
}

const char *snapshot_thread__known_as(const struct gil_thread *t, size_t *size)
{
	*size = t->name[0] ? sizeof(t->name) : sizeof(t->comm);
	return t->name[0] ? t->name : t->comm;
}

struct format snapshot_thread__name(const struct gil_thread *t, bool ascii)
{
	size_t size;
	const char *name = snapshot_thread__known_as(t, &size);

	return format_name(name, size, ascii);
}

void snapshot_process__clear(struct snapshot_process *p)
{
	for (size_t i = 0; i < p->nr_gils; i++)
		gil__clear(&p->gils[i]);
	free(p->gils);
	memset(p, 0, sizeof(*p));
}

void snapshot__free(struct snapshot *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->nr_processes; i++)
		snapshot_process__clear(&s->processes[i]);
	snapshot_process__clear(&s->folded);
	free(s->processes);
	free(s->unobserved);
	free(s);
}

/*
 * Makes room for one more element in *list, which has *nr, zeroes it and returns it. The capacity
 * is not stored, because it follows from *nr: it doubles whenever *nr reaches a power of two.
 */
static void *list_add(void **list, size_t *nr, size_t size)
{
	char *element;

	if (!(*nr & (*nr - 1))) {
		void *grown = reallocarray(*list, *nr ? *nr * 2 : 1, size);

		if (!grown)
			return NULL;
		*list = grown;
	}
	element = (char *)*list + (*nr)++ * size;
	return memset(element, 0, size);
}

struct snapshot_process *snapshot__add_process(struct snapshot *s)
{
	return list_add((void **)&s->processes, &s->nr_processes, sizeof(*s->processes));
}

struct snapshot_unobserved *snapshot__add_unobserved(struct snapshot *s)
{
	return list_add((void **)&s->unobserved, &s->nr_unobserved, sizeof(*s->unobserved));
}

struct snapshot_gil *snapshot_process__add_gil(struct snapshot_process *p)
{
	return list_add((void **)&p->gils, &p->nr_gils, sizeof(*p->gils));
}

struct gil_thread *snapshot_gil__add_thread(struct snapshot_gil *g)
{
	return list_add((void **)&g->threads, &g->nr_threads, sizeof(*g->threads));
}

struct gil_sum *snapshot_gil__add_sum(struct snapshot_gil *g)
{
	return list_add((void **)&g->sums, &g->nr_sums, sizeof(*g->sums));
}

void gil_hist__add(struct gil_hist *sum, const struct gil_hist *a)
{
	sum->count += a->count;
	sum->sum += a->sum;
	if (a->max > sum->max)
		sum->max = a->max;
	for (unsigned int i = 0; i < GIL_HIST_SLOTS; i++)
		sum->slot[i] += a->slot[i];
}

void gil_figures__add(struct gil_figures *sum, const struct gil_figures *a)
{
	for (int i = 0; i < GIL_NR_THREAD_COUNTERS; i++)
		sum->counter[i] += a->counter[i];
	for (int i = 0; i < GIL_PARTS; i++) {
		sum->hold_part[i] += a->hold_part[i];
		sum->wait_part[i] += a->wait_part[i];
	}
	gil_hist__add(&sum->hold, &a->hold);
	gil_hist__add(&sum->wait, &a->wait);
}

void gil_figures__sum(struct gil_figures *sum, const struct gil_thread *threads, size_t n)
{
	memset(sum, 0, sizeof(*sum));
	for (size_t i = 0; i < n; i++)
		gil_figures__add(sum, &threads[i].fig);
}

bool snapshot_gil__holds(const struct snapshot_gil *g, const struct gil_thread *t)
{
	const struct gil_lock *l = &g->lock;

	if (l->state == GIL_LOCK_UNSEEN)
		return g->locked_at_start == 1 && t->partial && t->tid &&
		       gil_thread_last_state(t) == GIL_THREAD_HOLDING;
	return l->state == GIL_LOCK_HELD && t->tid && l->last_tid == t->tid;
}

__u64 snapshot_gil__thread_held(const struct snapshot_gil *g, const struct gil_thread *t, __u64 now)
{
	__u64 held = t->fig.hold.sum;

	/* Taken from the lock, not from the thread: if a thread died with the GIL, its state is
	 * GONE, but its hold goes on. */
	if (snapshot_gil__holds(g, t))
		held += gil_elapsed(g->lock.since, now);
	return held;
}

__u64 snapshot_gil__thread_waited(const struct gil_thread *t, __u64 now)
{
	return t->fig.wait.sum + open_wait(t, now).ns;
}

const struct gil_thread *snapshot_gil__holder(const struct snapshot_gil *g)
{
	for (size_t i = 0; i < g->nr_threads; i++)
		if (snapshot_gil__holds(g, &g->threads[i]))
			return &g->threads[i];
	return NULL;
}

const struct gil_thread *snapshot_gil__thread(const struct snapshot_gil *g, __u32 tid)
{
	for (size_t i = 0; tid && i < g->nr_threads; i++) {
		if (g->threads[i].tid == tid)
			return &g->threads[i];
	}
	return NULL;
}

const struct gil_sum *snapshot_gil__sums(const struct snapshot_gil *g, enum gil_sum_kind kind,
					 size_t *n)
{
	size_t i = 0, end;

	while (i < g->nr_sums && g->sums[i].kind < kind)
		i++;
	for (end = i; end < g->nr_sums && g->sums[end].kind == kind; end++)
		;
	*n = end - i;
	return *n ? g->sums + i : NULL;
}

struct order {
	const struct snapshot_gil *gil;
	__u64 now;
};

static int compare(__u64 a, __u64 b)
{
	return a < b ? -1 : a > b;
}

static int thread__compare(const void *a, const void *b, void *arg)
{
	const struct gil_thread *t = a, *u = b;
	const struct order *o = arg;
	int r;

	r = compare(snapshot_gil__thread_held(o->gil, u, o->now),
		    snapshot_gil__thread_held(o->gil, t, o->now));
	if (!r)
		r = compare(snapshot_gil__thread_waited(u, o->now),
			    snapshot_gil__thread_waited(t, o->now));
	return r ? r : compare(t->tid, u->tid);
}

static int sum__compare(const void *a, const void *b)
{
	const struct gil_sum *s = a, *t = b;
	int r = compare(s->kind, t->kind);

	if (!r)
		r = compare(t->count, s->count);
	return r ? r : compare(s->key, t->key);
}

static void *copy_array(const void *from, size_t n, size_t size)
{
	size_t capacity = 1; /* the capacity that list_add would have chosen */
	void *copy;

	while (capacity < n)
		capacity *= 2;
	copy = calloc(capacity, size);

	if (copy && n)
		memcpy(copy, from, n * size);
	return copy;
}

static int copy_gil(struct snapshot_process *p, const struct snapshot_gil *from)
{
	struct snapshot_gil *g = snapshot_process__add_gil(p);

	if (!g)
		return -ENOMEM;
	*g = *from;
	g->threads = copy_array(from->threads, from->nr_threads, sizeof(*from->threads));
	g->sums = copy_array(from->sums, from->nr_sums, sizeof(*from->sums));
	if (from->functions)
		g->functions =
			copy_array(from->functions, from->nr_functions, sizeof(*from->functions));
	g->samples = blame__copy(from->samples);
	if (g->threads && g->sums && (g->functions || !from->functions) &&
	    (g->samples || !from->samples))
		return 0;
	gil__clear(g);
	g->threads = NULL;
	g->sums = NULL;
	g->functions = NULL;
	g->samples = NULL;
	g->nr_threads = g->nr_sums = g->nr_functions = 0;
	return -ENOMEM;
}

int snapshot__append(struct snapshot *s, const struct snapshot *from)
{
	for (size_t i = 0; i < from->nr_processes; i++) {
		const struct snapshot_process *old = &from->processes[i];
		struct snapshot_process *p = snapshot__add_process(s);

		if (!p)
			return -ENOMEM;
		*p = *old;
		p->gils = NULL;
		p->nr_gils = 0;
		for (size_t j = 0; j < old->nr_gils; j++)
			if (copy_gil(p, &old->gils[j]))
				return -ENOMEM;
	}
	s->nr_unlisted += from->nr_unlisted;
	for (size_t i = 0; i < from->nr_unobserved; i++) {
		struct snapshot_unobserved *u = snapshot__add_unobserved(s);

		if (!u)
			return -ENOMEM;
		*u = from->unobserved[i];
	}
	return from->nr_folded ? snapshot__fold(s, &from->folded, from->nr_folded) : 0;
}

struct snapshot *snapshot__copy(const struct snapshot *from)
{
	struct snapshot *s = snapshot__new();

	if (!s)
		return NULL;
	*s = *from;
	s->processes = NULL;
	s->unobserved = NULL;
	s->nr_processes = s->nr_unobserved = s->nr_unlisted = s->nr_folded = 0;
	memset(&s->folded, 0, sizeof(s->folded));
	if (!snapshot__append(s, from))
		return s;
	snapshot__free(s);
	return NULL;
}

static void finish_process(struct snapshot_process *p)
{
	for (size_t i = 0; i < p->nr_gils; i++) {
		struct snapshot_gil *g = &p->gils[i];
		struct order o = {.gil = g, .now = snapshot_gil__end(p, g)};

		gil_figures__sum(&g->fig, g->threads, g->nr_threads);
		if (g->nr_threads)
			qsort_r(g->threads, g->nr_threads, sizeof(*g->threads), thread__compare,
				&o);
		if (g->nr_sums)
			qsort(g->sums, g->nr_sums, sizeof(*g->sums), sum__compare);
	}
}

void snapshot__finish(struct snapshot *s)
{
	for (size_t i = 0; i < s->nr_processes; i++)
		finish_process(&s->processes[i]);
	finish_process(&s->folded);
}

__u64 snapshot_lost__total(const struct snapshot_lost *l)
{
#define ADD(name) +l->name
	return SNAPSHOT_LOSSES(ADD);
#undef ADD
}

/* The slot of the rank-th value, counted from 1; GIL_HIST_SLOTS for the maximum, which is exact. */
static unsigned int slot_of_rank(const struct gil_hist *h, __u64 rank)
{
	__u64 below = 0;
	unsigned int i;

	if (rank >= h->count)
		return GIL_HIST_SLOTS;
	for (i = 0; i < GIL_HIST_SLOTS; i++) {
		below += h->slot[i];
		if (below >= rank)
			break;
	}
	return i;
}

/* The range of the slot's values. The last slot also contains everything beyond its end. */
static struct gil_range slot_range(const struct gil_hist *h, unsigned int i)
{
	struct gil_range r = {.low = h->max, .high = h->max};

	if (i < GIL_HIST_SLOTS && gil_hist_lo(i) < h->max)
		r.low = gil_hist_lo(i);
	if (i < GIL_HIST_SLOTS - 1 && gil_hist_lo(i + 1) - 1 < h->max)
		r.high = gil_hist_lo(i + 1) - 1;
	return r;
}

struct gil_range gil_hist__percentile(const struct gil_hist *h, __u32 ppm)
{
	unsigned __int128 product = (unsigned __int128)h->count * ppm;
	__u64 rank = (__u64)((product + 999999) / 1000000);

	return slot_range(h, slot_of_rank(h, rank ? rank : 1));
}

__u64 gil_hist__quantile(const struct gil_hist *h, double q)
{
	__u64 rank = (__u64)(q * (double)h->count), lo, hi, middle;
	unsigned int i;

	if ((double)rank < q * (double)h->count || !rank)
		rank++;
	i = slot_of_rank(h, rank);
	if (i == GIL_HIST_SLOTS)
		return h->max;
	lo = gil_hist_lo(i);
	hi = gil_hist_lo(i + 1);
	if (i == GIL_HIST_SLOTS - 1 && h->max > hi)
		hi = h->max;
	middle = lo + (hi - lo) / 2;
	return middle < h->max ? middle : h->max;
}
