// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is read how often. In each tick: the records of GILs, the counts, and the records of threads
 * whose sequence count has moved. A thread's name, which is in /proc: when the thread has worked,
 * but at most every NAME_NS unless the caller wants it now. Handoffs from thread to thread, which
 * are in a hash table in the kernel: every second, if there were any.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "edge/observe/feed.h"
#include "edge/proc/proc_maps.h"
#include "edge/observe/process.h"

#define NAME_NS 5000000000ULL
#define SUMS_NS 1000000000ULL

/* The name of a thread; indexed like the threads' records in the kernel. */
struct name {
	__u32 tid;
	__u64 read_ns;
	char comm[16];
	char name[GIL_THREAD_NAME]; /* what the program calls it, as it was passed on */
};

/* Where the threads and handoffs of a GIL belong in the sink; indexed by the GIL's record. */
struct place {
	const struct process *process; /* NULL: not fed in this tick */
	struct process_gil *gil;
	int in_sink;
	int gil_in_sink;
	__u64 hits; /* of its living threads */
};

struct feed {
	struct target *target;
	struct probe *probe;
	const struct tick_sink *to;
	struct name *names;
	size_t nr_names;
	struct place *places;
	size_t nr_places;
	size_t past; /* number of ended processes that have been fed */
	__u64 sums_ns;
	__u64 handoffs; /* of all GILs, when they were last read */
	__u64 now;
	__u64 hits, usdt_hits; /* of probes, until the last tick */
	bool last;             /* the figures are frozen: this tick is the last */
	bool names_now;        /* names are read in this tick, however recently they were */
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

/* Sets the thread's current name. The record has the one from its first edge. */
static void set_name(struct feed *f, unsigned int i, struct gil_thread *t)
{
	struct name *n = &f->names[i];
	char comm[16] = "";

	if (f->names_now || n->tid != t->tid || gil_elapsed(n->read_ns, f->now) > NAME_NS) {
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
	int process = place->in_sink, gil = place->gil_in_sink;
	int row = f->to->row(f->to->ctx, process, gil, live->tid, false);

	place->hits += live->fig.acquisitions + live->fig.releases;
	if (row < 0) {
		f->err = row;
		return;
	}
	if (!f->to->row_changed(f->to->ctx, process, gil, row, seq) &&
	    !memcmp(f->names[i].name, live->name, sizeof(live->name)))
		return;
	probe__read_thread(f->probe, i, &f->record);
	memcpy(f->names[i].name, f->record.name, sizeof(f->record.name));
	set_name(f, i, &f->record);
	f->err = f->to->thread(f->to->ctx, process, gil, row, &f->record);
}

static void feed_threads(struct feed *f)
{
	unsigned int nr = probe__thread_limit(f->probe);

	f->err = f->err ?: at_least((void **)&f->names, &f->nr_names, nr, sizeof(*f->names));
	for (unsigned int i = 0; i < nr && !f->err; i++) {
		const struct gil_thread *t = probe__thread(f->probe, i);
		struct place *place = t->lock < f->nr_places ? &f->places[t->lock] : NULL;

		if (t->tid && place && place->process && t->pid == (__u32)place->process->pid)
			feed_thread(f, place, i, t);
	}
}

/* Rows of exited threads no longer change, except the one that sums up many threads. */
static void feed_exited(struct feed *f, struct process_gil *g, int process, int gil, bool sum)
{
	for (size_t i = sum ? 0 : g->fed; i < g->past.nr_threads && !f->err; i++) {
		const struct gil_thread *t = &g->past.threads[i];
		int row;

		if (!t->tid != sum)
			continue;
		row = f->to->row(f->to->ctx, process, gil, t->tid, true);
		f->err = row < 0 ? row : f->to->thread(f->to->ctx, process, gil, row, t);
		g->fed_hits += sum ? 0 : t->fig.acquisitions + t->fig.releases;
	}
	if (!sum)
		g->fed = g->past.nr_threads;
}

/* ---- processes ---- */

static void feed_gil(struct feed *f, const struct process *p, struct process_gil *g, int process)
{
	struct place *place;
	int gil;

	memset(&f->gil, 0, sizeof(f->gil));
	process_gil__describe(g, f->probe, &f->gil);
	f->gil.switch_interval_us = g->switch_interval_us;
	f->gil.waits_only = p->source->waits_only;
	f->gil.requests_unknown = !p->python.drop_request.known;
	f->err = process_gil__samples_now(g, f->probe, p->looker, p->pid, f->now, &f->gil);
	gil = f->err ?: f->to->gil(f->to->ctx, process, &f->gil);
	blame__free(f->gil.samples);
	if (gil < 0) {
		f->err = gil;
		return;
	}
	feed_exited(f, g, process, gil, false);
	if (g->lock < 0) { /* its interpreter is gone, so this is all */
		feed_exited(f, g, process, gil, true);
		f->err = f->err
				 ?: f->to->sums(f->to->ctx, process, gil, g->past.sums,
						g->past.nr_sums);
		return;
	}
	f->err = f->err
			 ?: at_least((void **)&f->places, &f->nr_places, (size_t)g->lock + 1,
				     sizeof(*f->places));
	if (f->err)
		return;
	place = &f->places[g->lock];
	*place = (struct place){p, g, process, gil, 0};
}

static void feed_process(void *ctx, struct process *p)
{
	struct feed *f = ctx;
	struct snapshot_process sp = {0};
	int process;

	if (f->err || !process__has_gil(p) || !p->nr_gils)
		return;
	process__describe(p, &sp, f->now);
	sp.start_ns = p->gils[0].lock < 0
			      ? p->gils[0].past.lock.start
			      : probe__lock(f->probe, (unsigned int)p->gils[0].lock)->start;
	/* It is not marked as ended before the last tick, because it is read again when its last
	 * thread is gone. */
	sp.exited = sp.exited && f->last;
	process = f->to->process(f->to->ctx, &sp);
	if (process < 0)
		f->err = process;
	for (size_t i = 0; i < p->nr_gils && !f->err; i++)
		feed_gil(f, p, &p->gils[i], process);
}

static void feed_past(struct feed *f)
{
	const struct snapshot *past = target__past(f->target);

	for (; f->past < past->nr_processes && !f->err; f->past++) {
		int i = f->to->whole_process(f->to->ctx, &past->processes[f->past]);

		f->err = i < 0 ? i : 0;
	}
}

/* ---- sums ---- */

static int feed_sum(void *ctx, unsigned int lock, const struct gil_sum *sum)
{
	struct feed *f = ctx;
	const struct place *place = lock < f->nr_places ? &f->places[lock] : NULL;

	if (!place || !place->process)
		return 0;
	return f->to->sums(f->to->ctx, place->in_sink, place->gil_in_sink, sum, 1);
}

static void feed_sums(struct feed *f, bool now)
{
	__u64 handoffs = 0;

	if (f->err || (!now && gil_elapsed(f->sums_ns, f->now) < SUMS_NS))
		return;
	for (size_t i = 0; i < f->nr_places; i++)
		if (f->places[i].process)
			handoffs += probe__lock(f->probe, (unsigned int)i)->handoff.count;
	f->sums_ns = f->now;
	if (handoffs == f->handoffs)
		return;
	f->handoffs = handoffs;
	f->err = probe__each_sum(f->probe, feed_sum, f);
}

/* ---- a tick ---- */

static __u64 gil_hits(const struct feed *f, const struct process_gil *g)
{
	const struct gil_lock *l =
		g->lock < 0 ? &g->past.lock : probe__lock(f->probe, (unsigned int)g->lock);
	__u64 hits = g->fed_hits + l->partial_holds + l->wait_slices;

	for (size_t i = g->past.nr_threads; g->past.nr_folded && i--;)
		if (!g->past.threads[i].tid)
			return hits + g->past.threads[i].fig.acquisitions +
			       g->past.threads[i].fig.releases;
	return hits;
}

struct counting {
	const struct feed *feed;
	struct process_count count;
};

static void count(void *ctx, struct process *p)
{
	struct counting *c = ctx;
	const struct feed *f = c->feed;
	__u64 hits = 0;

	for (size_t i = 0; i < p->nr_gils; i++) {
		int lock = p->gils[i].lock;

		hits += gil_hits(f, &p->gils[i]);
		if (lock >= 0 && (size_t)lock < f->nr_places && f->places[lock].process == p)
			hits += f->places[lock].hits;
	}
	process__count_with(p, hits, &c->count);
}

__u64 feed__hits(const struct feed *f, __u64 *usdt_hits)
{
	*usdt_hits = f->usdt_hits;
	return f->hits;
}

int feed__tick(struct feed *f, const struct tick_sink *to, enum feed_extent extent, long ns_per_hit)
{
	const struct snapshot *past = target__past(f->target);
	struct snapshot head = {0};
	struct counting c = {.feed = f};
	int err;

	for (size_t i = 0; i < f->nr_places; i++)
		f->places[i].process = NULL;
	f->to = to;
	f->names_now = extent >= FEED_NAMES;
	f->err = 0;
	f->last = target__is_frozen(f->target);
	target__describe(f->target, c.count, &head);
	f->now = head.end_ns;
	f->to->begin(f->to->ctx, f->now);
	feed_past(f);
	target__each(f->target, feed_process, f);
	feed_threads(f);
	for (size_t i = 0; i < f->nr_places && !f->err; i++)
		if (f->places[i].process)
			feed_exited(f, f->places[i].gil, f->places[i].in_sink,
				    f->places[i].gil_in_sink, true);
	feed_sums(f, extent == FEED_WHOLE || f->last);
	target__each(f->target, count, &c);
	target__describe(f->target, c.count, &head);
	f->hits = head.probe_hits;
	f->usdt_hits = head.usdt_hits;
	head.probe_ns_per_hit = ns_per_hit;
	head.unobserved = past->unobserved;
	head.nr_unobserved = past->nr_unobserved;
	head.nr_unlisted = past->nr_unlisted;
	head.end_ns = f->now;
	err = f->to->end(f->to->ctx, &head);
	return f->err ? f->err : err;
}
