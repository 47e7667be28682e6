// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edge/observe/calibrate.h"
#include "edge/observe/sources.h"

#define MS 1000000ULL
/* After this long, any edge that was under way when the second source began to count is over. */
#define TAKEOVER_NS (20 * MS)
/* Most children that execute another program after a fork have done so by then. */
#define EXEC_PATIENCE_NS (500 * MS)

void sources__init(struct sources *s, struct probe *probe, enum sources_wanted wanted)
{
	*s = (struct sources){
		.probe = probe, .wanted = wanted, .fork_is_safe = -1, .outlive_thread = -1};
}

void sources__clear(struct sources *s)
{
	site_file__free_all(s->files);
}

static void say_how_found(struct process *p, enum cond_sites_from from)
{
	size_t length = strlen(p->source_why);

	snprintf(p->source_why + length, sizeof(p->source_why) - length,
		 "%sits C library is linked into it, and was found %s", length ? "; " : "",
		 cond_sites__how(from));
}

int sources__attach_own(struct sources *s, struct process *p, struct failure *f)
{
	struct site_file *file;

	if (p->python.semaphore_at)
		file = site_file__of_python2(&s->files, p->pid, &p->python, f);
	else if (p->python.is_static)
		file = site_file__of_static(&s->files, p->pid, &p->python, f);
	else
		file = site_file__of_libc(&s->files, p->pid, f);
	if (!file)
		return -errno;
	if (file->is_static)
		say_how_found(p, file->from);
	else if (p->python.semaphore_at)
		snprintf(p->source_why, sizeof(p->source_why),
			 "Python 2's GIL is a semaphore, given away every %d bytecodes",
			 p->python.check_interval);
	if (p->cond && p->libc == file)
		return 0;
	return process__attach(p, file, f);
}

/* True if probes in this interpreter could crash children of the process. */
static bool endangers_children(struct sources *s, const struct site_file *usdt)
{
	if (usdt->long_nop && s->fork_is_safe < 0)
		s->fork_is_safe = calibrate_fork(s->probe);
	return usdt->long_nop && !s->fork_is_safe;
}

/* Explains that --source usdt was given, but the interpreter's own probes are missing or
 * unusable. */
static int no_usdt(const struct process *p, const char *why, struct failure *f)
{
	failure__what(f, "cannot observe process %d (%s) with --source usdt: %s", p->pid, p->comm,
		      why);
	failure__cause(f, "CPython has no GIL probes unless it was built with them");
	failure__command(f, "readelf -n %s | grep -A1 'Provider: python'", p->python.path);
	return -ENOTSUP;
}

/*
 * Chooses where the edges of a process come from. *usdt is its interpreter's file if that file's
 * own probes are to be used, else NULL. Returns 0, or -ENOTSUP with f filled if they were asked for
 * and are not there.
 */
static int choose(struct sources *s, struct process *p, struct site_file **usdt, struct failure *f)
{
	static const char danger[] = "on this kernel they crash children made by fork";
	struct failure why = {.what = "--source uprobe asks for it"};
	bool forced = s->wanted == SOURCES_USDT;

	*usdt = NULL;
	if (s->wanted != SOURCES_UPROBE)
		*usdt = site_file__of_usdt(&s->files, s->probe, p->pid, &p->python, &why);
	if (!*usdt && forced)
		return no_usdt(p, why.what, f);
	if (*usdt && endangers_children(s, *usdt)) {
		failure__what(&why, "%s; %s",
			      forced ? "--source usdt asks for the interpreter's GIL probes"
				     : "the interpreter's GIL probes are left alone",
			      danger);
		if (!forced)
			*usdt = NULL;
	} else if (*usdt) {
		failure__what(&why, "the interpreter carries GIL probes");
	}
	snprintf(p->source_why, sizeof(p->source_why), "%.*s", (int)sizeof(p->source_why) - 1,
		 why.what);
	return 0;
}

/*
 * The interpreter's own probes take over from those on libc, which have seen the first edges. Both
 * count until both have certainly reported the same edge.
 */
static int take_over(struct process *p, const struct site_file *usdt, struct failure *f)
{
	int err = 0;

	if (!p->usdt || p->interpreter != usdt)
		err = process__attach(p, usdt, f);
	if (!err)
		process__set_sources(p, GIL_SOURCE_COND | GIL_SOURCE_USDT | GIL_SOURCE_TAKEOVER);
	return err;
}

int sources__attach(struct sources *s, struct process *p, struct site_file **usdt,
		    struct failure *f)
{
	int err = choose(s, p, usdt, f);

	if (err)
		return err;
	if (!*usdt || p->cond)
		return sources__attach_own(s, p, f);
	err = process__attach(p, *usdt, f);
	if (!err)
		process__set_sources(p, GIL_SOURCE_USDT);
	return err;
}

int sources__settle(struct process *p, const struct site_file *usdt, struct failure *f)
{
	p->by_usdt = usdt != NULL;
	if (usdt)
		return p->cond ? take_over(p, usdt, f) : 0;
	process__set_sources(p, process__own_source(p));
	process__detach_usdt(p);
	return 0;
}

/*
 * Removes the probes on libc when they are no longer needed. They stop counting before that: the
 * other source reports an acquisition just after the probes on libc do, and it must not be counted
 * twice.
 */
void sources__end_takeover(struct process *p, __u64 now)
{
	unsigned int sources = process__sources(p);
	__u64 since = gil_elapsed(p->attached_ns, now);

	if (!p->usdt || !p->cond)
		return;
	if (sources & GIL_SOURCE_COND) {
		if (since >= TAKEOVER_NS)
			process__set_sources(p, GIL_SOURCE_USDT | GIL_SOURCE_TAKEOVER);
	} else if (sources & GIL_SOURCE_TAKEOVER) {
		process__set_sources(p, GIL_SOURCE_USDT);
		process__detach_cond(p);
	} else if (since >= EXEC_PATIENCE_NS) {
		process__detach_cond(p);
	}
}

static bool is_libc(const struct site_file *file)
{
	return file->program == PROBE_COND && !file->is_static;
}

void sources__expect_exec(struct sources *s, struct process *p)
{
	struct failure f = {0};
	const struct site_file *libc = p->libc;

	if (!libc || !is_libc(libc))
		libc = site_file__of_libc(&s->files, 0, &f);
	if (libc)
		process__attach(p, libc, &f);
}

bool sources__expects_exec(const struct process *p)
{
	return p->cond && is_libc(p->libc);
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
