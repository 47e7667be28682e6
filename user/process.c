// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clock.h"
#include "proc_maps.h"
#include "process.h"

/* Exited threads with a row of their own, per process; the rest share one. A row is 9 KiB. */
#define MAX_EXITED 1024

struct process *process__new(struct probe *probe, pid_t pid)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->probe = probe;
	p->pid = pid;
	p->index = p->lock = p->discarded = -1;
	p->locked_at_start = -1;
	return p;
}

void process__free(struct process *p)
{
	if (!p)
		return;
	process__detach(p);
	free(p->past.threads);
	free(p->past.edges);
	free(p);
}

int process__attach(struct process *p, const struct site_file *file, struct failure *f)
{
	bool is_libc = file->program == PROBE_COND;
	struct attachment **attachment = is_libc ? &p->cond : &p->usdt;
	const struct site_file **of = is_libc ? &p->libc : &p->interpreter;

	if (p->index < 0)
		p->index = probe__add_process(p->probe, p->pid);
	if (p->index < 0) {
		failure__what(f, "cannot observe process %d: the table of processes is full",
			      p->pid);
		return p->index;
	}
	probe__detach(p->probe, *attachment);
	*of = NULL;
	*attachment = probe__attach(p->probe, file->program, p->pid, p->index, file->open_path,
				    file->site, file->n, f);
	if (!*attachment)
		return -errno;
	p->attached_ns = clock_ns();
	*of = file;
	return 0;
}

void process__detach(struct process *p)
{
	process__detach_cond(p);
	process__detach_usdt(p);
}

void process__detach_cond(struct process *p)
{
	probe__detach(p->probe, p->cond);
	p->cond = NULL;
}

void process__detach_usdt(struct process *p)
{
	probe__detach(p->probe, p->usdt);
	p->usdt = NULL;
}

unsigned int process__sources(const struct process *p)
{
	const struct gil_process *record =
		p->index >= 0 ? probe__process(p->probe, p->index) : NULL;

	return record ? record->sources : 0;
}

void process__set_sources(struct process *p, unsigned int sources)
{
	struct gil_process *record = probe__process(p->probe, p->index);

	__atomic_store_n(&record->sources, sources, __ATOMIC_SEQ_CST);
}

