// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>
#include <string.h>

#include "core/figures/metric.h"

__u64 gil__observed(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	return gil_elapsed(g->lock.start, snapshot_gil__end(p, g));
}

static double ratio(const struct snapshot_process *p, const struct snapshot_gil *g, __u64 ns)
{
	__u64 observed = gil__observed(p, g);

	return observed ? (double)ns / (double)observed : NAN;
}

/* After a missed edge, holds may overlap. That is reported as an anomaly, not as 162 % of a GIL. */
static double at_most_all(double r)
{
	return r > 1 ? 1 : r; /* NaN stays */
}

double gil__held_ratio(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	/* Neither an edge nor the lock's own word has told. After a gap, the edges before it
	 * have. */
	if (g->lock.state == GIL_LOCK_UNSEEN && g->locked_at_start < 0 && !g->gaps)
		return NAN;
	return at_most_all(ratio(
		p, g, gil_lock_held_until(&g->lock, g->locked_at_start, snapshot_gil__end(p, g))));
}

double gil__contended_ratio(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	return at_most_all(
		ratio(p, g, gil_lock_contended_until(&g->lock, snapshot_gil__end(p, g))));
}

double gil__wait_ratio(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	return ratio(p, g, gil_lock_waiting_until(&g->lock, snapshot_gil__end(p, g)));
}

static struct metric_value integer(__u64 v)
{
	return (struct metric_value){.known = true, .integer = v};
}

static struct metric_value real(double v)
{
	return (struct metric_value){.known = !isnan(v), .real = true, .ratio = v};
}

static const struct metric_value not_measured = {.known = false};

/* One getter for each counter (gil_counter.h). */
static struct metric_value thread_counter(const struct snapshot_gil *g, const struct gil_figures *f,
					  enum gil_thread_counter i)
{
	if (i + g->missing_thread_counters >= GIL_NR_THREAD_COUNTERS)
		return not_measured;
	if (i == GIL_THREAD_COUNTER_requested_releases && g->requests_unknown)
		return not_measured;
	return integer(f->counter[i]);
}

#define THREAD_GETTER_HIDDEN(name)
#define THREAD_GETTER_COUNT(name)                                                                  \
	static struct metric_value get_##name(const struct snapshot_gil *g,                        \
					      const struct gil_figures *f)                         \
	{                                                                                          \
		return thread_counter(g, f, GIL_THREAD_COUNTER_##name);                            \
	}
#define THREAD_GETTER_NS(name)                        THREAD_GETTER_COUNT(name)
#define THREAD_GETTER(name, unit, whole, loses, help) THREAD_GETTER_##unit(name)
GIL_THREAD_COUNTERS(THREAD_GETTER)

#define LOCK_GETTER_HIDDEN(name)
#define LOCK_GETTER_COUNT(name)                                                                    \
	static struct metric_value get_##name(const struct snapshot_process *p,                    \
					      const struct snapshot_gil *g)                        \
	{                                                                                          \
		(void)p;                                                                           \
		if (GIL_LOCK_COUNTER_##name + g->missing_lock_counters >= GIL_NR_LOCK_COUNTERS)    \
			return not_measured;                                                       \
		return integer(g->lock.name);                                                      \
	}
#define LOCK_GETTER_NS(name)                        LOCK_GETTER_COUNT(name)
#define LOCK_GETTER(name, unit, whole, loses, help) LOCK_GETTER_##unit(name)
GIL_LOCK_COUNTERS(LOCK_GETTER)

/* One getter for a part of the time, which a thread and a GIL have in common. */
#define PART(name, field)                                                                          \
	static struct metric_value get_##name(const struct snapshot_gil *g,                        \
					      const struct gil_figures *f)                         \
	{                                                                                          \
		(void)g;                                                                           \
		return integer(f->field);                                                          \
	}

PART(hold_oncpu, hold_part[GIL_PART_ONCPU])
PART(hold_preempted, hold_part[GIL_PART_RUNNABLE])
PART(hold_blocked, hold_part[GIL_PART_BLOCKED])
PART(wait_blocked, wait_part[GIL_PART_BLOCKED])
PART(wait_runnable, wait_part[GIL_PART_RUNNABLE])
PART(wait_oncpu, wait_part[GIL_PART_ONCPU])

