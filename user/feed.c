// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is looked at when. The records of GILs and the counts: in each tick. The record of a thread:
 * if its sequence count has moved. Its name, a look into /proc: when it has worked, and now and then.
 * Handoffs from thread to thread, which are in a hash table of the kernel: every second, if there
 * were any.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "feed.h"
#include "proc_maps.h"
#include "process.h"

#define NAME_NS  5000000000ULL
#define PAIRS_NS 1000000000ULL

/* Of a thread's record in the kernel, by its index. */
struct name {
	__u32 tid;
	__u64 read_ns;
	char comm[16];
};

/* Where the threads and handoffs of a GIL belong; by the index of its record. */
struct place {
	struct process *process; /* NULL: not fed in this tick */
	int in_history;
	int gil;
	__u64 live_hits;
	__u64 start; /* tells one GIL from the next one at the same index */
	size_t past; /* of its exited threads, those that have been fed */
};

struct feed {
	struct target *target;
	struct probe *probe;
	struct history *history;
	struct name *names;
	size_t nr_names;
	struct place *places;
	size_t nr_places;
	size_t past; /* of the processes that have ended, those that have been fed */
	__u64 pairs_ns;
	__u64 handoffs; /* of all GILs, when they were last looked at */
	__u64 now;
	bool last; /* the figures stand still: what is fed now is the end */
	int err;
	struct gil_thread record;
	struct snapshot_gil gil;
};

struct feed *feed__new(struct target *t, struct probe *p)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->target = t;
	f->probe = p;
	return f;
}

void feed__free(struct feed *f)
{
	if (!f)
		return;
	free(f->names);
	free(f->places);
	free(f);
}

static int at_least(void **list, size_t *nr, size_t wanted, size_t size)
{
	void *grown;

	if (wanted <= *nr)
		return 0;
	grown = reallocarray(*list, wanted, size);
	if (!grown)
		return -ENOMEM;
	memset((char *)grown + *nr * size, 0, (wanted - *nr) * size);
	*list = grown;
	*nr = wanted;
	return 0;
}

/* ---- threads ---- */

/* Its present name: the record has the one it had at its first edge. */
static void set_name(struct feed *f, unsigned int i, struct gil_thread *t)
{
	struct name *n = &f->names[i];
	char comm[16] = "";

	if (n->tid != t->tid || gil_elapsed(n->read_ns, f->now) > NAME_NS) {
		if (n->tid != t->tid)
			memcpy(n->comm, t->comm, sizeof(n->comm));
		n->tid = t->tid;
		n->read_ns = f->now;
		if (proc__comm((pid_t)t->tid, comm))
			memcpy(n->comm, comm, sizeof(n->comm));
	}
	memcpy(t->comm, n->comm, sizeof(t->comm));
}

static void feed_thread(struct feed *f, struct place *place, unsigned int i,
			const struct gil_thread *live)
{
	__u32 seq = __atomic_load_n(&live->seq, __ATOMIC_ACQUIRE);
	int row = history__row(f->history, place->in_history, place->gil, live->tid, false);

	place->live_hits += live->fig.acquisitions + live->fig.releases;
	if (row < 0) {
		f->err = row;
		return;
	}
	if (!history__row_changed(f->history, place->in_history, place->gil, row, seq))
		return;
	probe__read_thread(f->probe, i, &f->record);
	set_name(f, i, &f->record);
	f->err = history__thread(f->history, place->in_history, place->gil, row, &f->record);
}

static void feed_threads(struct feed *f)
{
	unsigned int nr = probe__thread_limit(f->probe);

	f->err = at_least((void **)&f->names, &f->nr_names, nr, sizeof(*f->names));
	for (unsigned int i = 0; i < nr && !f->err; i++) {
		const struct gil_thread *t = probe__thread(f->probe, i);
		struct place *place = t->lock < f->nr_places ? &f->places[t->lock] : NULL;

		if (t->tid && place && place->process && t->pid == (__u32)place->process->pid)
			feed_thread(f, place, i, t);
	}
}

