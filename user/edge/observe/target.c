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
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "edge/observe/launch.h"
#include "edge/proc/proc_list.h"
#include "edge/proc/proc_maps.h"
#include "edge/observe/process.h"
#include "edge/observe/target.h"

#define MS           1000000ULL
#define FIRST_TRY_NS (2 * MS)
#define LAST_TRY_NS  (500 * MS)
#define TICK_NS      (100 * MS)
/* When looks are this far apart, a program must be fully loaded. */
#define LAST_START_NS (128 * MS)
/* With --all, a program that has not become a CPython after this long is left alone. */
#define ALL_PATIENCE_NS (3000 * MS)
/* This long after a process has exited, its threads have executed their last instruction. */
#define EXIT_PATIENCE_NS (1000 * MS)

struct target {
	struct probe *probe;
	const struct target_spec *spec;
	const struct listener *listener; /* NULL: none */
	struct process *processes;
	struct sources sources;
	struct snapshot *past; /* what has ended or could not be observed */
	char refusal[sizeof(((struct snapshot_unobserved *)NULL)->why)]; /* "": none */
	struct launch launch;
	__u64 start_ns;
	__u64 frozen_ns; /* when the figures were frozen; 0: not yet */
	__u64 tick_ns;
	struct process_count past_count; /* counts of ended processes */
	__u64 nr_gaps;  /* how often a process lost its probes when a thread ended */
	size_t nr_seen; /* CPython programs that could be traced */
	int exit_status;
};

/* ---- the list ---- */

static struct process *find(struct target *t, pid_t pid)
{
	for (struct process *p = t->processes; p; p = p->next)
		if (p->pid == pid && p->state != PROCESS_ENDED)
			return p;
	return NULL;
}

static struct process *add(struct target *t, pid_t pid)
{
	struct process *p = process__new(t->probe, t->listener, pid), **end = &t->processes;

	if (!p)
		return NULL;
	while (*end)
		end = &(*end)->next;
	*end = p;
	return p;
}

static void note_unobserved(struct target *t, const struct process *p, const char *why)
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

/* The same for a process that was, or seemed to be, a CPython. */
static void note_refused(struct target *t, const struct process *p, const char *why)
{
	if (!t->refusal[0])
		snprintf(t->refusal, sizeof(t->refusal), "%.*s", (int)sizeof(t->refusal) - 1, why);
	note_unobserved(t, p, why);
}

static void refuse(struct target *t, struct process *p, const struct failure *f)
{
	p->state = PROCESS_REFUSED;
	process__discard(p);
	process__detach(p);
	note_refused(t, p, f->what);
}

static void try_later(struct process *p)
{
	p->try_delay_ns = p->try_delay_ns ? 2 * p->try_delay_ns : FIRST_TRY_NS;
	if (p->try_delay_ns > LAST_TRY_NS)
		p->try_delay_ns = LAST_TRY_NS;
	p->next_try_ns = clock_ns() + p->try_delay_ns;
}

/* ---- finding interpreters ---- */

static bool is_no_python_yet(int err)
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

/* Checks whether a searching process has become a CPython. `supposed` means that the kernel has
 * guessed a GIL. Returns 0 or -errno; -ESRCH if the process has exited. */
static int look(struct target *t, struct process *p, bool supposed)
{
	struct failure f = {0};
	int err = python__inspect(p->bound, &p->python, &f);

	proc__comm(p->pid, p->comm);
	if (!err)
		err = begin(t, p, &f);
	if (!err)
		return 0;
	if (err == -ESRCH) {
		p->next_try_ns =
			clock_ns() +
			LAST_TRY_NS; /* its exit event is on its way, if the kernel knows it */
		return err;
	}
	p->contradiction[0] = '\0';
	if (may_be_starting(p, err)) {
		snprintf(p->contradiction, sizeof(p->contradiction), "%.255s", f.what);
	} else if (!is_no_python_yet(err)) {
		refuse(t, p, &f);
		return err;
	}
	if (supposed)
		process__discard(p);
	/* Its first edges may be in another file than the libc that was probed while nothing was
	 * known. */
	else if (err == -EAGAIN && p->index >= 0)
		sources__attach_own(&t->sources, p, &f);
	try_later(p);
	return err;
}

/* ---- running processes ---- */

static int adopt(struct target *t, pid_t pid, struct failure *f)
{
	struct process *p;
	struct python python;
	int err;

	if (find(t, pid))
		return 0;
	err = python__inspect(pid, &python, f);
	if (err)
		return err;
	p = add(t, pid);
	if (!p)
		return -ENOMEM;
	p->python = python;
	proc__comm(p->pid, p->comm);
	return begin(t, p, f);
}

/* --all: skips processes that are not CPython; lists those that are, but cannot be observed. */
static void adopt_any(void *ctx, pid_t pid)
{
	struct target *t = ctx;
	struct failure f = {0};
	int err = adopt(t, pid, &f);
	struct process *p;

	if (!err || is_no_python_yet(err) || err == -ESRCH)
		return;
	p = find(t, pid);
	if (!p)
		p = add(t, pid);
	if (!p)
		return;
	proc__comm(p->pid, p->comm);
	refuse(t, p, &f);
}