/* True if the kernel has supposed the right GIL. If not, from here on it will not suppose any. */
static bool supposed_right(const struct process *p, struct gil_process *record)
{
	const struct timespec moment = {.tv_nsec = 10 * 1000};
	__u32 state = GIL_PROCESS_NEW;

	if (__atomic_compare_exchange_n(&record->state, &state, GIL_PROCESS_QUIET, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	for (int i = 0; i < 100 && state == GIL_PROCESS_SUPPOSING; i++) {
		nanosleep(&moment, NULL);
		state = __atomic_load_n(&record->state, __ATOMIC_SEQ_CST);
	}
	return state == GIL_PROCESS_TRACED && record->nr_locks &&
	       record->lock[0].address == p->python.gil;
}

static int trace_from_now(struct process *p, struct gil_process *record)
{
	__u64 now;

	p->lock = probe__take_lock(p->probe);
	if (p->lock < 0)
		return p->lock;
	now = clock_ns();
	gil_lock_begin(probe__lock(p->probe, p->lock), p->pid, p->python.gil, now);
	record->lock[0] = (struct gil_process_lock){.address = p->python.gil, .lock = p->lock};
	record->drop_request = p->python.drop_request;
	record->nr_locks = 1;
	__atomic_store_n(&record->state, GIL_PROCESS_TRACED, __ATOMIC_SEQ_CST);
	/* Only used if no edge is ever seen: then the word has not changed since. */
	p->locked_at_start = python__locked(p->pid, &p->python);
	p->late_ns = p->born_ns ? gil_elapsed(p->born_ns, now) : 0;
	return 0;
}

int process__trace(struct process *p)
{
	struct gil_process *record = probe__process(p->probe, p->index);
	int err = 0;

	if (supposed_right(p, record)) {
		record->drop_request = p->python.drop_request;
		p->lock = record->lock[0].lock;
		p->late_ns = p->born_ns ? gil_elapsed(p->born_ns, p->attached_ns) : 0;
	} else {
		process__discard(p);
		err = trace_from_now(p, record);
	}
	if (!err)
		p->state = PROCESS_TRACED;
	return err;
}

void process__discard(struct process *p)
{
	struct gil_process *record = probe__process(p->probe, p->index);

	if (!record)
		return;
	__atomic_store_n(&record->state, GIL_PROCESS_QUIET, __ATOMIC_SEQ_CST);
	if (record->nr_locks)
		p->discarded = record->lock[0].lock;
	record->nr_locks = 0;
}

void process__freeze(struct process *p)
{
	struct gil_process *record = p->index >= 0 ? probe__process(p->probe, p->index) : NULL;

	if (record)
		__atomic_store_n(&record->state, GIL_PROCESS_QUIET, __ATOMIC_SEQ_CST);
}

void process__refresh(struct process *p)
{
	long interval;

	if (p->state != PROCESS_TRACED)
		return;
	interval = python__switch_interval(p->pid, &p->python);
	if (interval > 0)
		p->python.switch_interval_us = interval;
}

int process__inherit(struct process *p, const struct process *parent, struct failure *f)
{
	struct gil_process *record;
	int err;

	err = process__attach(p, parent->usdt ? parent->interpreter : parent->libc, f);
	if (err)
		return err;
	p->by_usdt = p->usdt != NULL;
	if (p->by_usdt)
		process__set_sources(p, GIL_SOURCE_USDT);
	if (parent->state != PROCESS_TRACED)
		return 0;
	p->python = parent->python;
	memcpy(p->source_why, parent->source_why, sizeof(p->source_why));
	record = probe__process(p->probe, p->index);
	if (record->image)
		return 0; /* it has executed something else by now: the event is on its way */
	err = process__trace(p);
	if (err)
		failure__what(f, "the table of GILs is full");
	return err;
}

/* ---- threads ---- */

static bool is_own(const struct process *p, const struct gil_thread *t)
{
	return t->tid && t->pid == (__u32)p->pid;
}

static __u64 thread_hits(const struct gil_thread *t)
{
	return t->fig.acquisitions + t->fig.releases;
}

/* The row that all further exited threads share. */
static struct gil_thread *folded_row(struct snapshot_gil *g)
{
	struct gil_thread *t;

	if (g->nr_folded)
		return &g->threads[MAX_EXITED];
	t = snapshot_gil__add_thread(g);
	if (t)
		strcpy(t->comm, "(exited)");
	return t;
}

static void keep(struct process *p, unsigned int i)
{
	struct snapshot_gil *g = &p->past;
	struct gil_thread *t;

	p->past_hits += thread_hits(probe__thread(p->probe, i));
	if (g->nr_threads < MAX_EXITED) {
		t = snapshot_gil__add_thread(g);
		if (t)
			probe__read_thread(p->probe, i, t);
		return;
	}
	t = folded_row(g);
	if (!t)
		return;
	gil_figures__add(&t->fig, &probe__thread(p->probe, i)->fig);
	g->nr_folded++;
}

bool process__harvest(struct process *p)
{
	bool all_gone = true;

	for (unsigned int i = 0; i < probe__thread_limit(p->probe); i++) {
		struct gil_thread *t = probe__thread(p->probe, i);

		if (!is_own(p, t))
			continue;
		/* In this order: the state is the last but one that an exit writes. */
		if (__atomic_load_n(&t->state, __ATOMIC_ACQUIRE) != GIL_THREAD_GONE ||
		    __atomic_load_n(&t->seq, __ATOMIC_ACQUIRE) & 1) {
			all_gone = false;
			continue;
		}
		if ((int)t->lock == p->lock)
			keep(p, i);
		probe__give_thread(p->probe, i);
	}
	return all_gone;
}

static int add_threads(struct process *p, struct snapshot_gil *g)
{
	char comm[16] = "";
	struct gil_thread *t;

	for (size_t i = 0; i < p->past.nr_threads; i++) {
		t = snapshot_gil__add_thread(g);
		if (!t)
			return -ENOMEM;
		*t = p->past.threads[i];
	}
	for (unsigned int i = 0; i < probe__thread_limit(p->probe); i++) {
		const struct gil_thread *live = probe__thread(p->probe, i);

		if (!is_own(p, live) || (int)live->lock != p->lock)
			continue;
		t = snapshot_gil__add_thread(g);
		if (!t)
			return -ENOMEM;
		probe__read_thread(p->probe, i, t);
		/* Its present name: the record has the one it had at its first edge. */
		if (p->state == PROCESS_TRACED && proc__comm(t->tid, comm))
			memcpy(t->comm, comm, sizeof(comm));
	}
	return 0;
}

void process__describe_gil(const struct process *p, struct snapshot_gil *g)
{
	g->main = true;
	g->locked_at_start = p->locked_at_start;
	g->switch_interval_us = p->python.switch_interval_us;
	g->requests_unknown = !p->python.drop_request.known;
	g->nr_folded = p->past.nr_folded;
	probe__read_lock(p->probe, p->lock, &g->lock);
}

static int add_gil(struct process *p, struct snapshot_process *sp)
{
	struct snapshot_gil *g = snapshot_process__add_gil(sp);

	if (!g)
		return -ENOMEM;
	process__describe_gil(p, g);
	sp->start_ns = g->lock.start;
	return add_threads(p, g) ?: probe__read_pairs(p->probe, p->lock, g);
}

void process__describe(const struct process *p, struct snapshot_process *sp, __u64 now)
{
	sp->pid = p->pid;
	memcpy(sp->comm, p->comm, sizeof(sp->comm));
	memcpy(sp->python, p->python.version, sizeof(sp->python));
	strcpy(sp->source, p->by_usdt ? "usdt" : "uprobe");
	memcpy(sp->source_why, p->source_why, sizeof(sp->source_why));
	sp->free_threaded = p->python.free_threaded;
	sp->exited = p->end_ns != 0;
	sp->end_ns = p->end_ns ? p->end_ns : now;
	sp->start_ns = sp->end_ns;
	sp->late_ns = p->late_ns;
}

int process__snapshot(struct process *p, struct snapshot *s, __u64 now)
{
	struct snapshot_process *sp = snapshot__add_process(s);

	if (!sp)
		return -ENOMEM;
	process__describe(p, sp, now);
	return p->lock < 0 ? 0 : add_gil(p, sp);
}

void process__give_records(struct process *p)
{
	struct gil_process *record = p->index >= 0 ? probe__process(p->probe, p->index) : NULL;

	for (unsigned int i = 0; i < probe__thread_limit(p->probe); i++)
		if (is_own(p, probe__thread(p->probe, i)) &&
		    probe__thread(p->probe, i)->state == GIL_THREAD_GONE)
			probe__give_thread(p->probe, i);
	free(p->past.threads);
	memset(&p->past, 0, sizeof(p->past));
	p->past_hits = 0;
	/* They have been counted for the program that ends here; another may follow. */
	if (record)
		record->other_hits = record->dropped = 0;
	if (p->discarded >= 0)
		probe__give_lock(p->probe, p->discarded);
	p->discarded = -1;
	if (p->lock < 0)
		return;
	probe__drop_pairs(p->probe, p->lock);
	probe__give_lock(p->probe, p->lock);
	p->lock = -1;
}

__u64 process__live_hits(const struct process *p)
{
	__u64 hits = 0;

	for (unsigned int i = 0; p->lock >= 0 && i < probe__thread_limit(p->probe); i++) {
		const struct gil_thread *t = probe__thread(p->probe, i);

		if (is_own(p, t) && (int)t->lock == p->lock)
			hits += thread_hits(t);
	}
	return hits;
}

/* The edges of its GIL that no thread's record has. */
static __u64 gil_hits(const struct process *p)
{
	const struct gil_lock *l = probe__lock(p->probe, p->lock);

	return l->partial_holds + l->wait_slices + p->past_hits;
}

void process__count(const struct process *p, __u64 live_hits, struct process_count *count)
{
	const struct gil_process *record =
		p->index >= 0 ? probe__process(p->probe, p->index) : NULL;
	__u64 hits = live_hits;

	if (record) {
		hits += record->other_hits + record->dropped;
		count->dropped += record->dropped;
	}
	if (p->lock >= 0)
		hits += gil_hits(p);
	count->hits += hits;
	if (p->by_usdt)
		count->usdt_hits += hits;
}
