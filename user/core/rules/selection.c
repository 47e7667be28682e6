// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/format.h"
#include "core/figures/open.h"
#include "core/rules/selection.h"

const struct scope_key_row scope_key_table[SCOPE_KEYS] = {
	[SCOPE_THREAD] =
		{"thread",
		 "the thread's name: as in the program, or, of at most 15 bytes, in the kernel"},
	[SCOPE_FUNCTION] =
		{"function",
		 "for blame: a function, such as Page.render; also with its module, as in "
		 "json.*"},
	[SCOPE_FILE] = {"file", "for blame: a function's file, or the end of its path"},
	[SCOPE_PID] = {"pid", "the process's number"},
	[SCOPE_PROCESS] = {"process", "the process's name, or its script, \"-m module\" or title"},
	[SCOPE_PYTHON] = {"python", "the interpreter's version, such as 3.13.5"},
};

struct format scope__subject(enum scope_key key, const struct snapshot_process *p,
			     const struct gil_thread *t)
{
	struct format f = {""};

	switch (key) {
	case SCOPE_THREAD:
		snprintf(f.s, sizeof(f.s), "%.*s", (int)sizeof(t->comm), t->comm);
		break;
	case SCOPE_PID:
		snprintf(f.s, sizeof(f.s), "%d", p->pid);
		break;
	case SCOPE_PROCESS:
		snprintf(f.s, sizeof(f.s), "%.*s", (int)sizeof(p->comm), p->comm);
		break;
	case SCOPE_PYTHON:
		snprintf(f.s, sizeof(f.s), "%.*s", (int)sizeof(p->python), p->python);
		break;
	case SCOPE_FUNCTION:
	case SCOPE_FILE:
	case SCOPE_KEYS:
		break;
	}
	return f;
}

static bool matches(const struct scope_match *m, const char *subject)
{
	return m->glob ? !fnmatch(m->pattern, subject, 0) : !strcmp(m->pattern, subject);
}

bool scope__matches_process(const struct scope *scope, const struct snapshot_process *p)
{
	for (enum scope_key key = SCOPE_PID; key < SCOPE_KEYS; key++) {
		const struct scope_match *m = &scope->match[key];

		if (m->given && !matches(m, scope__subject(key, p, NULL).s) &&
		    !(key == SCOPE_PROCESS && p->command[0] && matches(m, p->command)))
			return false;
	}
	return true;
}

bool scope__matches_thread(const struct scope *scope, const struct gil_thread *t)
{
	const struct scope_match *m = &scope->match[SCOPE_THREAD];

	return !m->given || matches(m, scope__subject(SCOPE_THREAD, NULL, t).s) ||
	       (t->name[0] && matches(m, t->name));
}

/* The path, or a part at its end: "json/encoder.py" of "/usr/lib/python3.13/json/encoder.py". */
static bool matches_file(const struct scope_match *m, const char *file)
{
	while (file) {
		if (matches(m, file))
			return true;
		file = strchr(file, '/');
		file = file ? file + 1 : NULL;
	}
	return false;
}

/* Makes "usr.lib.json.encoder." of "/usr/lib/json/encoder.py", and "json." of "json/__init__.py" and of
 * "<frozen json>". The result is shorter than the path. */
static void modules_of(const char *file, char *to, size_t size)
{
	static const char init[] = "/__init__";
	bool frozen = !strncmp(file, "<frozen ", 8);
	size_t n;

	snprintf(to, size, "%s", frozen ? file + 8 : file + (file[0] == '/'));
	n = strlen(to);
	if (frozen && n && to[n - 1] == '>')
		to[--n] = '\0';
	else if (n > 3 && !strcmp(to + n - 3, ".py"))
		to[n -= 3] = '\0';
	if (n >= sizeof(init) && !strcmp(to + n - (sizeof(init) - 1), init))
		to[n -= sizeof(init) - 1] = '\0';
	for (char *s = to; *s; s++)
		if (*s == '/')
			*s = '.';
	if (n)
		snprintf(to + n, size - n, ".");
}

