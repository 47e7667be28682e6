// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who has the GIL when a running process is attached to, and who waits for it. A hung program is the most common reason to
 * attach to one, and its holder does nothing that a probe could see: so the interpreter is asked who it
 * is, and /proc whether it sleeps. The thread gets a record before any edge counts. From then on the
 * scheduler's programs follow it, and the model believes the record until an edge contradicts it.
 *
 * A thread that waits sleeps in futex, on a word of the GIL's own condition variable, which /proc tells;
 * in a Python 2, on the semaphore. It shows itself by an edge within a switch interval, but that may be
 * long. musl's condition variables have their words elsewhere, so there nobody is found.
 */
#include <errno.h>
#include <string.h>

#include "edge/observe/process_private.h"
#include "edge/proc/proc_maps.h"
#include "edge/proc/proc_task.h"
#include "gil_stream.h"

#define TRIES 5

#define COND_SIZE      48 /* of glibc's pthread_cond_t */
#define SEMAPHORE_SIZE 32 /* of its sem_t */
#define MOST_THREADS   4096

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

static struct gil_thread *new_thread(const struct process *p, int lock, int record, pid_t tid)
{
	struct gil_thread *t = probe__thread(p->probe, (unsigned int)record);

	t->pid = (__u32)p->pid;
	t->lock = (__u32)lock;
	t->bpf.record = (__u32)record;
	t->bpf.futex = p->source->waits_only;
	t->tid = (__u32)tid;
	proc__comm(tid, t->comm);
	return t;
}

/* Who has it now, by the thread's own number. */
static long holder_of(const struct process *p, const struct process_gil *g)
{
	struct python python = p->python;

	python.gil = g->address;
	return looker__holder(p->looker, p->bound, &python);
}

struct gil_thread *process__find_holder(struct process *p)
{
	struct process_gil *g = &p->gils[p->nr_gils - 1];
	struct gil_lock *l = probe__lock(p->probe, (unsigned int)g->lock);
	long tid = holder_of(p, g);
	struct gil_thread *t;
	int i;

	g->holder = tid;
	tid = tid > 0 ? proc_task__host_number(p->pid, tid) : -1;
	i = tid > 0 ? probe__take_thread(p->probe) : -1;
	if (i < 0)
		return NULL;
	t = new_thread(p, g->lock, i, (pid_t)tid);
	gil_model_found(t, GIL_PART_ONCPU, l->start);
	if (follow(p, l, t))
		return t;
	/* It ends. Its exit gives the record back, if the kernel has been told of it in time. */
	gil_thread_exit(t, l->start);
	return NULL;
}

void process__confirm_holder(struct process *p, size_t g, struct gil_thread *t)
{
	const struct gil_lock *l;

	if (!t)
		return;
	l = probe__lock(p->probe, (unsigned int)p->gils[g].lock);
	/* If an edge has come meanwhile, the model knows whether it fits. */
	if (holder_of(p, &p->gils[g]) == p->gils[g].holder || l->state != GIL_LOCK_UNSEEN ||
	    __atomic_load_n(&t->seq, __ATOMIC_ACQUIRE))
		return;
	t->state = GIL_THREAD_UNSEEN;
	tell(p, l, t);
}

/* ---- who waits ---- */

struct search {
	struct process *p;
	struct gil_lock *l;
	int lock; /* its record */
	pid_t holder; /* has a record, although it may have let go by now, and wait; 0: nobody has one */
};

static bool waits(const struct process *p, const struct gil_lock *l, pid_t tid)
{
	unsigned long long at = proc_task__futex(p->pid, tid);

	if (p->python.semaphore_at)
		return at >= l->address && at < l->address + SEMAPHORE_SIZE;
	return at >= l->address + GIL_OFFSET_COND && at < l->address + GIL_OFFSET_COND + COND_SIZE;
}

static void forget(const struct process *p, struct gil_lock *l, struct gil_thread *t)
{
	gil_model_found_no_more(l, t);
	tell(p, l, t);
}

static bool find_waiter(void *ctx, pid_t tid)
{
	const struct search *s = ctx;
	struct proc_task before, after;
	struct gil_thread *t;
	int i;

	if (tid == s->holder || !proc_task__read(s->p->pid, tid, &before) ||
	    !waits(s->p, s->l, tid))
		return true;
	i = probe__take_thread(s->p->probe);
	if (i < 0)
		return false;
	t = new_thread(s->p, s->lock, i, tid);
	gil_model_found_waiting(s->l, t, s->l->start);
	tell(s->p, s->l, t);
	if (probe__enter_thread(s->p->probe, t->bpf.record)) {
		gil_model_exit(s->l, t, s->l->start);
		return true;
	}
	/* Unless it has slept all the time, it is not known what it does. */
	if (!proc_task__read(s->p->pid, tid, &after) || after.switches != before.switches ||
	    !waits(s->p, s->l, tid))
		forget(s->p, s->l, t);
	return true;
}

void process__find_waiters(struct process *p, const struct gil_thread *holder)
{
	int lock = p->gils[p->nr_gils - 1].lock;
	struct search s = {
		.p = p,
		.l = probe__lock(p->probe, (unsigned int)lock),
		.lock = lock,
		.holder = holder ? (pid_t)holder->tid : 0,
	};

	proc_task__each(p->pid, MOST_THREADS, find_waiter, &s);
}

void process__forget_found(struct process *p)
{
	int lock = p->gils[p->nr_gils - 1].lock;
	struct gil_lock *l = probe__lock(p->probe, (unsigned int)lock);

	/* Threads that have ended lose their records at the next look. */
	for (unsigned int i = 0; i < probe__thread_limit(p->probe); i++) {
		struct gil_thread *t = probe__thread(p->probe, i);

		if (t->tid && t->pid == (__u32)p->pid && (int)t->lock == lock)
			gil_model_exit(l, t, l->start);
	}
}

unsigned int process__confirm_waiters(struct process *p, size_t g)
{
	struct gil_lock *l = probe__lock(p->probe, (unsigned int)p->gils[g].lock);
	unsigned int n = 0;

	for (unsigned int i = 0; i < probe__thread_limit(p->probe); i++) {
		struct gil_thread *t = probe__thread(p->probe, i);

		if (t->pid != (__u32)p->pid || (int)t->lock != p->gils[g].lock ||
		    t->state != GIL_THREAD_WAITING || !t->partial || t->since != l->start)
			continue;
		if (waits(p, l, (pid_t)t->tid))
			n++;
		else
			forget(p, l, t);
	}
	return n;
}
