// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "core/figures/blame_totals.h"
#include "edge/observe/native.h"
#include "edge/proc/proc_maps.h"
#include "edge/proc/proc_task.h"
#include "edge/observe/process_gil.h"

static bool is_own(pid_t pid, const struct gil_thread *t)
{
	return t->tid && t->pid == (__u32)pid;
}

/* ---- threads that have exited ---- */

/* The row that all further exited threads share. */
static struct gil_thread *folded_row(struct process_gil *g)
{
	struct gil_thread *t;

	if (g->past.nr_folded)
		return &g->past.threads[g->folded_at];
	t = snapshot_gil__add_thread(&g->past);
	if (!t)
		return NULL;
	strcpy(t->comm, "(exited)");
	g->folded_at = g->past.nr_threads - 1;
	return t;
}

/* The main thread keeps its row, and so does whoever weighs much. */
static bool keeps_row(struct process_gil *g, const struct gil_thread *t)
{
	__u64 weight = t->fig.hold.sum + t->fig.wait.sum;

	g->past_weight += weight;
	return t->tid == t->pid || snapshot__keeps_row(g->past.nr_threads, weight, g->past_weight);
}

static void keep(struct process_gil *g, struct probe *probe, unsigned int i,
		 const struct listener *to)
{
	struct snapshot_gil *past = &g->past;
	struct gil_thread *t;

	if (to && probe__thread(probe, i)->name[0]) {
		probe__entries(probe);
		to->named(to->ctx, i, probe__thread(probe, i));
	}
	if (keeps_row(g, probe__thread(probe, i))) {
		t = snapshot_gil__add_thread(past);
		if (t)
			probe__read_thread(probe, i, t);
		return;
	}
	t = folded_row(g);
	if (!t)
		return;
	gil_figures__add(&t->fig, &probe__thread(probe, i)->fig);
	past->nr_folded++;
	if (!to)
		return;
	probe__entries(probe);
	to->folded(to->ctx, i);
}

static struct process_gil *gil_with(struct process_gil *gils, size_t n, __u32 lock)
{
	for (size_t i = 0; i < n; i++)
		if (gils[i].lock == (int)lock)
			return &gils[i];
	return NULL;
}

static bool has_lock(const struct gil_process *record, __u32 lock)
{
	for (__u32 i = 0; i < record->nr_locks && i < GIL_PROCESS_LOCKS; i++)
		if (record->lock[i].address && record->lock[i].lock == lock)
			return true;
	return false;
}

bool process_gil__harvest(struct process_gil *gils, size_t n, struct probe *probe, pid_t pid,
			  const struct gil_process *later, const struct listener *to)
{
	bool all_gone = true;

	for (unsigned int i = 0; i < probe__thread_limit(probe); i++) {
		struct gil_thread *t = probe__thread(probe, i);
		struct process_gil *g;

		if (!is_own(pid, t))
			continue;
		/* In this order: an exit writes the state second to last, and the sequence count
		 * last. */
		if (__atomic_load_n(&t->state, __ATOMIC_ACQUIRE) != GIL_THREAD_GONE ||
		    __atomic_load_n(&t->seq, __ATOMIC_ACQUIRE) & 1) {
			all_gone = false;
			continue;
		}
		g = gil_with(gils, n, t->lock);
		if (!g && later && has_lock(later, t->lock))
			continue;
		if (g)
			keep(g, probe, i, to);
		probe__give_thread(probe, i);
	}
	return all_gone;
}

/* ---- the row ---- */

static int add_past_threads(const struct process_gil *g, struct snapshot_gil *to)
{
	for (size_t i = 0; i < g->past.nr_threads; i++) {
		struct gil_thread *t = snapshot_gil__add_thread(to);

		if (!t)
			return -1;
		*t = g->past.threads[i];
	}
	return 0;
}

