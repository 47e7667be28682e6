// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "edge/observe/target_private.h"

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
	if (!t->refusal.what[0])
		t->refusal = *f;
	target__note_refused(t, p, f->what);
}

void target__retire_image(struct target *t, struct process *p)
{
	process__count(p, &t->past_count);
	if (process__has_gil(p)) {
		bool listed = t->past->nr_processes < SNAPSHOT_PAST &&
			      !process__snapshot(p, t->past, p->end_ns);

		t->past->nr_unlisted += !listed;
		process__tell_end(p, listed);
	}
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
