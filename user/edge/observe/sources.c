// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "edge/observe/calibrate.h"
#include "edge/observe/sources.h"

#define MS 1000000ULL
/* After this long, any edge that was under way when the second source began to count is over. */
#define TAKEOVER_NS (20 * MS)
/* Most children that execute another program after a fork have done so by then. */
#define EXEC_PATIENCE_NS (500 * MS)

const struct source *const source_table[] = {
	&source_usdt, &source_semaphore, &source_uprobe, &source_futex, NULL,
};

/* ---- names ---- */

const char *source__named(const char *name)
{
	for (size_t i = 0; source_table[i]; i++)
		if (!strcmp(source_table[i]->name, name))
			return source_table[i]->name;
	return NULL;
}

bool source__needs_no_probes(const char *name)
{
	return name && !strcmp(name, source_futex.name);
}

/* ---- the choice ---- */

void sources__init(struct sources *s, struct probe *probe, struct looker *looker,
		   const char *wanted)
{
	*s = (struct sources){.probe = probe,
			      .looker = looker,
			      .wanted = wanted,
			      .fork_is_safe = -1,
			      .outlive_thread = -1};
}

bool sources__wants_no_probes(const struct sources *s)
{
	return source__needs_no_probes(s->wanted);
}

void sources__clear(struct sources *s)
{
	site_file__free_all(s->files);
}

/* Explains that --source was given, but this source cannot be used for the process. */
static int refuse(const struct sources *s, const struct process *p, const struct source *last,
		  struct failure *f)
{
	failure__what(f, "cannot observe process %d (%s) with --source %s: %s", p->pid, p->comm,
		      s->wanted ? s->wanted : "auto", p->source_why);
	if (last && last->explain)
		last->explain(p, f);
	return -ENOTSUP;
}

/* Takes the first row that can be used for the process. Returns 0, or -errno with f filled. */
static int choose(struct sources *s, struct process *p, struct source_choice *chosen,
		  struct failure *f)
{
	const struct source *last = NULL;
	int err;

	p->source_why[0] = '\0';
	if (s->wanted)
		snprintf(p->source_why, sizeof(p->source_why), "--source %s asks for it",
			 s->wanted);
	for (size_t i = 0; source_table[i]; i++) {
		if (s->wanted && strcmp(s->wanted, source_table[i]->name) != 0)
			continue;
		last = source_table[i];
		*chosen = (struct source_choice){.source = last};
		err = last->find(s, p, &chosen->file, f);
		if (err <= 0)
			return err;
	}
	return refuse(s, p, last, f);
}

/* ---- its probes ---- */

static int attach(struct process *p, const struct source_choice *chosen, struct failure *f)
{
	const struct process_probes *probes = &p->probes[SOURCE_ON_FUNCTIONS];

	if (!chosen->file) {
		p->source = chosen->source;
		p->attached_ns = clock_ns();
		return process__enter(p, f);
	}
	if (chosen->source->place == SOURCE_ON_FUNCTIONS && probes->attached &&
	    probes->file == chosen->file)
		return 0;
	return process__attach(p, chosen->source, chosen->file, f);
}

int sources__attach_own(struct sources *s, struct process *p, struct failure *f)
{
	if (sources__wants_no_probes(s))
		return 0;
	for (size_t i = 0; source_table[i]; i++) {
		struct source_choice own = {.source = source_table[i]};
		int err = own.source->place == SOURCE_ON_FUNCTIONS
				  ? own.source->find(s, p, &own.file, f)
				  : 1;

		if (err <= 0)
			return err ?: attach(p, &own, f);
	}
	return -ENOENT;
}

int sources__attach(struct sources *s, struct process *p, struct source_choice *chosen,
		    struct failure *f)
{
	int err = choose(s, p, chosen, f);