static int add_live_threads(const struct process_gil *g, struct probe *probe, pid_t pid,
			    bool is_live, struct snapshot_gil *to)
{
	char comm[16] = "";

	for (unsigned int i = 0; i < probe__thread_limit(probe); i++) {
		const struct gil_thread *live = probe__thread(probe, i);
		struct gil_thread *t;

		if (!is_own(pid, live) || (int)live->lock != g->lock)
			continue;
		t = snapshot_gil__add_thread(to);
		if (!t)
			return -1;
		probe__read_thread(probe, i, t);
		/* Its current name; the record has the one from its first edge. */
		if (is_live && proc__comm(t->tid, comm))
			memcpy(t->comm, comm, sizeof(comm));
	}
	return 0;
}

static int add_past_sums(const struct process_gil *g, struct snapshot_gil *to)
{
	for (size_t i = 0; i < g->past.nr_sums; i++) {
		struct gil_sum *sum = snapshot_gil__add_sum(to);

		if (!sum)
			return -1;
		*sum = g->past.sums[i];
	}
	return 0;
}

void process_gil__describe(const struct process_gil *g, struct probe *probe,
			   struct snapshot_gil *to)
{
	to->main = g->interpreter == 0;
	to->sampled = g->blame != NULL;
	to->interpreter = g->interpreter;
	to->locked_at_start = g->locked_at_start;
	to->end_ns = g->end_ns;
	to->nr_folded = g->past.nr_folded;
	if (g->lock < 0)
		to->lock = g->past.lock;
	else
		probe__read_lock(probe, (unsigned int)g->lock, &to->lock);
}

/* Where the holder sleeps, if it does. */
static void put_holder_call(struct snapshot_gil *g, pid_t pid)
{
	const struct gil_thread *t = snapshot_gil__holder(g);
	const char *call;

	if (!t || t->state != GIL_THREAD_HOLDING || t->cpu != GIL_PART_BLOCKED || t->stopped)
		return;
	call = native__syscall(proc_task__syscall(pid, (pid_t)t->tid));
	snprintf(g->holder_call, sizeof(g->holder_call), "%s", call ? call : "");
}

struct snapshot_gil *process_gil__snapshot(const struct process_gil *g, struct probe *probe,
					   pid_t pid, bool is_live, struct snapshot_process *sp)
{
	struct snapshot_gil *to = snapshot_process__add_gil(sp);

	if (!to)
		return NULL;
	process_gil__describe(g, probe, to);
	if (add_past_threads(g, to))
		return NULL;
	if (g->lock < 0)
		return add_past_sums(g, to) ? NULL : to;
	if (add_live_threads(g, probe, pid, is_live, to) ||
	    probe__read_sums(probe, (unsigned int)g->lock, to))
		return NULL;
	if (is_live)
		put_holder_call(to, pid);
	return to;
}

/* The record of the thread that has the GIL; NULL if it is free, or if nobody knows. */
static const struct gil_thread *live_holder(const struct process_gil *g, struct probe *probe,
					    pid_t pid, const struct gil_lock *l)
{
	const struct gil_thread *t;

	if (g->lock < 0 || l->state != GIL_LOCK_HELD ||
	    l->bpf.last_record >= probe__thread_limit(probe))
		return NULL;
	t = probe__thread(probe, l->bpf.last_record);
	return is_own(pid, t) && t->tid == l->last_tid ? t : NULL;
}

int process_gil__samples_now(const struct process_gil *g, struct probe *probe, struct looker *l,
			     pid_t pid, __u64 now, struct snapshot_gil *to)
{
	const struct gil_thread *live = g->blame ? live_holder(g, probe, pid, &to->lock) : NULL;
	const struct blame_sample *open;
	struct gil_thread holder;
	struct gil_blame_gap gap;
	bool has_gap = live && probe__read_gap(probe, to->lock.bpf.last_record, &gap);

	if (!g->blame)
		return 0;
	if (has_gap)
		probe__read_thread(probe, to->lock.bpf.last_record, &holder);
	return process_blame__samples(g->blame, l, pid, has_gap ? &gap : NULL, &holder, to, now,
				      &to->samples, &open);
}