/* "Page.render", "views.Page.render", "app.views.Page.render" and so on. */
static bool matches_function(const struct scope_match *m, const struct blame_row *r)
{
	char modules[sizeof(r->file) + 1], name[sizeof(modules) + sizeof(r->function)];

	if (matches(m, r->function))
		return true;
	modules_of(r->file, modules, sizeof(modules));
	snprintf(name, sizeof(name), "%s%s", modules, r->function);
	for (const char *s = name, *end = name + strlen(modules); s < end; s = strchr(s, '.') + 1)
		if (matches(m, s))
			return true;
	return false;
}

bool scope__matches_function(const struct scope *scope, const struct blame_row *r)
{
	const struct scope_match *function = &scope->match[SCOPE_FUNCTION];
	const struct scope_match *file = &scope->match[SCOPE_FILE];

	return (!function->given || matches_function(function, r)) &&
	       (!file->given || matches_file(file, r->file));
}

/* Adds a hold or wait that had not ended, with what is known about where its time went. */
static void add_open(struct gil_hist *h, __u64 *part, __u64 *unsplit_ns,
		     const struct open_interval *o)
{
	gil_hist_add(h, o->ns);
	*unsplit_ns += o->unsplit_ns;
	for (int i = 0; i < GIL_PARTS; i++)
		part[i] += o->part[i];
}

static void add_open_hold(struct selection *sel, const struct open_interval *o)
{
	struct gil_figures *f = &sel->gil.fig;

	add_open(&f->hold, f->hold_part, &sel->unsplit_hold_ns, o);
}

static void add_thread(struct selection *sel, const struct snapshot_process *p,
		       const struct snapshot_gil *g, const struct gil_thread *t)
{
	struct open_interval wait = open_wait(t, snapshot_gil__end(p, g));
	struct open_interval hold = open_hold(p, g, t);
	struct gil_figures *f = &sel->gil.fig;

	gil_figures__add(f, &t->fig);
	if (wait.ns)
		add_open(&f->wait, f->wait_part, &sel->unsplit_wait_ns, &wait);
	if (hold.ns)
		add_open_hold(sel, &hold);
	sel->threads++;
}

/* Adds a hold that has not ended and whose thread has no row: the thread has died, or has never
 * produced an edge. */
static void add_unnamed_hold(struct selection *sel, const struct snapshot_process *p,
			     const struct snapshot_gil *g)
{
	const struct gil_lock *l = &g->lock;
	__u64 end = snapshot_gil__end(p, g);
	struct open_interval o = {0};

	if (sel->thread_scoped)
		return;
	if (snapshot_gil__holder(g))
		return;
	if (l->state == GIL_LOCK_UNSEEN && g->locked_at_start == 1)
		o.ns = gil_elapsed(l->start, end);
	else if (l->state == GIL_LOCK_HELD && !snapshot_gil__thread(g, l->last_tid))
		o.ns = gil_elapsed(l->since, end);
	o.unsplit_ns = o.ns;
	if (o.ns)
		add_open_hold(sel, &o);
}

static void add_lock(struct selection *sel, const struct snapshot_process *p,
		     const struct snapshot_gil *g)
{
	const struct gil_lock *l = &g->lock;
	__u64 end = snapshot_gil__end(p, g);
	struct gil_lock *sum = &sel->gil.lock;

	sel->process.end_ns += gil_elapsed(l->start, end);
	if (l->state == GIL_LOCK_UNSEEN && g->locked_at_start < 0)
		sel->held_unknown = true;
	sum->held_ns += gil_lock_held_until(l, g->locked_at_start, end);
	sum->contended_ns += gil_lock_contended_until(l, end);
	sum->waiter_ns += gil_lock_waiting_until(l, end);
	gil_hist__add(&sum->handoff, &l->handoff);
	gil_hist__add(&sum->chain, &l->chain);
	if (l->chain_len)
		gil_hist_add(&sum->chain, l->chain_len);
	for (int i = 0; i < GIL_NR_LOCK_COUNTERS; i++)
		sum->counter[i] += l->counter[i];
	sel->gil.waits_only = sel->gil.waits_only || g->waits_only;
	sel->gil.requests_unknown = sel->gil.requests_unknown || g->requests_unknown;
	counters__miss(&sel->gil.missing_thread_counters, g->missing_thread_counters);
	counters__miss(&sel->gil.missing_lock_counters, g->missing_lock_counters);
}

