// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The schema gilscope/1. Keys keep their order and meaning; readers must ignore keys that they do
 * not know. What was not measured is null, never 0.
 */
#include <errno.h>
#include <string.h>

#include "core/base/json.h"
#include "core/figures/metric.h"
#include "core/figures/open.h"
#include "core/report/render.h"
#include "core/figures/verdict.h"

static void put_buckets(struct json *j, const struct gil_hist *h, bool is_time)
{
	json__open(j, "buckets", '[');
	for (__u32 i = 0; i < GIL_HIST_SLOTS; i++) {
		if (!h->slot[i])
			continue;
		json__open_inline(j, NULL, '{');
		json__integer(j, is_time ? "lo_ns" : "lo", gil_hist_lo(i));
		json__integer(j, is_time ? "hi_ns" : "hi", gil_hist_lo(i + 1));
		json__integer(j, "count", h->slot[i]);
		json__close(j, '}');
	}
	json__close(j, ']');
}

static void put_time_distribution(struct json *j, const char *key, const struct gil_hist *h)
{
	static const struct {
		const char *key;
		double q;
	} quantiles[] = {{"p50_ns", 0.5}, {"p90_ns", 0.9}, {"p99_ns", 0.99}, {"p999_ns", 0.999}};

	json__open(j, key, '{');
	json__integer(j, "count", h->count);
	json__integer(j, "sum_ns", h->sum);
	/* An empty distribution has no maximum. */
	if (h->count)
		json__integer(j, "max_ns", h->max);
	else
		json__null(j, "max_ns");
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++) {
		if (h->count)
			json__integer(j, quantiles[i].key, gil_hist__quantile(h, quantiles[i].q));
		else
			json__null(j, quantiles[i].key);
	}
	put_buckets(j, h, true);
	json__close(j, '}');
}

static void put_count_distribution(struct json *j, const char *key, const struct gil_hist *h)
{
	json__open(j, key, '{');
	json__integer(j, "count", h->count);
	json__integer(j, "max", h->max);
	json__integer(j, "sum", h->sum);
	put_buckets(j, h, false);
	json__close(j, '}');
}

static void put_value(struct json *j, const char *key, struct metric_value v)
{
	if (!v.known)
		json__null(j, key);
	else if (v.real)
		json__real(j, key, v.ratio);
	else
		json__integer(j, key, v.integer);
}

static void put_distribution(struct json *j, const struct metric *m, const struct gil_hist *h)
{
	if (!h)
		json__null(j, m->name);
	else if (m->unit == METRIC_NS)
		put_time_distribution(j, m->name, h);
	else
		put_count_distribution(j, m->name, h);
}

/* Where the time of an open hold went, if that is known. */
static void put_open_hold(struct json *j, const struct snapshot_process *p,
			  const struct snapshot_gil *g, const struct gil_thread *t)
{
	static const struct {
		const char *key;
		enum gil_part part;
	} parts[] = {{"open_hold_oncpu_ns", GIL_PART_ONCPU},
		     {"open_hold_preempted_ns", GIL_PART_RUNNABLE},
		     {"open_hold_blocked_ns", GIL_PART_BLOCKED}};
	struct open_interval o = open_hold(p, g, t);

	json__integer_if(j, "open_hold_ns", !g->waits_only, o.ns);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (g->waits_only)
			json__null(j, parts[i].key);
		else if (!o.unsplit_ns || o.unsplit_ns < o.ns)
			json__integer(j, parts[i].key, o.part[parts[i].part]);
		else
			json__null(j, parts[i].key);
	}
}

static void put_thread(struct json *j, const struct snapshot_process *p,
		       const struct snapshot_gil *g, const struct gil_thread *t)
{
	json__open(j, NULL, '{');
	json__integer(j, "tid", t->tid);
	json__name(j, "comm", t->comm, sizeof(t->comm));
	if (t->name[0])
		json__name(j, "name", t->name, sizeof(t->name));
	else
		json__null(j, "name");
	for (const struct metric *m = metric_table; m->name; m++) {
		if (!metric__is_per_thread(m))
			continue;
		if (metric__is_distribution(m))
			put_distribution(j, m, metric__thread_hist(m, g, t));
		else
			put_value(j, m->name, metric__thread_value(m, g, t));
	}
	/* What is open is not included in `wait` or `hold`, because it has not ended. */
	json__integer(j, "open_wait_ns", open_wait(t, snapshot_gil__end(p, g)).ns);
	put_open_hold(j, p, g, t);
	json__close(j, '}');
}

static void put_threads(struct json *j, const struct snapshot_process *p,
			const struct snapshot_gil *g)
{
	json__open(j, "threads", '[');
	for (size_t i = 0; i < g->nr_threads; i++)
		put_thread(j, p, g, &g->threads[i]);
	json__close(j, ']');
}

