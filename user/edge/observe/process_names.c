// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What a program calls its threads. The kernel has such names from CPython 3.14 on only, cut to 15
 * bytes. The names are kept in the threads' records, so a thread that ends keeps the last one.
 *
 * They are read when a thread without one is first seen, a few times more in case it was just being
 * made, and now and then because they can change. A look takes some microseconds for each thread of the
 * process, and never more than a small share of the time.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "edge/observe/process_private.h"
#include "edge/proc/proc_maps.h"
#include "edge/proc/proc_task.h"

#define TRIES    3
#define AGAIN_NS 5000000000ULL
/* From one look to the next, at least this many times as long as the look took. */
#define SHARE 50

/* The names that were found, by the threads' numbers in their own pid namespace. */
struct names {
	struct python_thread_name list[LOOKER_NAMES];
	bool used[LOOKER_NAMES];
	size_t nr;
	char comm[16]; /* the kernel's name for the process */
};

static int compare(const void *a, const void *b)
{
	const struct python_thread_name *x = a, *y = b;

	return (x->tid > y->tid) - (x->tid < y->tid);
}

/* True if threading has made the name: "Thread-3 (serve)". */
static bool is_made_up(const char *name)
{
	const char *dash = strchr(name, '-');

	return dash && (!strncmp(name, "Thread-", 7) || !strncmp(name, "Dummy-", 6)) &&
	       dash[1] >= '0' && dash[1] <= '9';
}

/* True if the program has given the kernel a name for the thread, but none to threading. A thread begins
 * with the kernel's name of the one that has made it, or, from 3.14 on, with the beginning of the other. */
static bool kernel_knows_better(const struct gil_thread *t, const char *name,
				const char *comm_of_process)
{
	char comm[16];

	return is_made_up(name) && t->tid != t->pid && proc__comm((pid_t)t->tid, comm) &&
	       strcmp(comm, comm_of_process) != 0 && strncmp(name, comm, strlen(comm)) != 0;
}

static void give(struct process *p, unsigned int i, const char *name)
{
	struct gil_thread *t = probe__thread(p->probe, i);

	memset(t->name, 0, sizeof(t->name));
	snprintf(t->name, sizeof(t->name), "%s", name);
}

/* Names a thread's record, if the thread is listed. */
static void name_thread(struct process *p, struct names *n, unsigned int i, bool same_numbers)
{
	const struct gil_thread *t = probe__thread(p->probe, i);
	struct python_thread_name key = {.tid = (pid_t)t->tid}, *found;
	const char *name;

	if (!same_numbers)
		key.tid = (pid_t)proc_task__own_number(p->pid, t->tid);
	found = bsearch(&key, n->list, n->nr, sizeof(*n->list), compare);
	if (!found)
		return;
	n->used[found - n->list] = true;
	name = kernel_knows_better(t, found->name, n->comm) ? "" : found->name;
	if (strcmp(t->name, name) != 0)
		give(p, i, name);
}

/* Up to 3.12, the thread that has called fork keeps the number that it had in the parent. It is the
 * child's first thread, and the only one whose number is nobody's. */
static void name_forked(struct process *p, const struct names *n, unsigned int first)
{
	size_t unused = 0, which = 0;

	for (size_t i = 0; i < n->nr; i++)
		if (!n->used[i]) {
			unused++;
			which = i;
		}
	if (unused == 1 && proc_task__host_number(p->pid, n->list[which].tid) < 0)
		give(p, first, n->list[which].name);
}

__u32 process__unnamed(const struct gil_thread *t)
{
	return t->tid && t->state != GIL_THREAD_GONE && !t->name[0] ? t->tid * 2654435761U : 0;
}

/* Gives the names to the threads' records. Returns the sum of process__unnamed over them. */
static __u32 name_threads(struct process *p, struct names *n)
{
	bool same_numbers = proc_task__own_number(p->pid, p->pid) == p->pid;
	unsigned int nr = probe__thread_limit(p->probe), first = nr;
	__u32 unnamed = 0;

	proc__comm(p->pid, n->comm);
	qsort(n->list, n->nr, sizeof(*n->list), compare);
	for (unsigned int i = 0; i < nr; i++) {
		const struct gil_thread *t = probe__thread(p->probe, i);

		if (t->pid != (__u32)p->pid || !t->tid || t->state == GIL_THREAD_GONE)
			continue;
		name_thread(p, n, i, same_numbers);
		if (t->tid == t->pid && !t->name[0])
			first = i;
		unnamed += process__unnamed(t);
	}
	if (first < nr)
		name_forked(p, n, first);
	return unnamed;
}

static void tell(const struct process *p)
{
	const struct listener *to = p->listener;

	if (!to)
		return;
	probe__entries(p->probe);
	for (unsigned int i = 0; i < probe__thread_limit(p->probe); i++) {
		const struct gil_thread *t = probe__thread(p->probe, i);

		if (t->pid == (__u32)p->pid && t->tid && t->name[0])
			to->named(to->ctx, i, t);
	}
}

static bool is_due(struct process *p, __u32 unnamed)
{
	__u64 now = clock_ns();

	if (unnamed != p->unnamed)
		p->name_tries = unnamed ? TRIES : 0;
	p->unnamed = unnamed;
	return now >= p->next_names_ns &&
	       (p->name_tries || gil_elapsed(p->names_ns, now) >= AGAIN_NS);
}

void process__look_at_names(struct process *p, __u32 unnamed, bool now)
{
	struct names *n;
	__u64 begin_ns;
	int found;

	if (p->state != PROCESS_TRACED || (!is_due(p, unnamed) && !now))
		return;
	n = calloc(1, sizeof(*n));
	if (!n)
		return;
	begin_ns = clock_ns();
	found = looker__threads(p->looker, p->bound, &p->python, n->list);
	if (found > 0) {
		n->nr = (size_t)found;
		p->unnamed = name_threads(p, n);
		tell(p);
	}
	free(n);
	p->name_tries -= p->name_tries ? 1 : 0;
	p->names_ns = clock_ns();
	p->next_names_ns = p->names_ns + SHARE * gil_elapsed(begin_ns, p->names_ns);
}