int process_gil__samples(const struct process_gil *g, struct probe *probe, struct looker *l,
			 pid_t pid, const struct snapshot_process *p, struct snapshot_gil *to,
			 const struct listener *listener)
{
	const struct gil_thread *holder = NULL;
	const struct blame_sample *open;
	struct gil_blame_gap gap;
	int err;

	if (!g->blame)
		return 0;
	for (size_t i = 0; i < to->nr_threads && !holder; i++)
		if (snapshot_gil__holds(to, &to->threads[i]) &&
		    probe__read_gap(probe, to->threads[i].bpf.record, &gap))
			holder = &to->threads[i];
	err = process_blame__samples(g->blame, l, pid, holder ? &gap : NULL, holder, to,
				     snapshot_gil__end(p, to), &to->samples, &open);
	if (!err && open && listener && listener->sample)
		listener->sample(listener->ctx, &to->lock, open);
	return err ?: blame_totals__functions(p, to);
}

/* ---- the end of an interpreter ---- */

void process_gil__end(struct process_gil *g, struct probe *probe, pid_t pid, __u64 now)
{
	g->end_ns = now;
	for (unsigned int i = 0; i < probe__thread_limit(probe); i++) {
		struct gil_thread *t = probe__thread(probe, i);

		if (is_own(pid, t) && (int)t->lock == g->lock)
			__atomic_store_n(&t->state, GIL_THREAD_GONE, __ATOMIC_RELEASE);
	}
}

bool process_gil__retire(struct process_gil *g, struct probe *probe, pid_t pid)
{
	for (unsigned int i = 0; i < probe__thread_limit(probe); i++)
		if (is_own(pid, probe__thread(probe, i)) &&
		    (int)probe__thread(probe, i)->lock == g->lock)
			return false;
	probe__read_lock(probe, (unsigned int)g->lock, &g->past.lock);
	probe__read_sums(probe, (unsigned int)g->lock, &g->past);
	probe__drop_sums(probe, (unsigned int)g->lock);
	probe__give_lock(probe, (unsigned int)g->lock);
	g->lock = -1;
	return true;
}

/* ---- counts ---- */

/* Sums over its living and exited threads. */
static void count(const struct process_gil *g, struct probe *probe, pid_t pid, __u64 *acquisitions,
		  __u64 *releases)
{
	*acquisitions = *releases = 0;
	for (size_t i = 0; i < g->past.nr_threads; i++) {
		*acquisitions += g->past.threads[i].fig.acquisitions;
		*releases += g->past.threads[i].fig.releases;
	}
	for (unsigned int i = 0; g->lock >= 0 && i < probe__thread_limit(probe); i++) {
		const struct gil_thread *t = probe__thread(probe, i);

		if (!is_own(pid, t) || (int)t->lock != g->lock)
			continue;
		*acquisitions += t->fig.acquisitions;
		*releases += t->fig.releases;
	}
}

__u64 process_gil__acquisitions(const struct process_gil *g, struct probe *probe, pid_t pid)
{
	__u64 acquisitions, releases;

	count(g, probe, pid, &acquisitions, &releases);
	return acquisitions;
}

__u64 process_gil__hits(const struct process_gil *g, struct probe *probe, pid_t pid)
{
	const struct gil_lock *l =
		g->lock < 0 ? &g->past.lock : probe__lock(probe, (unsigned int)g->lock);
	__u64 acquisitions, releases;

	count(g, probe, pid, &acquisitions, &releases);
	return acquisitions + releases + l->partial_holds + l->wait_slices;
}

void process_gil__clear(struct process_gil *g, struct probe *probe)
{
	free(g->past.threads);
	free(g->past.sums);
	memset(&g->past, 0, sizeof(g->past));
	process_blame__free(g->blame);
	g->blame = NULL;
	if (g->lock < 0)
		return;
	probe__drop_sums(probe, (unsigned int)g->lock);
	probe__give_lock(probe, (unsigned int)g->lock);
	g->lock = -1;
}
