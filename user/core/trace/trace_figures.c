// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The figures that the kernel kept while a trace was recorded, written at its end. They show that
 * the replay arrives at the same figures, and a trace that has only the long waits and holds is
 * reported from them.
 */
#include "core/trace/trace_record.h"

/* Nothing can have counted larger numbers: 2^62 ns are 146 years. */
#define TIME_BITS  62
#define COUNT_BITS 56
/* A thread's state, above it the one in which it died, and above that whether what it does is partial. */
#define STATE_BITS 4

static void put_hist(struct bytes *b, const struct gil_hist *h)
{
	__u32 used = 0, last = 0;

	bytes__number(b, h->count);
	bytes__number(b, h->sum);
	bytes__number(b, h->max);
	for (__u32 i = 0; i < GIL_HIST_SLOTS; i++)
		used += h->slot[i] != 0;
	bytes__number(b, used);
	for (__u32 i = 0; i < GIL_HIST_SLOTS; i++) {
		if (!h->slot[i])
			continue;
		bytes__number(b, i - last);
		bytes__number(b, h->slot[i]);
		last = i;
	}
}

static void get_hist(struct span *s, struct gil_hist *h)
{
	__u64 used, at = 0;

	memset(h, 0, sizeof(*h));
	h->count = span__number(s);
	h->sum = span__number(s);
	h->max = span__number(s);
	used = span__number(s);
	if (h->count >> COUNT_BITS || h->sum >> TIME_BITS || h->max >> TIME_BITS)
		s->bad = true;
	for (__u64 i = 0; i < used && !s->bad; i++) {
		__u64 step = span__number(s);

		if (step >= GIL_HIST_SLOTS || at + step >= GIL_HIST_SLOTS) {
			s->bad = true;
			return;
		}
		at += step;
		h->slot[at] = span__number(s);
		if (h->slot[at] >> COUNT_BITS)
			s->bad = true;
	}
}

static void put_numbers(struct bytes *b, const __u64 *numbers, int n)
{
	for (int i = 0; i < n; i++)
		bytes__number(b, numbers[i]);
}

static void get_numbers(struct span *s, __u64 *numbers, int n)
{
	for (int i = 0; i < n; i++)
		numbers[i] = span__number(s);
}

/* The counters that later versions have added are at the end of the record. The file of an earlier
 * version does not have them. */
static void get_later(struct span *s, __u64 *counters, int n, unsigned int *missing)
{
	int i = GIL_FIRST_COUNTERS;

	while (i < n && !span__done(s))
		counters[i++] = span__number(s);
	counters__miss(missing, (unsigned int)(n - i));
}

void trace_figures__put_gil(struct bytes *b, const struct snapshot_gil *g)
{
	const struct gil_lock *l = &g->lock;
	const __u64 numbers[] = {
		l->start, l->state,     l->last_tid, l->since,        l->held_ns,   l->waiters,
		l->gone,  l->gone_seen, l->mark,     l->contended_ns, l->waiter_ns, l->chain_len,
	};

	put_numbers(b, numbers, sizeof(numbers) / sizeof(*numbers));
	put_numbers(b, l->counter, GIL_FIRST_COUNTERS);
	bytes__number(b, g->nr_folded);
	put_hist(b, &l->handoff);
	put_hist(b, &l->chain);
	put_numbers(b, l->counter + GIL_FIRST_COUNTERS, GIL_NR_LOCK_COUNTERS - GIL_FIRST_COUNTERS);
}

bool trace_figures__get_gil(struct span *s, struct snapshot_gil *g)
{
	struct gil_lock *l = &g->lock;

	l->start = span__number(s);
	l->state = (__u32)span__number(s);
	l->last_tid = (__u32)span__number(s);
	l->since = span__number(s);
	l->held_ns = span__number(s);
	l->waiters = (__u32)span__number(s);
	l->gone = (__u32)span__number(s);
	l->gone_seen = (__u32)span__number(s);
	l->mark = span__number(s);
	l->contended_ns = span__number(s);
	l->waiter_ns = span__number(s);
	l->chain_len = span__number(s);
	get_numbers(s, l->counter, GIL_FIRST_COUNTERS);
	g->nr_folded = span__number(s);
	get_hist(s, &l->handoff);
	get_hist(s, &l->chain);
	get_later(s, l->counter, GIL_NR_LOCK_COUNTERS, &g->missing_lock_counters);
	return !s->bad;
}

