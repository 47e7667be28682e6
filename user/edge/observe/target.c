// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How a process comes under observation, and when its first edge can be seen:
 *
 *  - We fork the command and hold it until its probes are in place. They stay through its execs, so
 * whatever the command becomes, its interpreter's first acquisition is seen. The kernel guesses
 * that the first signal of a condition variable is the GIL's, and keeps its edges. Meanwhile we
 * look up the truth, and confirm or discard them.
 *  - A child of a target gets its probes when the kernel reports the fork, a fraction of a
 * millisecond later. It has its parent's interpreter at the same addresses. What it did before its
 * probes were in place is missed, and the length of that time is reported. From its first exec on
 * it is treated like the command.
 *  - A running process (-p, --all) is examined first and then probed.
 *
 * A process that is not yet a CPython is examined again at growing intervals, because it may load a
 * library later.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "core/base/clock.h"
#include "edge/observe/target_private.h"
#include "edge/proc/privilege.h"
#include "edge/proc/proc_list.h"

#define MS      1000000ULL
#define TICK_NS (100 * MS)
/* With --all and the like, a program that has not become a CPython after this long is left alone. */
#define ALL_PATIENCE_NS (3000 * MS)
/* This long after a process has exited, its threads have executed their last instruction. */
#define EXIT_PATIENCE_NS (1000 * MS)

/* ---- the table of processes ---- */

struct process *target__find(struct target *t, pid_t pid)
{
	for (struct process *p = t->processes; p; p = p->next)
		if (p->pid == pid && p->state != PROCESS_ENDED)
			return p;
	return NULL;
}

struct process *target__add(struct target *t, pid_t pid)
{
	struct process *p = process__new(t->probe, t->looker, t->listener, pid),
		       **end = &t->processes;

	if (!p)
		return NULL;
	while (*end)
		end = &(*end)->next;
	*end = p;
	return p;
}

/* ---- the command ---- */

static int hold_command(struct target *t, struct failure *f)
{
	bool probed = !sources__wants_no_probes(&t->sources);
	struct site_file *file = probed ? site_file__of_libc(&t->sources.files, NULL, 0, f) : NULL;
	struct process *p;
	int err;

	if (probed && !file)
		return -errno;
	p = target__add(t, t->launch.pid);
	if (!p)
		return -ENOMEM;
	err = probed ? process__attach(p, &source_uprobe, file, f) : process__enter(p, f);
	if (!err)
		target__try_later(t, p);
	return err;
}

static int start_command(struct target *t, struct failure *f, int *exit_status)
{
	bool probed = !sources__wants_no_probes(&t->sources);
	int err;

	/* Load these now, so that no process has to wait for it later. */
	err = probed ? probe__prepare(t->probe, PROBE_USDT, f) : 0;
	err = err ?: probed ? probe__prepare(t->probe, PROBE_SEMAPHORE, f) : 0;
	err = err ?: launch__fork(&t->launch, t->spec->user, f);
	if (err)
		return err;
	if (t->launch.pid == 0)
		launch__child(&t->launch, t->spec->argv, t->spec->command_stdout);
	t->command = t->launch.pid;
	/* The command should not run while the kernel is still cleaning up after the trial. */
	probe__settle(t->probe);
	err = hold_command(t, f);
	if (err) {
		launch__cancel(&t->launch);
		return err;
	}
	t->start_ns = clock_ns();
	err = launch__go(&t->launch, t->spec->argv, exit_status, f);
	if (err)
		t->launch.pid = 0;
	return err;
}

int target__start(struct target **out, struct probe *probe, const struct target_spec *spec,
		  const struct listener *listener, struct failure *f, int *exit_status)
{
	struct target *t = calloc(1, sizeof(*t));
	bool looks_into_others;
	int err = -ENOMEM;

	*out = NULL;
	*exit_status = EXIT_STATUS_CANNOT_OBSERVE;
	if (!t)
		return err;
	t->probe = probe;
	t->spec = spec;
	t->listener = listener;
	t->exit_status = -1;
	t->launch.pid = 0;
	t->start_ns = clock_ns();
	t->tick_ns = t->start_ns + TICK_NS;
	t->past = snapshot__new();
	/* Without CAP_SYS_PTRACE there are only processes of the same user, who is no danger to
	 * himself; and Yama may let gilscope look into its command, but not another process. */
	looks_into_others = !capability__missing(privilege__have(), CAPABILITIES_OTHERS);
	t->looker = looks_into_others ? looker__new() : NULL;
	if (!t->past || (looks_into_others && !t->looker))
		goto failed;
	sources__init(&t->sources, probe, t->looker, spec->source);
	if (spec->argv)
		err = start_command(t, f, exit_status);
	else if (spec->all)
		err = 0, proc_list__each(target__adopt_any, t);
	else
		err = target__start_named(t, f) ?: target__start_selected(t, f);
	if (err)
		goto failed;
	*out = t;
	return 0;
failed:
	target__free(t);
	return err;
}