/* Any child becomes a target, as if it had been forked under observation: even if it is not a
 * CPython, it may start one. */
static void adopt_if_child(void *ctx, pid_t pid)
{
	struct target *t = ctx;
	long parent = proc_list__status(pid, "PPid");
	struct failure f = {0};
	char path[64], program[1];
	struct process *p;

	if (parent <= 0 || find(t, pid) || !find(t, parent))
		return;
	/* A zombie sends no exit event. */
	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	p = readlink(path, program, sizeof(program)) < 0 ? NULL : add(t, pid);
	if (!p)
		return;
	p->index = probe__add_process(t->probe, pid);
	if (p->index < 0) {
		proc__comm(pid, p->comm);
		failure__what(&f, "the table of processes is full");
		refuse(t, p, &f);
	} else if (look(t, p, false) == -ESRCH) {
		p->state = PROCESS_ENDED; /* its exit event may never come */
		p->end_ns = clock_ns();
	} else if (p->state == PROCESS_SEARCHING && !p->probes[SOURCE_ON_FUNCTIONS].attached) {
		sources__expect_exec(&t->sources, p);
	}
}

/* Repeats until a round finds no more, because /proc does not list parents before children. */
static void adopt_descendants(struct target *t)
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

static int start_pids(struct target *t, struct failure *f)
{
	for (size_t i = 0; i < t->spec->nr_pids; i++) {
		long leader = proc_list__status(t->spec->pids[i], "Tgid");
		int err = adopt(t, leader > 0 ? leader : t->spec->pids[i], f);

		if (err)
			return err;
	}
	if (t->spec->follow)
		adopt_descendants(t);
	return 0;
}

/* ---- the command ---- */

static int hold_command(struct target *t, struct failure *f)
{
	struct site_file *file = site_file__of_libc(&t->sources.files, 0, f);
	struct process *p;
	int err;

	if (!file)
		return -errno;
	p = add(t, t->launch.pid);
	if (!p)
		return -ENOMEM;
	err = process__attach(p, &source_uprobe, file, f);
	if (!err)
		try_later(p);
	return err;
}

static int start_command(struct target *t, struct failure *f, int *exit_status)
{
	int err;

	/* Load these now, so that no process has to wait for it later. */
	err = probe__prepare(t->probe, PROBE_USDT, f);
	err = err ?: probe__prepare(t->probe, PROBE_SEMAPHORE, f);
	err = err ?: launch__fork(&t->launch, t->spec->user, f);
	if (err)
		return err;
	if (t->launch.pid == 0)
		launch__child(&t->launch, t->spec->argv);
	/* The command should not run while the kernel is still cleaning up after the trial. */
	probe__settle(t->probe);
	err = hold_command(t, f);
	if (err) {
		launch__cancel(&t->launch);
		return err;
	}
	t->start_ns = clock_ns();
	err = launch__go(&t->launch, t->spec->argv, f);
	if (err) {
		t->launch.pid = 0;
		*exit_status = launch__exec_status(-err);
	}
	return err;
}

int target__start(struct target **out, struct probe *probe, const struct target_spec *spec,
		  const struct listener *listener, struct failure *f, int *exit_status)
{
	struct target *t = calloc(1, sizeof(*t));
	int err = -ENOMEM;

	*out = NULL;
	*exit_status = EXIT_STATUS_CANNOT_OBSERVE;
	if (!t)
		return err;
	t->probe = probe;
	t->spec = spec;
	t->listener = listener;
	t->exit_status = -1;
	sources__init(&t->sources, probe, spec->source);
	t->launch.pid = 0;
	t->start_ns = clock_ns();
	t->tick_ns = t->start_ns + TICK_NS;
	t->past = snapshot__new();
	if (!t->past)
		goto failed;
	if (spec->argv)
		err = start_command(t, f, exit_status);
	else if (spec->all)
		err = 0, proc_list__each(adopt_any, t);
	else
		err = start_pids(t, f);
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
	snapshot__free(t->past);
	free(t);
}

/* ---- events ---- */

/* Moves the program that the process has run so far into the past. The process may continue with
 * another program. */
static void retire_image(struct target *t, struct process *p)
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

static void on_fork(struct target *t, const struct gil_event *e)
{
	struct process *parent = find(t, e->other), *p;
	struct failure f = {0};
	int err;

	if (find(t, e->pid))
		return;
	p = add(t, e->pid);
	if (!p)
		return;
	memcpy(p->comm, e->comm, sizeof(p->comm));
	p->born_ns = e->ts;
	if (e->process == GIL_NONE) {
		failure__what(&f, "the table of processes is full");
		refuse(t, p, &f);
		return;
	}
	p->index = e->process;
	try_later(p);
	if (!parent || !process__is_probed(parent))
		return;
	err = process__inherit(p, parent, &f);
	if (err)
		note_unobserved(
			t, p, err == -ESRCH ? "it exited before probes could be attached" : f.what);
	else if (p->source->place != SOURCE_ON_FUNCTIONS)
		sources__expect_exec(&t->sources, p);
	process__tell(p);
}