static bool is_meant(const void *scope, const struct blame_row *r)
{
	return scope__matches_function(scope, r);
}

static void add_functions(struct selection *sel, const struct snapshot_gil *g,
			  const struct scope *scope)
{
	sel->unsampled += !g->functions && g->nr_threads;
	for (int i = BLAME_FIGURE_WAIT; g->functions && i < BLAME_FIGURES; i++)
		blame_sum__add(&sel->functions[i], (enum blame_figure)i, g->functions,
			       g->nr_functions, is_meant, scope);
}

static void add_gil(struct selection *sel, const struct snapshot_process *p,
		    const struct snapshot_gil *g, const struct scope *scope)
{
	size_t threads = sel->threads;

	for (size_t i = 0; i < g->nr_threads; i++) {
		if (sel->thread_scoped && !g->threads[i].tid)
			sel->folded += g->nr_folded;
		else if (scope__matches_thread(scope, &g->threads[i]))
			add_thread(sel, p, g, &g->threads[i]);
	}
	if (sel->thread_scoped && sel->threads == threads)
		return;
	add_unnamed_hold(sel, p, g);
	add_lock(sel, p, g);
	add_functions(sel, g, scope);
	sel->gils++;
}

static struct selection *begin(const struct snapshot *s, bool thread_scoped)
{
	struct selection *sel = calloc(1, sizeof(*sel));

	if (!sel)
		return NULL;
	sel->thread_scoped = thread_scoped;
	sel->process.free_threaded = true;
	sel->lost = s->lost;
	sel->not_whole = s->not_whole;
	/* Otherwise the unlisted are among those that could not be observed anyway. */
	sel->unlisted = s->nr_unlisted && s->nr_processes >= SNAPSHOT_PAST;
	return sel;
}

static void add_process(struct selection *sel, const struct snapshot_process *p)
{
	sel->processes++;
	sel->process.free_threaded = sel->process.free_threaded && p->free_threaded;
	if (p->python[0])
		memcpy(sel->process.python, p->python, sizeof(p->python));
}

static struct selection *finish(struct selection *sel)
{
	sel->process.nr_gils = sel->gils;
	sel->process.gils = &sel->gil;
	sel->gil.lock.mark = sel->process.end_ns;
	sel->gil.lock.state = sel->held_unknown ? GIL_LOCK_UNSEEN : GIL_LOCK_FREE;
	sel->gil.locked_at_start = -1;
	return sel;
}

static bool scope__is_all(const struct scope *scope)
{
	for (int i = 0; i < SCOPE_KEYS; i++)
		if (scope->match[i].given)
			return false;
	return true;
}

struct selection *selection__of(const struct snapshot *s, const struct scope *scope)
{
	struct selection *sel = begin(s, scope->match[SCOPE_THREAD].given);

	if (!sel)
		return NULL;
	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];

		if (!scope__matches_process(scope, p))
			continue;
		add_process(sel, p);
		for (size_t j = 0; j < p->nr_gils; j++)
			add_gil(sel, p, &p->gils[j], scope);
	}
	if (s->nr_folded && scope__is_all(scope))
		add_gil(sel, &s->folded, s->folded.gils, scope);
	return finish(sel);
}

struct selection *selection__of_one(const struct snapshot *s, const struct snapshot_process *p,
				    const struct snapshot_gil *g, const struct gil_thread *t)
{
	static const struct scope all;
	struct selection *sel = begin(s, t != NULL);

	if (!sel)
		return NULL;
	add_process(sel, p);
	if (t) {
		add_thread(sel, p, g, t);
		add_lock(sel, p, g);
		sel->gils++;
	} else {
		add_gil(sel, p, g, &all);
	}
	return finish(sel);
}