void target__detach(struct target *t)
{
	for (struct process *p = t->processes; p; p = p->next)
		process__detach(p);
}

void target__free(struct target *t)
{
	struct process *p;

	if (!t)
		return;
	while ((p = t->processes)) {
		t->processes = p->next;
		process__free(p);
	}
	sources__clear(&t->sources);
	looker__free(t->looker);
	snapshot__free(t->past);
	free(t->sweep.pids);
	free(t->unnamed);
	free(t);
}

/* ---- while it runs ---- */

/* The kernel reports nothing about a process that has no record. If that one is not observed, there
 * is nothing to wait for; but with --all or --name it would be found again (target_all.c). */
static bool is_left_alone(const struct target *t, const struct process *p)
{
	return p->state == PROCESS_REFUSED && p->index < 0 && !target_spec__is_open(t->spec);
}

/* Removes ended processes when the kernel is done with their records. */
static void collect(struct target *t, __u64 now)
{
	struct process **at = &t->processes, *p;

	while ((p = *at)) {
		bool done = p->state == PROCESS_ENDED &&
			    (process__harvest(p) || gil_elapsed(p->end_ns, now) > EXIT_PATIENCE_NS);

		if (!done && !is_left_alone(t, p)) {
			at = &p->next;
			continue;
		}
		target__retire_image(t, p);
		if (p->index >= 0)
			probe__give_process(t->probe, p->index);
		*at = p->next;
		process__free(p);
	}
}

static void search(struct target *t, __u64 now)
{
	size_t n = 0;

	for (struct process *p = t->processes; p; p = p->next) {
		if (p->state != PROCESS_SEARCHING || p->borrows)
			continue;
		n++;
		if (p->next_try_ns > now)
			continue;
		if (target_spec__is_open(t->spec) && p->index < 0 &&
		    gil_elapsed(p->born_ns, now) > ALL_PATIENCE_NS)
			p->state = PROCESS_ENDED, p->end_ns = now;
		else
			target__look(t, p, false);
	}
	t->nr_searching = n;
}

static void verify(struct target *t, struct process *p)
{
	struct failure f = {0};

	if (!process__verify(p, &f))
		return;
	target__refuse(t, p, &f);
	t->nr_seen--;
}

void target__harvest(struct target *t)
{
	for (struct process *p = t->processes; p; p = p->next)
		if (p->state == PROCESS_TRACED)
			process__harvest(p);
}

static void on_sample(void *ctx, const void *entry, size_t size)
{
	const struct gil_blame_head *head = entry;
	const struct blame_sample *sample;
	struct target *t = ctx;

	for (struct process *p = t->processes; p; p = p->next)
		for (size_t i = 0; i < p->nr_gils; i++) {
			const struct process_gil *g = &p->gils[i];

			if (!g->blame || g->lock != (int)head->lock ||
			    probe__lock(t->probe, head->lock)->start != head->start)
				continue;
			sample = process_blame__entry(g->blame, t->looker, p->bound, entry, size);
			if (sample && t->listener && t->listener->sample)
				t->listener->sample(t->listener->ctx,
						    probe__lock(t->probe, head->lock), sample);
			return;
		}
}

void target__take_samples(struct target *t)
{
	probe__samples(t->probe, on_sample, t);
}

void target__update(struct target *t)
{
	__u64 now;

	probe__events(t->probe, target__on_event, t);
	target__take_samples(t);
	now = clock_ns();
	search(t, now);
	collect(t, now);
	if (now < t->tick_ns)
		return;
	t->tick_ns = now + TICK_NS;
	probe__tick(t->probe);
	target__look_for_ended(t, now);
	if (target_spec__is_open(t->spec))
		target__sweep(t, now);
	if (probe__any_thread_gone(t->probe))
		target__harvest(t);
	target__look_at_names(t, false);
	for (struct process *p = t->processes; p; p = p->next)
		if (p->state == PROCESS_TRACED) {
			process__refresh(p);
			sources__end_takeover(p, now);
			verify(t, p);
			process__tell(p);
		}
}