void trace_figures__put_thread(struct bytes *b, const struct gil_thread *t)
{
	const struct gil_figures *f = &t->fig;

	bytes__number(b, t->tid);
	trace_names__put(b, t->comm, t->name);
	bytes__number(b, t->state | (__u64)t->died << STATE_BITS |
				 (__u64)t->partial << 2 * STATE_BITS);
	bytes__number(b, t->since);
	bytes__number(b, t->cpu);
	bytes__number(b, t->mark);
	for (int i = 0; i < GIL_PARTS; i++)
		bytes__number(b, t->part[i]);
	put_numbers(b, f->counter, GIL_FIRST_COUNTERS);
	for (int i = 0; i < GIL_PARTS; i++) {
		bytes__number(b, f->hold_part[i]);
		bytes__number(b, f->wait_part[i]);
	}
	put_hist(b, &f->hold);
	put_hist(b, &f->wait);
	put_numbers(b, f->counter + GIL_FIRST_COUNTERS,
		    GIL_NR_THREAD_COUNTERS - GIL_FIRST_COUNTERS);
}

bool trace_figures__get_thread(struct span *s, struct snapshot_gil *g, struct gil_thread *t)
{
	struct gil_figures *f = &t->fig;
	__u64 state;

	t->tid = (__u32)span__number(s);
	trace_names__get(s, t->comm, t->name);
	state = span__number(s);
	t->state = state & ((1U << STATE_BITS) - 1);
	t->died = state >> STATE_BITS & ((1U << STATE_BITS) - 1);
	t->partial = state >> 2 * STATE_BITS & 1;
	t->since = span__number(s);
	t->cpu = (__u8)span__number(s);
	t->mark = span__number(s);
	for (int i = 0; i < GIL_PARTS; i++)
		t->part[i] = span__number(s);
	get_numbers(s, f->counter, GIL_FIRST_COUNTERS);
	for (int i = 0; i < GIL_PARTS; i++) {
		f->hold_part[i] = span__number(s);
		f->wait_part[i] = span__number(s);
	}
	get_hist(s, &f->hold);
	get_hist(s, &f->wait);
	get_later(s, f->counter, GIL_NR_THREAD_COUNTERS, &g->missing_thread_counters);
	return !s->bad;
}

void trace_figures__put_folded(struct bytes *b, const struct snapshot *s)
{
	bytes__number(b, s->nr_folded);
	bytes__number(b, s->folded.end_ns);
	bytes__number(b, s->folded.gils->requests_unknown);
	trace_figures__put_gil(b, s->folded.gils);
}

bool trace_figures__get_folded(struct span *span, struct snapshot *s)
{
	static const struct snapshot_process none;
	__u64 n = span__number(span), end = span__number(span);
	bool requests_unknown = span__number(span);

	if (span->bad || !n || s->nr_folded || snapshot__fold(s, &none, n))
		return false;
	s->folded.end_ns = end;
	s->folded.gils->requests_unknown = requests_unknown;
	return trace_figures__get_gil(span, s->folded.gils);
}

/* Sums of a kind are in records of a type of their own: a reader skips those that it does not
 * know. */
static const unsigned int sums_type[GIL_SUM_KINDS] = {
	[GIL_SUM_HANDOFFS] = TRACE_RECORD_FIGURES_HANDOFFS,
};

unsigned int trace_figures__sums_type(enum gil_sum_kind kind)
{
	return sums_type[kind];
}

enum gil_sum_kind trace_figures__sums_kind(unsigned int type)
{
	unsigned int kind = 0;

	while (kind < GIL_SUM_KINDS && sums_type[kind] != type)
		kind++;
	return kind;
}

/* A key is written as its two halves, which for a pair of threads are their numbers. */
void trace_figures__put_sums(struct bytes *b, const struct gil_sum *sums, size_t n)
{
	bytes__number(b, n);
	for (size_t i = 0; i < n; i++) {
		bytes__number(b, sums[i].key >> 32);
		bytes__number(b, (__u32)sums[i].key);
		bytes__number(b, sums[i].count);
		bytes__number(b, sums[i].ns);
	}
}

bool trace_figures__get_sums(struct span *s, enum gil_sum_kind kind, struct snapshot_gil *g)
{
	__u64 n = span__number(s);

	for (__u64 i = 0; i < n && !s->bad; i++) {
		struct gil_sum *sum = snapshot_gil__add_sum(g);

		if (!sum)
			return false;
		sum->kind = kind;
		sum->key = span__number(s) << 32;
		sum->key |= (__u32)span__number(s);
		sum->count = span__number(s);
		sum->ns = span__number(s);
	}
	return !s->bad;
}