static void put_edges(struct json *j, const struct snapshot_gil *g)
{
	size_t n;
	const struct gil_sum *sums = snapshot_gil__sums(g, GIL_SUM_HANDOFFS, &n);

	json__open(j, "handoff_edges", '[');
	for (size_t i = 0; i < n; i++) {
		json__open_inline(j, NULL, '{');
		json__integer(j, "from", gil_pair_from(sums[i].key));
		json__integer(j, "to", gil_pair_to(sums[i].key));
		json__integer(j, "count", sums[i].count);
		json__integer(j, "wait_ns", sums[i].ns);
		json__close(j, '}');
	}
	json__close(j, ']');
}

static void put_function(struct json *j, const struct blame_row *r)
{
	json__open_inline(j, NULL, '{');
	json__text(j, "function", r->function);
	if (blame_kind__name(r->kind))
		json__string(j, "kind", blame_kind__name(r->kind));
	json__text(j, "file", r->file);
	if (r->line)
		json__integer(j, "line", r->line);
	else
		json__null(j, "line");
	json__text(j, "native", r->native);
	json__integer(j, "hold_ns", r->hold_ns);
	json__integer(j, "wait_ns", r->wait_ns);
	json__integer(j, "hold_blocked_ns", r->blocked_ns);
	json__integer(j, "hold_preempted_ns", r->preempted_ns);
	json__integer(j, "samples", r->samples);
	json__real(j, "error", r->error); /* null if it is not known */
	json__close(j, '}');
}

static void put_functions(struct json *j, const struct snapshot_gil *g)
{
	if (!g->functions) {
		json__null(j, "functions");
		return;
	}
	json__open(j, "functions", '[');
	for (size_t i = 0; i < g->nr_functions; i++)
		put_function(j, &g->functions[i]);
	json__close(j, ']');
}

static void put_verdict(struct json *j, const struct verdict *v)
{
	struct verdict_text text;

	verdict__tell(v, false, &text);
	json__open(j, "verdict", '{');
	json__string(j, "gil_bound", verdict_answer__name(v->answer));
	json__string(j, "kind", verdict_kind__name(v->kind));
	json__string(j, "text", text.sentence);
	json__open(j, "support", '[');
	for (int i = 0; i < VERDICT_SUPPORT; i++) {
		if (text.support[i][0])
			json__string(j, NULL, text.support[i]);
	}
	json__close(j, ']');
	json__close(j, '}');
}

/* Writes what was still going on at the end of the observation, and what was seen only in part. */
static void put_loose_ends(struct json *j, const struct snapshot_process *p,
			   const struct snapshot_gil *g)
{
	const struct gil_lock *l = &g->lock;

	json__integer(j, "observed_ns", gil_elapsed(l->start, snapshot_gil__end(p, g)));
	if (l->state == GIL_LOCK_HELD)
		json__integer(j, "holder", l->last_tid);
	else if (snapshot_gil__holder(g))
		json__integer(j, "holder", snapshot_gil__holder(g)->tid);
	else
		json__null(j, "holder");
	json__text(j, "holder_call", *g->holder_call ? g->holder_call : NULL);
	/* The open hold is included in held_ratio, but not in `hold`, because it has not ended. */
	json__integer_if(j, "open_hold_ns", !g->waits_only,
			 l->state == GIL_LOCK_HELD || snapshot_gil__holder(g)
				 ? gil_elapsed(l->since, snapshot_gil__end(p, g))
				 : 0);
	json__integer(j, "waiters", open_waiters(g));
	json__integer_if(j, "open_chain", !g->waits_only, l->chain_len);
	json__integer(j, "partial_waits", l->partial_waits);
	json__integer_if(j, "partial_holds", !g->waits_only, l->partial_holds);
	json__integer(j, "anomalies", l->anomalies);
	json__integer(j, "folded_threads", g->nr_folded);
	if (g->gaps) {
		json__open_inline(j, "not_recorded", '{');
		json__integer(j, "edges", g->lost_edges);
		json__integer(j, "places", g->gaps);
		json__integer(j, "ns", g->gap_ns);
		json__close(j, '}');
	}
}

static void put_gil(struct json *j, const struct snapshot_process *p, const struct snapshot_gil *g)
{
	struct verdict v = verdict__of_gil(p, g);
	char address[32];

	snprintf(address, sizeof(address), "0x%llx", (unsigned long long)g->lock.address);
	json__open(j, NULL, '{');
	json__string(j, "address", address);
	json__bool(j, "main", g->main);
	if (g->interpreter >= 0)
		json__integer(j, "interpreter", (__u64)g->interpreter);
	else
		json__null(j, "interpreter");
	if (g->switch_interval_us < 0)
		json__null(j, "switch_interval_us");
	else
		json__signed(j, "switch_interval_us", g->switch_interval_us);
	put_verdict(j, &v);
	for (const struct metric *m = metric_table; m->name; m++) {
		if (metric__is_per_process(m) || metric__is_per_function(m))
			continue;
		if (metric__is_distribution(m))
			put_distribution(j, m, metric__hist(m, g));
		else
			put_value(j, m->name, metric__value(m, p, g));
	}
	put_loose_ends(j, p, g);
	put_threads(j, p, g);
	put_edges(j, g);
	put_functions(j, g);
	json__close(j, '}');
}

