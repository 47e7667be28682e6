// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Follows the processes by what the kernel reports: fork, exec, exit, the end of a thread, a new
 * GIL. */
#include <errno.h>
#include <string.h>

#include "edge/observe/target_private.h"
#include "edge/proc/proc_list.h"

/* How often processes whose end may not have been reported are looked at. */
#define ENDED_NS 1000000000ULL

static void on_fork(struct target *t, const struct gil_event *e)
{
	struct process *parent = target__find(t, e->other), *p;
	struct failure f = {0};
	int err;

	if (target__find(t, e->pid))
		return;
	p = target__add(t, e->pid);
	if (!p)
		return;
	memcpy(p->comm, e->comm, sizeof(p->comm));
	p->born_ns = e->ts;
	if (e->process == GIL_NONE) {
		failure__what(&f, "the table of processes is full");
		target__refuse(t, p, &f);
		return;
	}
	p->index = e->process;
	p->borrows = e->borrows;
	target__try_later(t, p);
	if (!parent || !(process__is_probed(parent) || process__has_no_probes(parent)))
		return;
	if (p->borrows) {
		sources__expect_exec(&t->sources, p, parent);
		return;
	}
	err = process__inherit(p, parent, &f);
	p->missed = err == -ESRCH;
	if (err && !p->missed)
		target__note_unobserved(t, p, f.what);
	else if (!err && p->source->place != SOURCE_ON_FUNCTIONS)
		sources__expect_exec(&t->sources, p, p);
	if (!err)
		process__expect_gil(p);
	process__tell(p);
}

/* An exec can be older than the process's record, and be reported after the process has got it. */
static bool is_unknown_to_record(const struct process *p, const struct gil_event *exec)
{
	return p->index >= 0 && p->index != (int)exec->process;
}

static void on_exec(struct target *t, const struct gil_event *e)
{
	struct process *p = target__find(t, e->pid);

	if (!p) {
		p = target__admits(t, e->pid) ? target__add(t, e->pid) : NULL;
		if (!p)
			return;
		p->index = e->process == GIL_NONE ? -1 : (int)e->process;
	} else if ((is_unknown_to_record(p, e) || p->state == PROCESS_REFUSED) &&
		   e->ts < p->looked_ns) {
		return; /* what was found is already the new program's */
	} else if (p->state == PROCESS_TRACED) {
		if (is_unknown_to_record(p, e)) {
			process__freeze(p);
			process__end_threads(p);
			process__discard(p);
		}
		process__harvest(p);
		p->end_ns = e->ts;
		/* A fork on its way to another program that has not even taken its GIL has no row. */
		if (process__is_untouched(p))
			target__drop_image(t, p);
		else
			target__retire_image(t, p);
		p->end_ns = 0;
	}
	process__begin_image(p, e);
	if (e->other != e->pid)
		process__renew(p);
	if (p->index >= 0 && !sources__expects_exec(p))
		sources__expect_exec(&t->sources, p, p);
	target__try_later(t, p);
}

/* No Python starts and ends in less time. */
#define LEAST_LIFE_NS 5000000ULL

/* True if a program that is a Python by its name has ended before it was known to be one, and not because
 * it took no GIL. Nothing is said of other names: most programs are none. */
static bool was_python_unseen(const struct target *t, const struct process *p)
{
	bool took_none = p->index >= 0 && process__is_probed(p) &&
			 gil_elapsed(p->born_ns, p->attached_ns) < LEAST_LIFE_NS &&
			 probe__process(t->probe, p->index)->state == GIL_PROCESS_NEW;

	return p->state == PROCESS_SEARCHING && p->image && !took_none &&
	       !strncmp(p->comm, "python", strlen("python"));
}

static void end(struct target *t, struct process *p, __u64 now)
{
	if (p->state == PROCESS_SEARCHING && p->contradiction[0])
		target__note_refused(t, p, p->contradiction);
	else if (p->missed)
		target__note_unobserved(t, p, "it exited before probes could be attached");
	else if (was_python_unseen(t, p))
		target__note_unobserved(t, p, "it exited before it could be observed");
	if (!p->breaks_off)
		p->end_ns = now;
	p->state = PROCESS_ENDED;
	process__detach_ended(p);
}

static void on_exit_event(struct target *t, const struct gil_event *e)
{
	struct process *p = target__find(t, e->pid);

	if (p)
		end(t, p, e->ts);
}

