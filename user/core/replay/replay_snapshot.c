// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Makes a snapshot from the state of a replay, and from the figures that the kernel kept. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/figures/blame_totals.h"
#include "core/replay/replay_state.h"

/* ---- the kernel's figures ---- */

static int tell_figures_gil(struct replay *r, struct span *body)
{
	__u64 process = span__number(body);
	struct gil *own = replay__gil(r, process, (__u32)span__number(body));
	struct snapshot *s = r->figures;
	struct snapshot_process *p = s->nr_processes ? &s->processes[s->nr_processes - 1] : NULL;
	struct snapshot_gil *g;
	size_t size;

	if (!own)
		return 0;
	if (!p || p->pid != own->program->p.pid || p->start_ns != own->program->p.start_ns) {
		p = snapshot__add_process(s);
		if (!p)
			return -ENOMEM;
		*p = own->program->p;
	}
	g = snapshot_process__add_gil(p);
	if (!g)
		return -ENOMEM;
	*g = own->public.g;
	if (!trace_figures__get_gil(body, g))
		memset(&g->lock, 0, sizeof(g->lock));
	size = own->samples ? 2 * blame__memory(own->samples) : 0; /* with the rows made of them */
	if (!replay__has_room(r, size))
		return -ENOMEM;
	r->memory += size;
	return replay__copy_samples(own, g);
}

int replay__tell_figures(struct replay *r, unsigned int type, struct span *body)
{
	struct snapshot *s = r->figures ?: (r->figures = snapshot__new());
	struct snapshot_process *p =
		s && s->nr_processes ? &s->processes[s->nr_processes - 1] : NULL;
	struct snapshot_gil *g = p && p->nr_gils ? &p->gils[p->nr_gils - 1] : NULL;
	/* The lists grow by powers of two, hence the factor. */
	size_t size = 2 * (sizeof(struct snapshot_gil) + sizeof(struct gil_thread));
	enum gil_sum_kind kind = trace_figures__sums_kind(type);
	struct gil_thread *t;

	if (!s || !replay__has_room(r, size))
		return -ENOMEM;
	r->memory += size;
	if (type == TRACE_RECORD_FIGURES_GIL)
		return tell_figures_gil(r, body);
	if (!g)
		return 0;
	if (type == TRACE_RECORD_FIGURES_FUNCTIONS)
		return replay__tell_check(r, body);
	if (kind != GIL_SUM_KINDS)
		return trace_figures__get_sums(body, kind, g) || body->bad ? 0 : -ENOMEM;
	t = snapshot_gil__add_thread(g);
	if (!t)
		return -ENOMEM;
	if (!trace_figures__get_thread(body, g, t))
		memset(t, 0, sizeof(*t));
	t->pid = (__u32)p->pid;
	return 0;
}

/* ---- a snapshot ---- */

static int add_threads(const struct replay *r, const struct gil *g, struct snapshot_gil *sg)
{
	struct gil_thread *t;

	for (const struct row *row = g->rows; row; row = row->next) {
		if (!row->listed || (r->only_tid && (pid_t)row->public.t.tid != r->only_tid))
			continue;
		t = snapshot_gil__add_thread(sg);
		if (!t)
			return -ENOMEM;
		*t = row->public.t;
	}
	if (!g->folded || r->only_tid)
		return 0;
	t = snapshot_gil__add_thread(sg);
	if (!t)
		return -ENOMEM;
	*t = *g->folded;
	sg->nr_folded = g->nr_folded;
	return 0;
}

/* True if the sum is, among others, about this thread. */
static bool concerns(const struct gil_sum *sum, pid_t tid)
{
	return sum->kind != GIL_SUM_HANDOFFS || (pid_t)gil_pair_from(sum->key) == tid ||
	       (pid_t)gil_pair_to(sum->key) == tid;
}

static int add_sums(const struct replay *r, const struct gil *g, struct snapshot_gil *sg)
{
	for (size_t i = 0; i < g->sum_buckets; i++) {
		for (const struct sum *s = g->sums[i]; s; s = s->next) {
			struct gil_sum *copy;

			if (r->only_tid && !concerns(&s->sum, r->only_tid))
				continue;
			copy = snapshot_gil__add_sum(sg);
			if (!copy)
				return -ENOMEM;
			*copy = s->sum;
		}
	}
	return 0;
}

