// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What is reported about a process: its row in the snapshot, its counts, and what a listener hears.
 * */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/format.h"
#include "edge/observe/process_private.h"

bool process__has_gil(const struct process *p)
{
	/* A Python 2 without threads has no GIL, which the report says. */
	return p->nr_gils || (p->python.semaphore_at && p->state != PROCESS_REFUSED);
}

bool process__is_untouched(const struct process *p)
{
	for (size_t i = 0; i < p->nr_gils; i++) {
		const struct process_gil *g = &p->gils[i];

		if (g->lock < 0 ||
		    !gil_lock_is_untouched(probe__lock(p->probe, (unsigned int)g->lock)))
			return false;
	}
	return true;
}

/* The kernel's record, as long as there may be more of the process to handle. */
static const struct gil_process *live_record(const struct process *p)
{
	if (p->index < 0 || p->state == PROCESS_ENDED)
		return NULL;
	return probe__process(p->probe, p->index);
}

bool process__harvest(struct process *p)
{
	return process_gil__harvest(p->gils, p->nr_gils, p->probe, p->pid, live_record(p),
				    p->listener);
}

/* A GIL that is turned off has no figures, which is not the same as zero waits. */
static bool is_off_and_unused(const struct process *p, const struct process_gil *g)
{
	return p->python.free_threaded && g->lock >= 0 &&
	       gil_lock_is_untouched(probe__lock(p->probe, g->lock));
}

static int add_rows(struct process *p, struct snapshot_process *sp)
{
	if (p->nr_gils && p->gils[0].lock >= 0)
		sp->start_ns = probe__lock(p->probe, p->gils[0].lock)->start;
	for (size_t i = 0; i < p->nr_gils; i++) {
		struct snapshot_gil *g;

		if (is_off_and_unused(p, &p->gils[i]))
			continue;
		g = process_gil__snapshot(&p->gils[i], p->probe, p->pid, p->state == PROCESS_TRACED,
					  sp);
		if (!g)
			return -ENOMEM;
		g->switch_interval_us = p->gils[i].switch_interval_us;
		g->requests_unknown = !p->python.drop_request.known;
		g->waits_only = p->source->waits_only;
		if (process_gil__samples(&p->gils[i], p->probe, p->looker, p->pid, sp, g,
					 p->listener))
			return -ENOMEM;
	}
	return 0;
}

static void note(const struct process *p, struct snapshot_process *sp)
{
	const struct gil_process *record = probe__process(p->probe, p->index);
	char ended[96] = "";

	if (p->nr_unlisted_gils)
		snprintf(ended, sizeof(ended),
			 "%zu sub-interpreters' GILs have ended and have no row.",
			 p->nr_unlisted_gils);
	/* First, because nothing else tells it; lost.gaps counts the probes that ended. */
	if (record && record->full)
		snprintf(sp->note, sizeof(sp->note),
			 "More than %d of its interpreters had a GIL at the same time; the rest "
			 "were not observed.%s%s",
			 GIL_PROCESS_LOCKS, ended[0] ? " " : "", ended);
	else if (p->goes_on && !p->breaks_off)
		snprintf(sp->note, sizeof(sp->note),
			 "Its probes ended with the thread that they were bound to, so it was not "
			 "observed for %.20s. The time before that has its own row.",
			 format_ns(p->late_ns, true).s);
	else if (p->breaks_off)
		snprintf(sp->note, sizeof(sp->note),
			 "Its probes ended with the thread that they were bound to. What it did "
			 "after that was not observed.");
	else if (p->python.semaphore_at && !p->nr_gils)
		snprintf(sp->note, sizeof(sp->note),
			 "Python 2 has no GIL before its first thread starts, and none was "
			 "started.");
	else if (ended[0])
		snprintf(sp->note, sizeof(sp->note), "%s", ended);
}

