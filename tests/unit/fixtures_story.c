// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixtures.h"

struct story story__begin(struct snapshot *s, pid_t pid, const char *comm)
{
	struct story st = {.snapshot = s, .now = FIXTURE_START};

	st.process = snapshot__add_process(s);
	st.process->pid = pid;
	snprintf(st.process->comm, sizeof(st.process->comm), "%s", comm);
	strcpy(st.process->python, "3.11.2");
	strcpy(st.process->source, "uprobe");
	st.process->start_ns = FIXTURE_START;
	st.gil = snapshot_process__add_gil(st.process);
	st.gil->main = true;
	st.gil->locked_at_start = -1;
	st.gil->switch_interval_us = 5000;
	gil_lock_begin(&st.gil->lock, pid, 0x955a28, FIXTURE_START);
	return st;
}

__u32 story__thread(struct story *st, __u32 tid, const char *comm)
{
	struct gil_thread *t = snapshot_gil__add_thread(st->gil);

	t->tid = tid;
	t->pid = st->process->pid;
	t->state = GIL_THREAD_IDLE;
	memcpy(t->comm, comm, strnlen(comm, sizeof(t->comm)));
	return tid;
}

static struct gil_thread *find_thread(struct story *st, __u32 tid)
{
	for (size_t i = 0; i < st->gil->nr_threads; i++) {
		if (st->gil->threads[i].tid == tid)
			return &st->gil->threads[i];
	}
	abort();
}

static void count_handoff(struct snapshot_gil *g, const struct gil_handoff *h)
{
	__u64 key = gil_pair(h->from, h->to);

	for (size_t i = 0; i < g->nr_sums; i++) {
		struct gil_sum *e = &g->sums[i];

		if (e->key == key) {
			e->count++;
			e->ns += h->wait_ns;
			return;
		}
	}
	*snapshot_gil__add_sum(g) = (struct gil_sum){.key = key, .count = 1, .ns = h->wait_ns};
}

void story__edge(struct story *st, __u32 tid, enum gil_edge_kind kind, __u32 flags)
{
	struct gil_edge e = {.ts = st->now, .tid = tid, .kind = (__u16)kind, .flags = (__u16)flags};
	struct gil_handoff h = gil_model_step(&st->gil->lock, find_thread(st, tid), &e);

	st->snapshot->probe_hits += kind <= GIL_EDGE_RELEASE;
	if (h.count)
		count_handoff(st->gil, &h);
}

void (*story_watch)(struct story *st);

/* Waiters sleep for one switch interval at a time, and then ask the holder to let go. Returns the
 * one whose next slice begins first, and not after `until`; NULL if there is none. */
static struct gil_thread *next_slice(const struct story *st, __u64 until)
{
	__u64 interval = (__u64)st->gil->switch_interval_us * 1000;
	struct gil_thread *first = NULL;

	for (size_t i = 0; st->gil->switch_interval_us > 0 && i < st->gil->nr_threads; i++) {
		struct gil_thread *t = &st->gil->threads[i];

		if (t->state == GIL_THREAD_WAITING && t->slice + interval <= until &&
		    (!first || t->slice < first->slice))
			first = t;
	}
	return first;
}

void story__pass(struct story *st, __u64 ns)
{
	__u64 interval = (__u64)st->gil->switch_interval_us * 1000, until = st->now + ns;
	struct gil_thread *t;

	while (!st->no_slices && (t = next_slice(st, until)))
		gil_model_wait(&st->gil->lock, t, t->slice + interval);
	st->now = until;
	if (story_watch)
		story_watch(st);
}

void story__end(struct story *st, bool exited)
{
	st->process->exited = exited;
	st->process->end_ns = st->now;
	st->snapshot->start_ns = FIXTURE_START;
	if (st->now > st->snapshot->end_ns)
		st->snapshot->end_ns = st->now;
}

void story__wait(struct story *st, __u32 tid)
{
	story__edge(st, tid, GIL_EDGE_WAIT, 0);
	story__pass(st, 2 * US);
	story__edge(st, tid, GIL_EDGE_SWITCH_OUT, 0);
}

void story__hand_over(struct story *st, __u32 from, __u32 to, bool requested)
{
	story__edge(st, from, GIL_EDGE_RELEASE, requested ? GIL_EDGE_F_REQUESTED : 0);
	story__pass(st, 1 * US);
	story__edge(st, to, GIL_EDGE_WAKE, 0);
	story__pass(st, 7 * US);
	story__edge(st, to, GIL_EDGE_SWITCH_IN, 0);
	story__pass(st, 2 * US);
	story__edge(st, to, GIL_EDGE_ACQUIRE, 0);
}
