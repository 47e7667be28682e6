// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Looks for interpreters: in processes that are known but not yet a CPython, again and again, and
 * in those that run when the observation begins.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "edge/observe/target_private.h"
#include "edge/proc/proc_list.h"
#include "edge/proc/proc_maps.h"

#define MS           1000000ULL
#define FIRST_TRY_NS (2 * MS)
#define LAST_TRY_NS  (500 * MS)
/* From one look to the next, at least this many times as long as the look took: a program with very
 * many mappings must not keep gilscope from observing the others. */
#define LOOK_SHARE 20
/* When looks are this far apart, a program must be fully loaded. */
#define LAST_START_NS (128 * MS)

void target__try_later(struct target *t, struct process *p)
{
	__u64 least = p->look_ns * LOOK_SHARE;

	p->try_delay_ns = p->try_delay_ns ? 2 * p->try_delay_ns : FIRST_TRY_NS;
	if (p->try_delay_ns > LAST_TRY_NS) {
		p->try_delay_ns = LAST_TRY_NS;
		/* All of those that have been no CPython for long share that time. */
		least *= t->nr_searching ?: 1;
	}
	p->next_try_ns = clock_ns() + (p->try_delay_ns > least ? p->try_delay_ns : least);
}

bool target__is_no_python_yet(int err)
{
	return err == -ENOENT || err == -EAGAIN;
}

/* Contradictions can mean that the program is only half loaded. */
static bool may_be_starting(const struct process *p, int err)
{
	return err == -EPROTO && p->try_delay_ns < LAST_START_NS;
}

/* Call when the interpreter is known. Its edges count, from the first edge of the guessed GIL or
 * from now on. */
static int begin(struct target *t, struct process *p, struct failure *f)
{
	struct source_choice chosen;
	int err = sources__attach(&t->sources, p, &chosen, f);

	if (err)
		return err;
	err = process__trace(p);
	if (err) {
		failure__what(f, "cannot observe process %d: %s", p->pid,
			      err == -EAGAIN ? "it is executing another program right now"
					     : "the table of GILs is full");
		return err;
	}
	t->nr_seen++;
	err = sources__settle(p, &chosen, f);
	process__tell(p);
	return err;
}

int target__look(struct target *t, struct process *p, bool supposed)
{
	struct failure f = {0};
	__u64 begin_ns = clock_ns();
	int err = looker__inspect(t->looker, p->bound, &p->python, &f);

	p->looked_ns = begin_ns;
	p->look_ns = gil_elapsed(begin_ns, clock_ns());
	proc__comm(p->pid, p->comm);
	if (!err)
		process__read_command(p);
	if (!err)
		err = begin(t, p, &f);
	if (!err)
		return 0;
	if (err == -ESRCH) {
		/* Its exit event is on its way, if the kernel knows it. */
		p->next_try_ns = clock_ns() + LAST_TRY_NS;
		if (p->index < 0)
			p->state = PROCESS_ENDED, p->end_ns = clock_ns();
		return err;
	}
	if (target__is_no_python_yet(err))
		p->absent_ns = begin_ns;
	p->contradiction[0] = '\0';
	if (may_be_starting(p, err)) {
		snprintf(p->contradiction, sizeof(p->contradiction), "%.255s", f.what);
	} else if (!target__is_no_python_yet(err)) {
		target__refuse(t, p, &f);
		return err;
	}
	if (supposed)
		process__discard(p);
	/* Its first edges may be in another file than the libc that was probed while nothing was
	 * known. */
	else if (err == -EAGAIN && p->index >= 0)
		sources__attach_own(&t->sources, p, &f);
	target__try_later(t, p);
	return err;
}

/* ---- running processes ---- */

int target__adopt(struct target *t, pid_t pid, struct failure *f)
{
	__u64 begin_ns = clock_ns();
	struct process *p;
	struct python python;
	int err;

	if (target__find(t, pid))
		return 0;
	err = looker__inspect(t->looker, pid, &python, f);
	/* What is seen there is its parent's. */
	if (!err && proc_list__borrows_memory(pid))
		err = -EAGAIN;
	if (err)
		return err;
	p = target__add(t, pid);
	if (!p)
		return -ENOMEM;
	p->python = python;
	p->looked_ns = begin_ns;
	p->absent_ns = t->sweep.before_ns;
	proc__comm(p->pid, p->comm);
	process__read_command(p);
	return begin(t, p, f);
}

int target__adopt_or_refuse(struct target *t, pid_t pid)
{
	__u64 begin_ns = clock_ns();
	struct failure f = {0};
	int err = target__adopt(t, pid, &f);
	struct process *p;

	if (!err || target__is_no_python_yet(err) || err == -ESRCH)
		return err;
	p = target__find(t, pid);
	if (!p)
		p = target__add(t, pid);
	if (!p)
		return err;
	p->looked_ns = begin_ns;
	proc__comm(p->pid, p->comm);
	target__refuse(t, p, &f);
	return err;
}

void target__adopt_any(void *ctx, pid_t pid)
{
	target__adopt_or_refuse(ctx, pid);
}

void target__follow(struct target *t, pid_t pid)
{
	struct failure f = {0};
	char path[64], program[1];
	struct process *p;

	/* A zombie sends no exit event. */
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	p = readlink(path, program, sizeof(program)) < 0 ? NULL : target__add(t, pid);
	if (!p)
		return;
	p->index = probe__add_process(t->probe, pid);
	p->borrows = proc_list__borrows_memory(pid);
	if (p->index < 0) {
		proc__comm(pid, p->comm);
		failure__what(&f, "the table of processes is full");
		target__refuse(t, p, &f);
	} else if (!p->borrows && target__look(t, p, false) == -ESRCH) {
		p->state = PROCESS_ENDED; /* its exit event may never come */
		p->end_ns = clock_ns();
	} else if (p->state == PROCESS_SEARCHING) {
		if (!p->probes[SOURCE_ON_FUNCTIONS].attached)
			sources__expect_exec(&t->sources, p, p);
		if (!p->borrows)
			process__expect_gil(p);
	}
}

/* Any child becomes a target, as if it had been forked under observation: even if it is not a
 * CPython, it may start one. */
static void adopt_if_child(void *ctx, pid_t pid)
{
	struct target *t = ctx;
	long parent = proc_list__status(pid, "PPid");

	if (parent > 0 && !target__find(t, pid) && target__find(t, parent))
		target__follow(t, pid);
}

void target__adopt_descendants(struct target *t)
{
	struct process *last, *p;

	do {
		for (last = t->processes; last && last->next; last = last->next)
			;
		proc_list__each(adopt_if_child, t);
		for (p = t->processes; p && p->next; p = p->next)
			;
	} while (p != last);
}