/* Rows of threads that have exited do not change any more; but one that is the sum of many. */
static void feed_exited(struct feed *f, struct place *place, bool sum)
{
	const struct snapshot_gil *past = &place->process->past;

	for (size_t i = sum ? 0 : place->past; i < past->nr_threads && !f->err; i++) {
		const struct gil_thread *t = &past->threads[i];
		int row;

		if (!t->tid != sum)
			continue;
		row = history__row(f->history, place->in_history, place->gil, t->tid, true);
		f->err = row < 0 ? row
				 : history__thread(f->history, place->in_history, place->gil, row,
						   t);
	}
	if (!sum)
		place->past = past->nr_threads;
}

/* ---- processes ---- */

static void feed_process(void *ctx, struct process *p)
{
	struct feed *f = ctx;
	struct snapshot_process sp = {0};
	struct place *place;

	if (f->err || p->lock < 0)
		return;
	process__describe(p, &sp, f->now);
	process__describe_gil(p, &f->gil);
	sp.start_ns = f->gil.lock.start;
	/* It is read once more when its last thread is gone. */
	sp.exited = sp.exited && f->last;
	f->err = at_least((void **)&f->places, &f->nr_places, (size_t)p->lock + 1,
			  sizeof(*f->places));
	if (f->err)
		return;
	place = &f->places[p->lock];
	if (place->start != sp.start_ns)
		*place = (struct place){.start = sp.start_ns};
	place->live_hits = 0;
	place->in_history = history__process(f->history, &sp);
	place->gil = place->in_history < 0 ? -ENOMEM
					   : history__gil(f->history, place->in_history, &f->gil);
	if (place->gil < 0) {
		f->err = place->gil;
		return;
	}
	place->process = p;
	feed_exited(f, place, false);
}

static void feed_past(struct feed *f)
{
	const struct snapshot *past = target__past(f->target);

	for (; f->past < past->nr_processes && !f->err; f->past++) {
		int i = history__whole_process(f->history, &past->processes[f->past]);

		f->err = i < 0 ? i : 0;
	}
}

/* ---- handoffs ---- */

static int feed_pair(void *ctx, unsigned int lock, const struct gil_handoff *h)
{
	struct feed *f = ctx;
	const struct place *place = lock < f->nr_places ? &f->places[lock] : NULL;

	if (!place || !place->process)
		return 0;
	return history__edges(f->history, place->in_history, place->gil, h, 1);
}

static void feed_pairs(struct feed *f, bool now)
{
	__u64 handoffs = 0;

	if (f->err || (!now && gil_elapsed(f->pairs_ns, f->now) < PAIRS_NS))
		return;
	for (size_t i = 0; i < f->nr_places; i++)
		if (f->places[i].process)
			handoffs += probe__lock(f->probe, (unsigned int)i)->handoff.count;
	f->pairs_ns = f->now;
	if (handoffs == f->handoffs)
		return;
	f->handoffs = handoffs;
	f->err = probe__each_pair(f->probe, feed_pair, f);
}

/* ---- a tick ---- */

static void count(const struct feed *f, struct process_count *c)
{
	for (size_t i = 0; i < f->nr_places; i++)
		if (f->places[i].process)
			process__count(f->places[i].process, f->places[i].live_hits, c);
}

int feed__tick(struct feed *f, struct history *h, bool whole, long ns_per_hit)
{
	const struct snapshot *past = target__past(f->target);
	struct snapshot head = {0};
	struct process_count c = {0};
	int err;

	for (size_t i = 0; i < f->nr_places; i++)
		f->places[i].process = NULL;
	f->history = h;
	f->err = 0;
	f->last = target__is_frozen(f->target);
	target__describe(f->target, c, &head);
	f->now = head.end_ns;
	history__begin(h, f->now);
	feed_past(f);
	target__each(f->target, feed_process, f);
	feed_threads(f);
	for (size_t i = 0; i < f->nr_places && !f->err; i++)
		if (f->places[i].process)
			feed_exited(f, &f->places[i], true);
	feed_pairs(f, whole || f->last);
	count(f, &c);
	target__describe(f->target, c, &head);
	head.probe_ns_per_hit = ns_per_hit;
	head.unobserved = past->unobserved;
	head.nr_unobserved = past->nr_unobserved;
	head.nr_unlisted = past->nr_unlisted;
	head.end_ns = f->now;
	err = history__end(h, &head);
	return f->err ? f->err : err;
}
