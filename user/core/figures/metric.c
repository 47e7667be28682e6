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

/* One getter for a counter that a thread and a GIL have in common. */
#define FIGURE(name, field)                                                                        \
	static struct metric_value get_##name(const struct snapshot_gil *g,                        \
					      const struct gil_figures *f)                         \
	{                                                                                          \
		(void)g;                                                                           \
		return integer(f->field);                                                          \
	}

FIGURE(acquisitions, acquisitions)
FIGURE(contended, contended)
FIGURE(releases, releases)
FIGURE(hold_oncpu, hold_part[GIL_PART_ONCPU])
FIGURE(hold_preempted, hold_part[GIL_PART_RUNNABLE])
FIGURE(hold_blocked, hold_part[GIL_PART_BLOCKED])
FIGURE(wait_blocked, wait_part[GIL_PART_BLOCKED])
FIGURE(wait_runnable, wait_part[GIL_PART_RUNNABLE])
FIGURE(wait_oncpu, wait_part[GIL_PART_ONCPU])

static struct metric_value get_requested_releases(const struct snapshot_gil *g,
						  const struct gil_figures *f)
{
	if (g->requests_unknown)
		return (struct metric_value){.known = false};
	return integer(f->requested_releases);
}

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
		return (struct metric_value){.known = false};
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

const struct metric metric_table[] = {
	{"acquisitions", METRIC_COUNT, "times a thread got the GIL",
	 .of_figures = get_acquisitions},
	{"contended", METRIC_COUNT, "acquisitions that had to wait", .of_figures = get_contended,
	 .whole = "acquisitions"},
	{"releases", METRIC_COUNT, "times a thread let the GIL go", .of_figures = get_releases},
	{"requested_releases", METRIC_COUNT, "releases that a waiter had asked for",
	 .of_figures = get_requested_releases, .whole = "releases", .loses = METRIC_LOSES_REQUESTS},
	{"handoffs", METRIC_COUNT,
	 "acquisitions by another thread that was already waiting at the release",
	 .of_gil = get_handoffs, .whole = "acquisitions"},
	{"held_ratio", METRIC_RATIO, "share of time the GIL was held", .of_gil = get_held_ratio},
	{"contended_ratio", METRIC_RATIO, "share of time at least one thread waited",
	 .of_gil = get_contended_ratio},
	{"wait_ratio", METRIC_RATIO, "threads waiting, on average", .of_gil = get_wait_ratio},
	{"hold", METRIC_NS, "length of a hold, acquisition to release",
	 .hist_of_figures = hist_hold},
	{"hold_oncpu_ns", METRIC_NS, "time in holds on a CPU", .of_figures = get_hold_oncpu,
	 .loses = METRIC_LOSES_HOLD_TIMES},
	{"hold_preempted_ns", METRIC_NS, "time in holds off the CPU though runnable",
	 .of_figures = get_hold_preempted, .loses = METRIC_LOSES_HOLD_TIMES},
	{"hold_blocked_ns", METRIC_NS, "time in holds asleep", .of_figures = get_hold_blocked,
	 .loses = METRIC_LOSES_HOLD_TIMES},
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
	{"chain", METRIC_COUNT, "handoffs in a row with no gap", .hist_of_gil = hist_chain},
	{"gil_enabled", METRIC_FLAG, "1 if a process runs with a GIL, 0 if all run without one",
	 .of_process = get_gil_enabled},
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

struct metric_value metric__value(const struct metric *m, const struct snapshot_process *p,
				  const struct snapshot_gil *g)
{
	if (m->of_process)
		return m->of_process(p);
	if (m->of_gil)
		return m->of_gil(p, g);
	if (m->of_figures)
		return m->of_figures(g, &g->fig);
	return (struct metric_value){.known = false};
}

struct metric_value metric__thread_value(const struct metric *m, const struct snapshot_gil *g,
					 const struct gil_thread *t)
{
	if (m->of_figures)
		return m->of_figures(g, &t->fig);
	return (struct metric_value){.known = false};
}

const struct gil_hist *metric__hist(const struct metric *m, const struct snapshot_gil *g)
{
	if (m->hist_of_gil)
		return m->hist_of_gil(g);
	return m->hist_of_figures ? m->hist_of_figures(&g->fig) : NULL;
}

const struct gil_hist *metric__thread_hist(const struct metric *m, const struct gil_thread *t)
{
	return m->hist_of_figures ? m->hist_of_figures(&t->fig) : NULL;
}

double metric_value__number(struct metric_value v)
{
	if (!v.known)
		return NAN;
	return v.real ? v.ratio : (double)v.integer;
}