void process__describe(const struct process *p, struct snapshot_process *sp, __u64 now)
{
	sp->pid = p->pid;
	memcpy(sp->comm, p->comm, sizeof(sp->comm));
	memcpy(sp->command, p->command, sizeof(sp->command));
	memcpy(sp->python, p->python.version, sizeof(sp->python));
	snprintf(sp->source, sizeof(sp->source), "%s", p->source->name);
	memcpy(sp->source_why, p->source_why, sizeof(sp->source_why));
	sp->free_threaded = p->python.free_threaded;
	sp->free_threaded_build = p->python.free_threaded_build;
	sp->gil_turned_on = p->gil_turned_on;
	sp->exited = p->end_ns != 0;
	sp->end_ns = p->end_ns ? p->end_ns : now;
	sp->start_ns = p->nr_gils ? sp->end_ns : p->attached_ns;
	sp->late_ns = p->late_ns;
	note(p, sp);
}

int process__snapshot(struct process *p, struct snapshot *s, __u64 now)
{
	struct snapshot_process *sp = snapshot__add_process(s);

	if (!sp)
		return -ENOMEM;
	process__describe(p, sp, now);
	return add_rows(p, sp);
}

/* Adds its GILs, without rows of threads and handoffs. */
static int describe_gils(const struct process *p, struct snapshot_process *sp)
{
	for (size_t i = 0; i < p->nr_gils; i++) {
		struct snapshot_gil *g = snapshot_process__add_gil(sp);

		if (!g)
			return -ENOMEM;
		process_gil__describe(&p->gils[i], p->probe, g);
		g->switch_interval_us = p->gils[i].switch_interval_us;
		g->requests_unknown = !p->python.drop_request.known;
		g->waits_only = p->source->waits_only;
		if (!i)
			sp->start_ns = g->lock.start;
	}
	return 0;
}

static void tell(struct process *p, bool ended, bool listed)
{
	const struct listener *to = p->listener;
	struct snapshot_process sp = {0};

	if (!to || !process__has_gil(p))
		return;
	probe__entries(p->probe);
	process__describe(p, &sp, 0);
	if (describe_gils(p, &sp))
		to->failed(to->ctx, -ENOMEM);
	else if (ended)
		to->ended(to->ctx, &sp, listed);
	else
		to->process(to->ctx, &sp);
	free(sp.gils);
}

void process__tell(struct process *p)
{
	tell(p, false, false);
}

void process__tell_end(struct process *p, bool listed)
{
	tell(p, true, listed);
}

void process__give_records(struct process *p)
{
	struct gil_process *record = p->index >= 0 ? probe__process(p->probe, p->index) : NULL;
	const struct gil_process *next = live_record(p);

	/* If the process has executed another program, its record is that program's by now, and threads
	 * of that one may have ended already. */
	if (next && !process__was_replaced(p, next))
		next = NULL;
	process_gil__harvest(NULL, 0, p->probe, p->pid, next, NULL);
	for (size_t i = 0; i < p->nr_gils; i++)
		process_gil__clear(&p->gils[i], p->probe);
	p->nr_gils = p->nr_unlisted_gils = 0;
	p->unlisted_hits = 0;
	/* These have been counted for the program that ends here; another may follow. */
	if (record)
		record->other_hits = record->dropped = record->full = 0;
	if (p->discarded >= 0)
		probe__give_lock(p->probe, p->discarded);
	p->discarded = -1;
}

void process__count(const struct process *p, struct process_count *count)
{
	__u64 hits = 0;

	for (size_t i = 0; i < p->nr_gils; i++)
		hits += process_gil__hits(&p->gils[i], p->probe, p->pid);
	process__count_with(p, hits, count);
}

void process__count_with(const struct process *p, __u64 gil_hits, struct process_count *count)
{
	const struct gil_process *record =
		p->index >= 0 ? probe__process(p->probe, p->index) : NULL;
	__u64 hits = p->unlisted_hits;

	if (record) {
		hits += record->other_hits + record->dropped;
		count->dropped += record->dropped;
	}
	/* In a Python 2, other_hits includes the hits of its GIL. */
	if (!p->python.semaphore_at && !p->source->waits_only)
		hits += gil_hits;
	count->hits += hits;
	if (p->source->costs_apart)
		count->usdt_hits += hits;
}