static struct metric_value get_handoffs(const struct snapshot_process *p,
					const struct snapshot_gil *g)
{
	(void)p;
	return integer(g->lock.handoff.count);
}

static struct metric_value get_held_ratio(const struct snapshot_process *p,
					  const struct snapshot_gil *g)
{
	return real(gil__held_ratio(p, g));
}

static struct metric_value get_contended_ratio(const struct snapshot_process *p,
					       const struct snapshot_gil *g)
{
	return real(gil__contended_ratio(p, g));
}

static struct metric_value get_wait_ratio(const struct snapshot_process *p,
					  const struct snapshot_gil *g)
{
	return real(gil__wait_ratio(p, g));
}

static struct metric_value get_gil_enabled(const struct snapshot_process *p)
{
	/* Until a process has shown what it is, nothing is known about it. */
	if (!p->python[0] && !p->nr_gils)
		return not_measured;
	return integer(!p->free_threaded);
}

static const struct gil_hist *hist_hold(const struct gil_figures *f)
{
	return &f->hold;
}

static const struct gil_hist *hist_wait(const struct gil_figures *f)
{
	return &f->wait;
}

static const struct gil_hist *hist_handoff(const struct snapshot_gil *g)
{
	return &g->lock.handoff;
}

static const struct gil_hist *hist_chain(const struct snapshot_gil *g)
{
	return &g->lock.chain;
}