static void on_exec(struct target *t, const struct gil_event *e)
{
	struct process *p = find(t, e->pid);

	if (!p) {
		p = add(t, e->pid);
		if (!p)
			return;
		p->index = e->process == GIL_NONE ? -1 : (int)e->process;
	} else if (p->state == PROCESS_TRACED) {
		process__harvest(p);
		p->end_ns = e->ts;
		retire_image(t, p);
		p->end_ns = 0;
	}
	process__begin_image(p, e);
	if (e->other != e->pid)
		process__renew(p);
	if (p->index >= 0 && !sources__expects_exec(p))
		sources__expect_exec(&t->sources, p);
	try_later(p);
}

static void on_exit_event(struct target *t, const struct gil_event *e)
{
	struct process *p = find(t, e->pid);

	if (!p)
		return;
	if (p->state == PROCESS_SEARCHING && p->contradiction[0])
		note_refused(t, p, p->contradiction);
	if (!p->breaks_off)
		p->end_ns = e->ts;
	p->state = PROCESS_ENDED;
	process__detach(p);
}

/* Turns what is known about the process so far into a row that ends at `since`. */
static void end_row(struct target *t, struct process *p, __u64 since)
{
	p->end_ns = since;
	process__end_threads(p);
	process__harvest(p);
	retire_image(t, p);
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
		try_later(p);
	} else if (err) {
		failure__what(&f, "the table of GILs is full");
		refuse(t, p, &f);
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
	end_row(t, p, e->ts);
	refuse(t, p, &f);
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
		refuse(t, p, &f);
}

static void on_unbound(struct target *t, const struct gil_event *e)
{
	struct process *p = find(t, e->pid);

	if (!p || p->bound != (pid_t)e->other || !process__is_probed(p))
		return;
	if (sources__keep(&t->sources, p, (pid_t)e->other))
		return;
	if (p->state == PROCESS_TRACED)
		bind_again(t, p, e);
	else if (p->state == PROCESS_SEARCHING)
		search_again(t, p, e);
}

static void on_event(void *ctx, const struct gil_event *e)
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
	case GIL_EVENT_UNBOUND:
		on_unbound(t, e);
		break;
	case GIL_EVENT_SUB_GIL:
		p = find(t, e->pid);
		if (p && p->state == PROCESS_TRACED && p->image == e->image &&
		    p->index == (int)e->process) {
			process__adopt_gil(p, e->other);
			process__tell(p);
		}
		break;
	case GIL_EVENT_NEW_GIL:
		p = find(t, e->pid);
		if (p && p->state == PROCESS_SEARCHING && p->image == e->image)
			look(t, p, true);
		break;
	default:
		break;
	}
}

/* Removes ended processes when the kernel is done with their records. */
static void collect(struct target *t, __u64 now)
{
	struct process **at = &t->processes, *p;

	while ((p = *at)) {
		bool done = p->state == PROCESS_ENDED &&
			    (process__harvest(p) || gil_elapsed(p->end_ns, now) > EXIT_PATIENCE_NS);

		if (!done) {
			at = &p->next;
			continue;
		}
		retire_image(t, p);
		if (p->index >= 0)
			probe__give_process(t->probe, p->index);
		*at = p->next;
		process__free(p);
	}
}

static void search(struct target *t, __u64 now)
{
	for (struct process *p = t->processes; p; p = p->next) {
		if (p->state != PROCESS_SEARCHING || p->next_try_ns > now)
			continue;
		if (t->spec->all && p->index < 0 && gil_elapsed(p->born_ns, now) > ALL_PATIENCE_NS)
			p->state = PROCESS_ENDED, p->end_ns = now;
		else
			look(t, p, false);
	}
}

static void verify(struct target *t, struct process *p)
{
	struct failure f = {0};

	if (!process__verify(p, &f))
		return;
	refuse(t, p, &f);
	t->nr_seen--;
}

void target__update(struct target *t)
{
	bool exits;
	__u64 now;

	probe__events(t->probe, on_event, t);
	now = clock_ns();
	search(t, now);
	collect(t, now);
	if (now < t->tick_ns)
		return;
	t->tick_ns = now + TICK_NS;
	exits = probe__any_thread_gone(t->probe);
	for (struct process *p = t->processes; p; p = p->next)
		if (p->state == PROCESS_TRACED) {
			if (exits)
				process__harvest(p);
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
		if (p->state == PROCESS_SEARCHING && p->next_try_ns < next)
			next = p->next_try_ns;
	return next;
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
	if (t->spec->all)
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

const char *target__refusal(const struct target *t)
{
	return t->refusal[0] ? t->refusal : NULL;
}

void target__freeze(struct target *t)
{
	target__update(t);
	for (struct process *p = t->processes; p; p = p->next) {
		process__refresh(p);
		process__freeze(p);
	}
	probe__freeze(t->probe);
	t->frozen_ns = clock_ns();
}

bool target__is_frozen(const struct target *t)
{
	return t->frozen_ns != 0;
}

const struct snapshot *target__past(const struct target *t)
{
	return t->past;
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