__u64 target__next_ns(const struct target *t)
{
	__u64 next = t->tick_ns;

	for (const struct process *p = t->processes; p; p = p->next)
		if (p->state == PROCESS_SEARCHING && !p->borrows && p->next_try_ns < next)
			next = p->next_try_ns;
	return next;
}

pid_t target__launched(const struct target *t)
{
	return t->command;
}

pid_t target__command(const struct target *t)
{
	return t->launch.pid;
}

void target__reap(struct target *t)
{
	int status;

	if (t->launch.pid > 0 && waitpid(t->launch.pid, &status, WNOHANG) == t->launch.pid) {
		t->exit_status = launch__exit_status(status);
		t->launch.pid = 0;
	}
}

bool target__over(const struct target *t)
{
	if (t->spec->argv)
		return t->exit_status >= 0;
	if (target_spec__is_open(t->spec))
		return false;
	for (const struct process *p = t->processes; p; p = p->next)
		if (p->state != PROCESS_ENDED)
			return false;
	return true;
}

int target__exit_status(const struct target *t)
{
	return t->exit_status;
}

size_t target__traced(const struct target *t, pid_t *pid)
{
	size_t n = 0;

	for (const struct process *p = t->processes; p; p = p->next)
		if (p->state == PROCESS_TRACED && !n++)
			*pid = p->pid;
	return n;
}

bool target__seen_python(const struct target *t)
{
	return t->nr_seen != 0;
}

void target__freeze(struct target *t)
{
	target__update(t);
	target__look_at_names(t, true);
	for (struct process *p = t->processes; p; p = p->next) {
		process__refresh(p);
		if (p->state == PROCESS_TRACED)
			process__read_command(p);
		process__freeze(p);
	}
	probe__freeze(t->probe);
	t->frozen_ns = clock_ns();
}

bool target__is_frozen(const struct target *t)
{
	return t->frozen_ns != 0;
}

void target__each(const struct target *t, void (*visit)(void *ctx, struct process *p), void *ctx)
{
	for (struct process *p = t->processes; p; p = p->next)
		visit(ctx, p);
}

__u64 target__start_ns(const struct target *t)
{
	return t->start_ns;
}

void target__lost(const struct target *t, struct snapshot_lost *lost)
{
	struct process_count count = t->past_count;

	for (const struct process *p = t->processes; p; p = p->next)
		process__count_with(p, 0, &count);
	*lost = (struct snapshot_lost){.edges = count.dropped, .gaps = t->nr_gaps};
	probe__read_lost(t->probe, lost);
}

bool target__uses_usdt(const struct target *t)
{
	const struct process *p = t->processes;

	while (p && !p->source->costs_apart)
		p = p->next;
	return p || t->past_count.usdt_hits;
}

void target__describe(const struct target *t, struct process_count count, struct snapshot *s)
{
	s->start_ns = t->start_ns;
	s->end_ns = t->frozen_ns ? t->frozen_ns : clock_ns();
	s->exit_status = t->exit_status;
	s->probe_ns_per_hit = -1;
	s->probe_hits = t->past_count.hits + count.hits;
	s->usdt_hits = t->past_count.usdt_hits + count.usdt_hits;
	s->lost.edges = t->past_count.dropped + count.dropped;
	s->lost.gaps = t->nr_gaps;
	probe__read_lost(t->probe, &s->lost);
}

struct snapshot *target__snapshot(struct target *t)
{
	struct snapshot *s = snapshot__new();
	struct process_count count = {0};

	if (!s)
		return NULL;
	if (!t->frozen_ns)
		target__update(t);
	target__take_samples(t);
	target__describe(t, count, s);
	if (snapshot__append(s, t->past))
		goto failed;
	for (struct process *p = t->processes; p; p = p->next) {
		process__count(p, &count);
		if (process__has_gil(p) && process__snapshot(p, s, s->end_ns))
			goto failed;
	}
	s->probe_hits += count.hits;
	s->usdt_hits += count.usdt_hits;
	s->lost.edges += count.dropped;
	snapshot__finish(s);
	return s;
failed:
	snapshot__free(s);
	return NULL;
}