/* A row for each counter that has a unit. */
#define ROW_HIDDEN(name, of, whole, loses, help)
#define ROW_COUNT(name, of, ...) ROW(name, of, METRIC_COUNT, __VA_ARGS__)
#define ROW_NS(name, of, ...)    ROW(name, of, METRIC_NS, __VA_ARGS__)
#define ROW(name, of, unit, whole_name, losses, help)                                              \
	{#name, unit, help, .of = get_##name, .whole = whole_name, .loses = losses},
#define THREAD_ROW(name, unit, ...) ROW_##unit(name, of_figures, __VA_ARGS__)
#define LOCK_ROW(name, unit, ...)   ROW_##unit(name, of_gil, __VA_ARGS__)

const struct metric metric_table[] = {
	GIL_THREAD_COUNTERS(THREAD_ROW) GIL_LOCK_COUNTERS(LOCK_ROW){
		"handoffs", METRIC_COUNT,
		"acquisitions by another thread that was already waiting at the release",
		.of_gil = get_handoffs, .whole = "acquisitions"},
	{"held_ratio", METRIC_RATIO, "share of time the GIL was held", .of_gil = get_held_ratio,
	 .loses = METRIC_LOSES_WITHOUT_HOLDS},
	{"contended_ratio", METRIC_RATIO, "share of time at least one thread waited",
	 .of_gil = get_contended_ratio},
	{"wait_ratio", METRIC_RATIO, "threads waiting, on average", .of_gil = get_wait_ratio},
	{"hold", METRIC_NS, "length of a hold, acquisition to release",
	 .hist_of_figures = hist_hold, .loses = METRIC_LOSES_WITHOUT_HOLDS},
	{"hold_oncpu_ns", METRIC_NS, "time in holds on a CPU", .of_figures = get_hold_oncpu,
	 .loses = METRIC_LOSES_HOLD_TIMES | METRIC_LOSES_WITHOUT_HOLDS},
	{"hold_preempted_ns", METRIC_NS, "time in holds off the CPU though runnable",
	 .of_figures = get_hold_preempted,
	 .loses = METRIC_LOSES_HOLD_TIMES | METRIC_LOSES_WITHOUT_HOLDS},
	{"hold_blocked_ns", METRIC_NS, "time in holds asleep", .of_figures = get_hold_blocked,
	 .loses = METRIC_LOSES_HOLD_TIMES | METRIC_LOSES_WITHOUT_HOLDS},
	{"wait", METRIC_NS, "length of a wait, first block to acquisition",
	 .hist_of_figures = hist_wait},
	{"wait_blocked_ns", METRIC_NS, "time in waits asleep on the lock",
	 .of_figures = get_wait_blocked, .loses = METRIC_LOSES_WAIT_TIMES},
	{"wait_runnable_ns", METRIC_NS, "time in waits woken but not yet on a CPU",
	 .of_figures = get_wait_runnable, .loses = METRIC_LOSES_WAIT_TIMES},
	{"wait_oncpu_ns", METRIC_NS, "time in waits on a CPU", .of_figures = get_wait_oncpu,
	 .loses = METRIC_LOSES_WAIT_TIMES},
	{"handoff", METRIC_NS, "latency of a handoff, release to acquisition",
	 .hist_of_gil = hist_handoff},
	{"chain", METRIC_COUNT, "handoffs in a row with no gap", .hist_of_gil = hist_chain,
	 .loses = METRIC_LOSES_WITHOUT_HOLDS},
	{"gil_enabled", METRIC_FLAG, "1 if a process runs with a GIL, 0 if all run without one",
	 .of_process = get_gil_enabled},
	{"blame_ns", METRIC_NS, "waiting of all other threads while these functions had the GIL",
	 .of_functions = BLAME_FIGURE_WAIT},
	{"blame_hold_ns", METRIC_NS, "time for which these functions had the GIL",
	 .of_functions = BLAME_FIGURE_HOLD},
	{.name = NULL},
};

const struct metric *metric__find(const char *name)
{
	for (const struct metric *m = metric_table; m->name; m++) {
		if (!strcmp(m->name, name))
			return m;
	}
	return NULL;
}

bool metric__is_distribution(const struct metric *m)
{
	return m->hist_of_figures || m->hist_of_gil;
}

bool metric__is_per_thread(const struct metric *m)
{
	return m->of_figures || m->hist_of_figures;
}

bool metric__is_per_process(const struct metric *m)
{
	return m->of_process;
}

bool metric__is_per_function(const struct metric *m)
{
	return m->of_functions;
}

const char *metric__rule_name(const struct metric *m, size_t *length)
{
	size_t n = strlen(m->name);

	if (m->unit == METRIC_NS && n > 3 && !strcmp(m->name + n - 3, "_ns"))
		n -= 3;
	*length = n;
	return m->name;
}

const struct metric *metric__find_rule_name(const char *name, size_t length)
{
	for (const struct metric *m = metric_table; m->name; m++) {
		size_t n;

		metric__rule_name(m, &n);
		if (n == length && !strncmp(m->name, name, n))
			return m;
	}
	return NULL;
}

bool metric__is_seen(const struct metric *m, const struct snapshot_gil *g)
{
	return !g->waits_only || !(m->loses & METRIC_LOSES_WITHOUT_HOLDS);
}

struct metric_value metric__value(const struct metric *m, const struct snapshot_process *p,
				  const struct snapshot_gil *g)
{
	if (!metric__is_seen(m, g))
		return not_measured;
	if (m->of_process)
		return m->of_process(p);
	if (m->of_gil)
		return m->of_gil(p, g);
	if (m->of_figures)
		return m->of_figures(g, &g->fig);
	return not_measured;
}

struct metric_value metric__thread_value(const struct metric *m, const struct snapshot_gil *g,
					 const struct gil_thread *t)
{
	if (m->of_figures && metric__is_seen(m, g))
		return m->of_figures(g, &t->fig);
	return not_measured;
}

const struct gil_hist *metric__hist(const struct metric *m, const struct snapshot_gil *g)
{
	if (!metric__is_seen(m, g))
		return NULL;
	if (m->hist_of_gil)
		return m->hist_of_gil(g);
	return m->hist_of_figures ? m->hist_of_figures(&g->fig) : NULL;
}

const struct gil_hist *metric__thread_hist(const struct metric *m, const struct snapshot_gil *g,
					   const struct gil_thread *t)
{
	return m->hist_of_figures && metric__is_seen(m, g) ? m->hist_of_figures(&t->fig) : NULL;
}

double metric_value__number(struct metric_value v)
{
	if (!v.known)
		return NAN;
	return v.real ? v.ratio : (double)v.integer;
}
