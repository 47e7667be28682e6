// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who has the GIL when a running process is attached to. A hung program is the most common reason to
 * attach to one, and its holder does nothing that a probe could see: so the interpreter is asked who it
 * is, and /proc whether it sleeps. The thread gets a record before any edge counts. From then on the
 * scheduler's programs follow it, and the model believes the record until an edge contradicts it.
 */
#include <errno.h>
#include <string.h>

#include "edge/observe/process_private.h"
#include "edge/proc/proc_maps.h"
#include "edge/proc/proc_task.h"
#include "gil_stream.h"

#define TRIES 5

static __u8 place_of(const struct proc_task *t)
{
	if (t->state == 'T' || t->state == 't')
		return GIL_FOUND_STOPPED;
	return t->state == 'R' ? GIL_PART_ONCPU : GIL_PART_BLOCKED;
}

/* Tells a recording, which otherwise learns of a thread by its first edge. */
static void tell(const struct process *p, const struct gil_lock *l, struct gil_thread *t)
{
	struct gil_stream_thread e = {
		.edge = {.ts = t->since,
			 .thread = t->bpf.record,
			 .kind = GIL_STREAM_THREAD,
			 .flags = t->state},
		.gil = {.address = l->address, .start = l->start, .pid = l->pid},
		.tid = t->tid,
		.cpu = t->stopped ? GIL_FOUND_STOPPED : t->cpu,
	};

	if (!p->listener)
		return;
	memcpy(e.comm, t->comm, sizeof(e.comm));
	t->bpf.told = 1;
	probe__entries(p->probe); /* another thread may have had the record */
	p->listener->entry(p->listener->ctx, &e, sizeof(e));
}

/* The programs on the scheduler follow the thread from now on. What it did just before that is
 * settled by looking twice: once they have changed the record, it is right. */
static bool follow(struct process *p, const struct gil_lock *l, struct gil_thread *t)
{
	struct proc_task before, after;

	for (int i = 0; i < TRIES; i++) {
		if (!proc_task__read(p->pid, (pid_t)t->tid, &before) || before.exits)
			return false;
		if (__atomic_load_n(&t->seq, __ATOMIC_ACQUIRE))
			break;
		gil_model_found(t, place_of(&before), l->start);
		tell(p, l, t);
		if (!i && probe__enter_thread(p->probe, t->bpf.record))
			return false;
		if (!proc_task__read(p->pid, (pid_t)t->tid, &after) || after.exits)
			return false;
		if (after.switches == before.switches && after.state == before.state)
			break;
	}
	return true;
}

struct gil_thread *process__find_holder(struct process *p)
{
	struct gil_lock *l = probe__lock(p->probe, (unsigned int)p->gils[0].lock);
	long tid = looker__holder(p->looker, p->bound, &p->python);
	struct gil_thread *t;
	int i;

	p->holder = tid;
	tid = tid > 0 ? proc_task__host_number(p->pid, tid) : -1;
	i = tid > 0 ? probe__take_thread(p->probe) : -1;
	if (i < 0)
		return NULL;
	t = probe__thread(p->probe, (unsigned int)i);
	t->pid = (__u32)p->pid;
	t->lock = (__u32)p->gils[0].lock;
	t->bpf.record = (__u32)i;
	t->tid = (__u32)tid;
	proc__comm((pid_t)tid, t->comm);
	gil_model_found(t, GIL_PART_ONCPU, l->start);
	if (follow(p, l, t))
		return t;
	/* It ends. Its exit gives the record back, if the kernel has been told of it in time. */
	gil_thread_exit(t, l->start);
	return NULL;
}

void process__confirm_holder(struct process *p, struct gil_thread *t)
{
	const struct gil_lock *l;

	if (!t)
		return; /* a Python 2 has no GIL yet */
	l = probe__lock(p->probe, (unsigned int)p->gils[0].lock);
	/* If an edge has come meanwhile, the model knows whether it fits. */
	if (looker__holder(p->looker, p->bound, &p->python) == p->holder ||
	    l->state != GIL_LOCK_UNSEEN || __atomic_load_n(&t->seq, __ATOMIC_ACQUIRE))
		return;
	t->state = GIL_THREAD_UNSEEN;
	tell(p, l, t);
}