static void put_process_flags(struct json *j, const struct snapshot_process *p)
{
	for (const struct metric *m = metric_table; m->name; m++) {
		if (!metric__is_per_process(m))
			continue;
		if (m->of_process(p).known)
			json__bool(j, m->name, m->of_process(p).integer);
		else
			json__null(j, m->name);
	}
}

static void put_process(struct json *j, const char *key, const struct snapshot_process *p)
{
	json__open(j, key, '{');
	json__signed(j, "pid", p->pid);
	json__name(j, "comm", p->comm, sizeof(p->comm));
	if (p->command[0])
		json__name(j, "command", p->command, sizeof(p->command));
	else
		json__null(j, "command");
	if (p->python[0])
		json__name(j, "python", p->python, sizeof(p->python));
	else
		json__null(j, "python");
	if (p->source[0])
		json__name(j, "source", p->source, sizeof(p->source));
	else
		json__null(j, "source");
	json__text(j, "source_reason", p->source_why);
	json__bool(j, "free_threaded", p->free_threaded);
	json__bool(j, "free_threaded_build", p->free_threaded_build);
	json__bool(j, "gil_turned_on", p->gil_turned_on);
	put_process_flags(j, p);
	json__bool(j, "exited", p->exited);
	json__integer(j, "observed_ns", gil_elapsed(p->start_ns, p->end_ns));
	json__integer(j, "late_ns", p->late_ns);
	json__string(j, "note", p->note);
	json__open(j, "gils", '[');
	for (size_t i = 0; i < p->nr_gils; i++)
		put_gil(j, p, &p->gils[i]);
	json__close(j, ']');
	json__close(j, '}');
}

static void put_lost(struct json *j, const struct snapshot_lost *l)
{
	json__integer(j, "lost_events", snapshot_lost__total(l));
	json__open_inline(j, "lost", '{');
	json__integer(j, "edges", l->edges);
	json__integer(j, "switches", l->switches);
	json__integer(j, "handoffs", l->handoffs);
	json__integer(j, "events", l->events);
	json__integer(j, "requests", l->requests);
	if (l->recording)
		json__integer(j, "recording", l->recording);
	if (l->gaps)
		json__integer(j, "gaps", l->gaps);
	if (l->gils)
		json__integer(j, "gils", l->gils);
	if (l->processes)
		json__integer(j, "processes", l->processes);
	if (l->torn)
		json__integer(j, "torn", l->torn);
	json__close(j, '}');
}

static void put_unobserved(struct json *j, const struct snapshot *s)
{
	json__open(j, "unobserved", '[');
	for (size_t i = 0; i < s->nr_unobserved; i++) {
		const struct snapshot_unobserved *u = &s->unobserved[i];

		json__open_inline(j, NULL, '{');
		json__signed(j, "pid", u->pid);
		json__name(j, "comm", u->comm, sizeof(u->comm));
		json__string(j, "why", u->why);
		json__close(j, '}');
	}
	json__close(j, ']');
}

static void put_cost(struct json *j, const struct snapshot *s)
{
	json__open_inline(j, "probe_cost", '{');
	json__integer(j, "hits", s->probe_hits);
	if (s->probe_ns_per_hit < 0)
		json__null(j, "ns_per_hit");
	else
		json__signed(j, "ns_per_hit", s->probe_ns_per_hit);
	json__close(j, '}');
}

int render_json(FILE *out, const struct snapshot *s, const struct render_options *o)
{
	struct verdict v = verdict__of_snapshot(s);
	struct json j = {.out = out};

	json__open(&j, NULL, '{');
	json__string(&j, "schema", "gilscope/1");
	json__text(&j, "version", o->version);
	json__integer(&j, "duration_ns", gil_elapsed(s->start_ns, s->end_ns));
	put_lost(&j, &s->lost);
	if (s->note[0])
		json__string(&j, "note", s->note);
	if (s->exit_status < 0)
		json__null(&j, "exit_status");
	else
		json__signed(&j, "exit_status", s->exit_status);
	put_cost(&j, s);
	put_verdict(&j, &v);
	json__open(&j, "processes", '[');
	for (size_t i = 0; i < s->nr_processes; i++)
		put_process(&j, NULL, &s->processes[i]);
	json__close(&j, ']');
	put_unobserved(&j, s);
	json__integer(&j, "unlisted_processes", s->nr_unlisted);
	json__integer(&j, "folded_processes", s->nr_folded);
	if (s->nr_folded)
		put_process(&j, "folded", &s->folded);
	json__close(&j, '}');
	putc('\n', out);
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}