/* Takes off the part of the last gap that is after the end: it does not shorten the observed
 * time. */
static void cut_gap(struct snapshot_gil *g, __u64 beyond)
{
	g->lock.start -= beyond;
	g->gap_ns -= beyond;
}

static int add_gil(const struct replay *r, const struct gil *g, struct snapshot_process *p)
{
	struct snapshot_gil *sg = snapshot_process__add_gil(p);

	if (!sg)
		return -ENOMEM;
	*sg = g->public.g;
	sg->lost_edges = g->lost_edges;
	sg->gaps = g->gaps;
	sg->gap_ns = g->gap_ns;
	cut_gap(sg, gil_elapsed(snapshot_gil__end(p, sg), g->gap_end));
	/* Threads that died waiting, and were not taken off the waiters at any edge. */
	if (g->died > 0)
		sg->lock.gone += (__u32)g->died;
	return add_threads(r, g, sg) ?: add_sums(r, g, sg)
	       ?: replay__copy_samples(g, sg) ?: blame_totals__functions(p, sg);
}

/* True for the GIL of a free-threaded build that is off. It must not count as one without
 * waiters. */
static bool is_off_and_unused(const struct program *pg, const struct gil *g)
{
	return pg->p.free_threaded && !g->public.g.end_ns &&
	       g->public.g.lock.state == GIL_LOCK_UNSEEN;
}

/* If only one thread is asked for, only its process counts. An exited thread may be in a shared
 * row. */
static bool may_have_thread(const struct replay *r, const struct program *pg)
{
	bool found = !r->only_tid;

	for (size_t i = 0; i < pg->nr_gils && !found; i++) {
		found = pg->gils[i]->folded;
		for (const struct row *row = pg->gils[i]->rows; row && !found; row = row->next)
			found = (pid_t)row->public.t.tid == r->only_tid;
	}
	return found;
}

static int add_process(const struct replay *r, const struct program *pg, struct snapshot *s)
{
	struct snapshot_process *p;
	bool exited = pg->p.exited && pg->p.end_ns <= s->end_ns;

	if (pg->left_out || pg->p.start_ns > s->end_ns || !may_have_thread(r, pg))
		return 0;
	p = snapshot__add_process(s);
	if (!p)
		return -ENOMEM;
	*p = pg->p;
	p->exited = exited;
	if (!exited)
		p->end_ns = s->end_ns;
	for (size_t i = 0; i < pg->nr_gils; i++)
		if (!is_off_and_unused(pg, pg->gils[i]) && add_gil(r, pg->gils[i], p))
			return -ENOMEM;
	return 0;
}

__attribute__((format(printf, 2, 3))) static void say(struct snapshot *s, const char *fmt, ...)
{
	size_t n = strlen(s->note);
	va_list ap;

	if (n && n < sizeof(s->note) - 1)
		s->note[n++] = ' ';
	va_start(ap, fmt);
	vsnprintf(s->note + n, sizeof(s->note) - n, fmt, ap);
	va_end(ap);
}

/* Writes a note about what the trace lacks, besides lost edges. */
static void put_note(const struct replay *r, struct snapshot *s)
{
	const struct trace_condition *c = trace_reader__condition(r->reader);

	if (c->ended && !c->whole)
		say(s, "The recording is cut off: what came after this is unknown.");
	if (c->missing)
		say(s, "%llu piece%s of the recording missing or damaged.", c->missing,
		    c->missing == 1 ? " is" : "s are");
	if (r->window && !r->ranged)
		say(s, "It was made by a flight recorder: what came before was not kept.");
	if (r->only_tid)
		say(s,
		    "Only thread %d: counts and distributions are its own, shares of time are the "
		    "GIL's.",
		    r->only_tid);
	if (replay__is_filtered(r))
		say(s, "Only waits and holds from some length on were recorded one by one; these "
		       "figures are the kernel's, and include all.");
}

