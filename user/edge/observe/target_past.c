// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "edge/observe/target_private.h"

/* So many programs of processes that were named on the command line have a row, however little they
 * weigh. */
#define MAX_NAMED (4 * SNAPSHOT_PAST)

void target__note_unobserved(struct target *t, const struct process *p, const char *why)
{
	struct snapshot_unobserved *u = NULL;

	if (t->past->nr_unobserved < SNAPSHOT_PAST)
		u = snapshot__add_unobserved(t->past);
	if (!u) {
		t->past->nr_unlisted++;
		return;
	}
	u->pid = p->pid;
	memcpy(u->comm, p->comm, sizeof(u->comm));
	snprintf(u->why, sizeof(u->why), "%.*s", (int)sizeof(u->why) - 1, why);
	if (t->listener)
		t->listener->unobserved(t->listener->ctx, u);
}

void target__note_refused(struct target *t, const struct process *p, const char *why)
{
	if (!t->refusal.what[0])
		failure__what(&t->refusal, "%s", why);
	target__note_unobserved(t, p, why);
}

void target__refuse(struct target *t, struct process *p, const struct failure *f)
{
	p->state = PROCESS_REFUSED;
	process__discard(p);
	process__detach(p);
	if (!t->refusal.what[0]) {
		t->refusal = *f;
		/* When it is told, the process has ended. */
		if (p->pid == t->command)
			failure__command(&t->refusal, "gilscope doctor %s", t->spec->argv[0]);
		else if (t->command)
			t->refusal.command[0] = '\0';
	}
	target__note_refused(t, p, f->what);
}

static bool is_named(const struct target *t, pid_t pid)
{
	for (size_t i = 0; i < t->spec->nr_pids; i++)
		if (t->spec->pids[i] == pid)
			return true;
	return pid == t->command;
}

static bool keeps_row(struct target *t, const struct snapshot_process *sp)
{
	__u64 weight = snapshot_process__weight(sp);
	size_t rows = t->past->nr_processes;

	t->past_weight += weight;
	return (is_named(t, sp->pid) && rows < MAX_NAMED) ||
	       snapshot__keeps_row(rows, weight, t->past_weight);
}

/* Gives the ended program a row, or adds it to the sum of those without one. Returns true if it has
 * a row. */
static bool add_to_past(struct target *t, struct process *p)
{
	struct snapshot *own = snapshot__new();
	struct snapshot_process *row = NULL;

	if (!own || process__snapshot(p, own, p->end_ns)) {
		target__note_unobserved(t, p, "there was no memory left for its figures");
		snapshot__free(own);
		return false;
	}
	if (keeps_row(t, own->processes))
		row = snapshot__add_process(t->past);
	else
		snapshot__fold(t->past, own->processes, 1);
	if (row) { /* which now owns what the other one did */
		*row = own->processes[0];
		own->nr_processes = 0;
	}
	snapshot__free(own);
	t->past->nr_unlisted += !row;
	return row;
}

void target__retire_image(struct target *t, struct process *p)
{
	target__take_samples(t);
	process__count(p, &t->past_count);
	if (process__has_gil(p))
		process__tell_end(p, add_to_past(t, p));
	process__give_records(p);
}

void target__drop_image(struct target *t, struct process *p)
{
	process__count(p, &t->past_count);
	process__tell_end(p, false);
	process__give_records(p);
}

const struct snapshot *target__past(const struct target *t)
{
	return t->past;
}

const struct failure *target__refusal(const struct target *t)
{
	return t->refusal.what[0] ? &t->refusal : NULL;
}