	if (err)
		return err;
	/* Its first edges have been seen there, and this is where they must come from until the
	 * chosen source takes over. */
	if (chosen->source->place == SOURCE_IN_INTERPRETER &&
	    p->probes[SOURCE_ON_FUNCTIONS].attached)
		return sources__attach_own(s, p, f);
	err = attach(p, chosen, f);
	if (!err && chosen->source->place == SOURCE_IN_INTERPRETER)
		process__set_sources(p, chosen->source->bit);
	return err;
}

/*
 * The interpreter's own probes take over from those on libc, which have seen the first edges. Both
 * count until both have certainly reported the same edge.
 */
static int take_over(struct process *p, const struct source_choice *chosen, struct failure *f)
{
	const struct process_probes *probes = &p->probes[SOURCE_IN_INTERPRETER];
	int err = 0;

	if (!probes->attached || probes->file != chosen->file)
		err = process__attach(p, chosen->source, chosen->file, f);
	if (!err)
		process__set_sources(p,
				     GIL_SOURCE_COND | chosen->source->bit | GIL_SOURCE_TAKEOVER);
	return err;
}

int sources__settle(struct process *p, const struct source_choice *chosen, struct failure *f)
{
	p->source = chosen->source;
	if (p->source->place == SOURCE_IN_INTERPRETER)
		return p->probes[SOURCE_ON_FUNCTIONS].attached ? take_over(p, chosen, f) : 0;
	process__set_sources(p, p->source->bit);
	for (enum source_place place = 0; place < SOURCE_PLACES; place++)
		if (place != p->source->place)
			process__detach_from(p, place);
	return 0;
}

/*
 * Removes the probes on libc when they are no longer needed. They stop counting before that: the
 * other source reports an acquisition just after the probes on libc do, and it must not be counted
 * twice.
 */
void sources__end_takeover(struct process *p, __u64 now)
{
	const struct process_probes *from = &p->probes[SOURCE_ON_FUNCTIONS],
				    *to = &p->probes[SOURCE_IN_INTERPRETER];
	unsigned int sources = process__sources(p);
	__u64 since = gil_elapsed(p->attached_ns, now);

	if (!from->attached || !to->attached)
		return;
	if (sources & GIL_SOURCE_COND) {
		if (since >= TAKEOVER_NS)
			process__set_sources(p, to->source->bit | GIL_SOURCE_TAKEOVER);
	} else if (sources & GIL_SOURCE_TAKEOVER) {
		process__set_sources(p, to->source->bit);
		process__detach_from(p, SOURCE_ON_FUNCTIONS);
	} else if (since >= EXEC_PATIENCE_NS) {
		process__detach_from(p, SOURCE_ON_FUNCTIONS);
	}
}

/* ---- what a program that is not known yet is watched through ---- */

static bool is_libc(const struct process_probes *probes)
{
	return probes->source == &source_uprobe && probes->file && !probes->file->is_static;
}

void sources__expect_exec(struct sources *s, struct process *p, const struct process *like)
{
	const struct process_probes *probes = &like->probes[SOURCE_ON_FUNCTIONS];
	struct failure f = {0};
	struct site_file *libc;

	if (sources__wants_no_probes(s))
		return;
	libc = is_libc(probes) ? probes->file : site_file__of_libc(&s->files, NULL, 0, &f);

	if (libc)
		process__attach(p, &source_uprobe, libc, &f);
}

bool sources__expects_exec(const struct process *p)
{
	const struct process_probes *probes = &p->probes[SOURCE_ON_FUNCTIONS];

	return probes->attached && is_libc(probes);
}

bool sources__keep(struct sources *s, struct process *p, pid_t ended)
{
	struct failure f = {0};
	int err;

	/* While other probes are being removed, this process's breakpoints may be going with
	 * them. */
	if (!probe__is_multi(s->probe) || p->bound_by_events || s->outlive_thread == 0 ||
	    !probe__is_settled(s->probe))
		return false;
	/* Before the trial below, because the trial removes probes. */
	err = process__keep(p, ended, &f);
	if (err && err != -ESRCH)
		return false;
	if (s->outlive_thread < 0)
		s->outlive_thread = calibrate_outlives(s->probe);
	return s->outlive_thread;
}
