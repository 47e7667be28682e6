// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * -p: a process that was named is observed together with its descendants, those that run and those
 * to come. So it need not be a CPython itself: it may be a shell, or a server whose workers are. But
 * if there is none in the whole tree, the number is probably wrong.
 */
#include <errno.h>

#include "edge/observe/target_private.h"
#include "edge/proc/proc_list.h"
#include "edge/proc/proc_maps.h"

/* Trees are not deeper than this. */
#define MAX_DEPTH 1000

static bool descends_from(pid_t pid, pid_t ancestor)
{
	long parent = pid;

	for (int i = 0; i < MAX_DEPTH && parent > 1; i++) {
		parent = proc_list__status((pid_t)parent, "PPid");
		if (parent == ancestor)
			return true;
	}
	return false;
}

/* Any CPython in the table that descends from the process, or NULL. */
static const struct process *descendant(const struct target *t, pid_t pid, enum process_state state)
{
	for (const struct process *p = t->processes; p; p = p->next)
		if (p->state == state && descends_from(p->pid, pid))
			return p;
	return NULL;
}

struct search {
	struct target *t;
	pid_t parent, found;
};

static void look_at_child(void *ctx, pid_t pid)
{
	struct search *s = ctx;
	struct failure f = {0};
	struct python python;

	if (!s->found && proc_list__status(pid, "PPid") == s->parent &&
	    !looker__inspect(s->t->looker, pid, &python, &f))
		s->found = pid;
}

/* Names a child that is a CPython, if there is one. */
static void name_child(struct target *t, pid_t pid, struct failure *f)
{
	struct search s = {.t = t, .parent = pid};
	char comm[16] = "";

	proc_list__each(look_at_child, &s);
	if (!s.found)
		return;
	proc__comm(s.found, comm);
	failure__cause(f, "its child process %d (%s) is one, but --no-follow leaves it out",
		       s.found, comm);
	failure__command(f, "gilscope stat -p %d", s.found);
}

static pid_t leader_of(pid_t pid)
{
	long leader = proc_list__status(pid, "Tgid");

	return leader > 0 ? (pid_t)leader : pid;
}

/* Nothing in the tree below a process that is no CPython is one. */
static int refuse_tree(const struct target *t, pid_t pid, struct failure *f)
{
	char comm[16] = "";

	proc__comm(pid, comm);
	if (descendant(t, pid, PROCESS_REFUSED) && target__refusal(t)) {
		*f = *target__refusal(t);
		return -ENOTSUP;
	}
	failure__what(f, "process %d (%s) is not a CPython process, nor is any that it has started",
		      pid, comm);
	failure__cause(f, "another process is meant");
	failure__command(f, "pgrep -af python");
	return -ENOENT;
}

static int start_one(struct target *t, pid_t pid, struct failure *f)
{
	int err = target__adopt(t, pid, f);

	if (!target__is_no_python_yet(err))
		return err;
	if (t->spec->follow || err == -EAGAIN)
		target__follow(t, pid);
	else
		name_child(t, pid, f);
	/* An interpreter that is not initialized may be so at any moment. */
	return t->spec->follow || err == -EAGAIN ? 0 : err;
}

int target__start_named(struct target *t, struct failure *f)
{
	int err = 0;

	for (size_t i = 0; i < t->spec->nr_pids && !err; i++)
		err = start_one(t, leader_of(t->spec->pids[i]), f);
	if (err || !t->spec->follow)
		return err;
	target__adopt_descendants(t);
	for (size_t i = 0; i < t->spec->nr_pids && !err; i++) {
		pid_t pid = leader_of(t->spec->pids[i]);
		const struct process *p = target__find(t, pid);
		struct python python;

		if (descendant(t, pid, PROCESS_TRACED))
			continue;
		if (!p) /* a kernel thread, or it has ended */
			err = looker__inspect(t->looker, pid, &python, f);
		else if (p->state == PROCESS_SEARCHING && !p->python.version[0])
			err = refuse_tree(t, pid, f);
	}
	return err;
}