void target__look_for_ended(struct target *t, __u64 now)
{
	struct snapshot_lost lost = {0};

	if (now < t->ended_ns)
		return;
	t->ended_ns = now + ENDED_NS;
	probe__read_lost(t->probe, &lost);
	if (!lost.events)
		return;
	for (struct process *p = t->processes; p; p = p->next)
		if (p->state != PROCESS_ENDED && proc_list__is_over(p->pid, &p->start_ticks))
			end(t, p, now);
}

/* Turns what is known about the process so far into a row that ends at `since`. */
static void end_row(struct target *t, struct process *p, __u64 since)
{
	p->end_ns = since;
	process__end_threads(p);
	process__harvest(p);
	target__retire_image(t, p);
	p->end_ns = 0;
}

/* Starts another row for the process at `since`, with the record at `index`. */
static void go_on(struct target *t, struct process *p, unsigned int index, __u64 since)
{
	unsigned int old = p->index, sources = process__sources(p);
	struct failure f = {0};
	int err;

	end_row(t, p, since);
	probe__give_process(t->probe, old);
	p->index = (int)index;
	p->image = 0;
	p->born_ns = since;
	p->goes_on = true;
	p->is_confirmed = false;
	p->switches = -1;
	p->state = PROCESS_SEARCHING;
	process__set_sources(p, sources);
	err = process__trace(p);
	if (err == -EAGAIN) {
		target__try_later(t, p);
	} else if (err) {
		failure__what(&f, "the table of GILs is full");
		target__refuse(t, p, &f);
	}
	process__tell(p);
}

/* The probes have ended with a thread. What follows gets its own record, to keep it apart from what
 * came before. */
static void bind_again(struct target *t, struct process *p, const struct gil_event *e)
{
	struct failure f = {.what = "the table of processes is full"};
	int index, err;

	process__freeze(p);
	index = probe__take_process(t->probe, p->pid);
	err = index < 0 ? index : process__bind_again(p, (pid_t)e->other, index, &f);
	err = err ?: probe__enter_process(t->probe, index);
	if (!err) {
		t->nr_gaps++;
		go_on(t, p, index, e->ts);
		return;
	}
	if (index >= 0)
		probe__give_process(t->probe, index);
	t->nr_gaps++;
	p->breaks_off = true;
	if (err == -ESRCH) { /* no thread is left: its exit event is on its way */
		p->end_ns = e->ts;
		return;
	}
	process__discard(p);
	end_row(t, p, e->ts);
	target__refuse(t, p, &f);
}

/* The same for a process that is not traced yet. */
static void search_again(struct target *t, struct process *p, const struct gil_event *e)
{
	struct failure f = {0};
	int err;

	/* Edges may have been missed after those that the kernel has kept. */
	if (probe__process(t->probe, p->index)->state != GIL_PROCESS_NEW)
		process__discard(p);
	err = process__bind_again(p, (pid_t)e->other, p->index, &f);
	if (err && err != -ESRCH)
		target__refuse(t, p, &f);
}

static void on_unbound(struct target *t, const struct gil_event *e)
{
	struct process *p = target__find(t, e->pid);

	if (!p || p->bound != (pid_t)e->other || !process__is_probed(p))
		return;
	if (sources__keep(&t->sources, p, (pid_t)e->other))
		return;
	if (p->state == PROCESS_TRACED)
		bind_again(t, p, e);
	else if (p->state == PROCESS_SEARCHING)
		search_again(t, p, e);
}

void target__on_event(void *ctx, const struct gil_event *e)
{
	struct target *t = ctx;
	struct process *p;

	switch (e->kind) {
	case GIL_EVENT_FORK:
		on_fork(t, e);
		break;
	case GIL_EVENT_EXEC:
		on_exec(t, e);
		break;
	case GIL_EVENT_EXIT:
		on_exit_event(t, e);
		break;
	case GIL_EVENT_CLOSED:
		target__harvest(t);
		break;
	case GIL_EVENT_UNBOUND:
		on_unbound(t, e);
		break;
	case GIL_EVENT_SUB_GIL:
		p = target__find(t, e->pid);
		if (p && p->state == PROCESS_TRACED && p->image == e->image &&
		    p->index == (int)e->process) {
			process__adopt_gil(p, e->other);
			process__tell(p);
		}
		break;
	case GIL_EVENT_NEW_GIL:
		p = target__find(t, e->pid);
		if (p && p->state == PROCESS_SEARCHING && p->image == e->image)
			target__look(t, p, true);
		break;
	default:
		break;
	}
}