/* Fills everything that belongs to no process. */
static void add_status(const struct replay *r, struct snapshot *s)
{
	bool all = r->finished && r->status.flags & TRACE_STATUS_FINAL;
	/* The kernel has also counted hits that gave no edge, but only for the whole recording. */
	bool counted =
		all && r->status.flags & TRACE_STATUS_FIGURES && !r->ranged && !r->ends_before;

	s->start_ns = r->start;
	s->end_ns = r->now;
	s->probe_ns_per_hit = r->status.probe_ns_per_hit;
	s->exit_status = all ? r->status.exit_status : -1;
	s->probe_hits = counted ? r->status.probe_hits : r->hits;
	s->usdt_hits = counted ? r->status.usdt_hits : 0;
	s->lost = r->status.lost;
	s->lost.recording = r->lost_edges;
	s->nr_unlisted = r->status.nr_unlisted;
	put_note(r, s);
}

static int finish_process(struct snapshot_process *p, __u64 now)
{
	int err = 0;

	if (!p->exited)
		p->end_ns = now;
	for (size_t i = 0; i < p->nr_gils && !err; i++)
		err = blame_totals__functions(p, &p->gils[i]);
	return err;
}

int replay__finish_figures(struct replay *r)
{
	if (!r->figures)
		return 0;
	add_status(r, r->figures);
	for (size_t i = 0; i < r->figures->nr_processes; i++)
		if (finish_process(&r->figures->processes[i], r->now))
			return -ENOMEM;
	replay__check_functions(r);
	if (snapshot__append(r->figures, r->rest))
		return -ENOMEM;
	snapshot__finish(r->figures);
	return 0;
}

const struct snapshot *replay__kernel_figures(const struct replay *r)
{
	bool all = r->finished && r->status.flags & TRACE_STATUS_FIGURES;

	return all && trace_reader__condition(r->reader)->whole ? r->figures : NULL;
}

int replay__need_figures(const struct replay *r, const char *path, struct failure *f)
{
	const struct trace_header *h = trace_reader__header(r->reader);
	char which[2][40] = {"", ""};

	if (!replay__is_filtered(r) || (replay__kernel_figures(r) && !r->ranged && !r->ends_before))
		return 0;
	if (h->min_wait_ns)
		snprintf(which[0], sizeof(which[0]), " --min-wait %.6g",
			 (double)h->min_wait_ns / 1e9);
	if (h->min_hold_ns)
		snprintf(which[1], sizeof(which[1]), " --min-hold %.6g",
			 (double)h->min_hold_ns / 1e9);
	failure__what(f, "%s has only long waits and holds, and no figures that cover this", path);
	failure__cause(f,
		       "it was recorded with%s%s, so that the kernel's figures are for the whole "
		       "recording only, and at its end",
		       which[0], which[1]);
	failure__command(f, "gilscope report --format csv %s", path);
	return -EINVAL;
}

static void keep_thread(struct snapshot_gil *g, pid_t tid)
{
	size_t threads = 0, sums = 0;

	for (size_t i = 0; i < g->nr_threads; i++)
		if ((pid_t)g->threads[i].tid == tid)
			g->threads[threads++] = g->threads[i];
	for (size_t i = 0; i < g->nr_sums; i++)
		if (concerns(&g->sums[i], tid))
			g->sums[sums++] = g->sums[i];
	g->nr_threads = threads;
	g->nr_sums = sums;
	g->nr_folded = 0;
}

/* For a trace with only the long waits and holds: copies the figures at its end, which cover
 * all. */
static struct snapshot *copy_figures(const struct replay *r, const struct snapshot *figures)
{
	struct snapshot *s = snapshot__copy(figures);

	if (!s)
		return NULL;
	for (size_t i = 0; r->only_tid && i < s->nr_processes; i++)
		for (size_t j = 0; j < s->processes[i].nr_gils; j++)
			keep_thread(&s->processes[i].gils[j], r->only_tid);
	snapshot__finish(s);
	return s;
}

static struct snapshot *from_edges(const struct replay *r)
{
	struct snapshot *s = snapshot__new();
	const struct program *lists[] = {r->past, r->alive};
	int err;

	if (!s)
		return NULL;
	add_status(r, s);
	err = snapshot__append(s, r->rest);
	for (int i = 0; i < 2; i++)
		for (const struct program *pg = lists[i]; pg && !err; pg = pg->next)
			err = add_process(r, pg, s);
	if (err) {
		snapshot__free(s);
		return NULL;
	}
	snapshot__finish(s);
	return s;
}

struct snapshot *replay__snapshot(const struct replay *r)
{
	const struct snapshot *figures = replay__kernel_figures(r);

	return figures && replay__is_filtered(r) ? copy_figures(r, figures) : from_edges(r);
}
