// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/screen/column.h"
#include "core/figures/metric.h"
#include "core/figures/verdict.h"

const struct column thread_columns[] = {
	{.title = "thread",
	 .width = -8,
	 .priority = 3,
	 .kind = COLUMN_ID,
	 .help = "its number, as in /proc"},
	{.title = "name", .width = 15, .kind = COLUMN_NAME, .help = "as the kernel has it"},
	{.title = "now",
	 .width = 9,
	 .priority = 5,
	 .kind = COLUMN_STATE,
	 .help = "holding, preempted or asleep (while it holds the GIL), waiting, idle, exited"},
	{.title = "holding",
	 .width = -7,
	 .kind = COLUMN_HELD,
	 .help = "share of the time that it had the GIL"},
	{.title = "waiting",
	 .width = -7,
	 .kind = COLUMN_WAITED,
	 .help = "share of the time that it waited for it"},
	{.title = "acq/s",
	 .width = -7,
	 .priority = 2,
	 .kind = COLUMN_RATE,
	 .metric = "acquisitions",
	 .help = "times a second that it got the GIL"},
	{.title = "requested",
	 .width = -9,
	 .priority = 6,
	 .kind = COLUMN_RATIO,
	 .metric = "requested_releases",
	 .of = "releases",
	 .help = "share of its releases that a waiter had asked for"},
	{.title = "longest",
	 .width = -9,
	 .priority = 4,
	 .kind = COLUMN_QUANTILE,
	 .metric = "hold",
	 .q = 1,
	 .help = "its longest hold"},
	{.title = "wait p99",
	 .width = -8,
	 .priority = 1,
	 .kind = COLUMN_QUANTILE,
	 .metric = "wait",
	 .q = 0.99,
	 .help = "99 % of its waits are shorter"},
	{.title = "wait p50",
	 .width = -8,
	 .priority = 7,
	 .kind = COLUMN_QUANTILE,
	 .metric = "wait",
	 .q = 0.5,
	 .help = "half of its waits are shorter"},
	{.title = "contended",
	 .width = -9,
	 .priority = 8,
	 .kind = COLUMN_RATIO,
	 .metric = "contended",
	 .of = "acquisitions",
	 .help = "share of its acquisitions that had to wait"},
	{.title = "preempted",
	 .width = -9,
	 .priority = 9,
	 .kind = COLUMN_SHARE,
	 .metric = "hold_preempted_ns",
	 .help = "share of the time that it held the GIL without a CPU"},
	{.title = "asleep",
	 .width = -8,
	 .priority = 10,
	 .kind = COLUMN_SHARE,
	 .metric = "hold_blocked_ns",
	 .help = "share of the time that it slept with the GIL"},
	{.title = "acquired",
	 .width = -11,
	 .priority = 11,
	 .kind = COLUMN_TOTAL,
	 .metric = "acquisitions",
	 .help = "times that it got the GIL"},
	{.title = NULL},
};

const struct column gil_columns[] = {
	{.title = "process", .width = -7, .priority = 1, .kind = COLUMN_ID, .help = "its number"},
	{.title = "name", .width = 15, .kind = COLUMN_NAME, .help = "its script, module or title"},
	{.title = "held",
	 .width = -7,
	 .kind = COLUMN_SHARE,
	 .metric = "held_ratio",
	 .help = "share of the time that a thread had the GIL"},
	{.title = "contended",
	 .width = -9,
	 .kind = COLUMN_SHARE,
	 .metric = "contended_ratio",
	 .help = "share of the time that at least one thread waited"},
	{.title = "waiting",
	 .width = -7,
	 .priority = 2,
	 .kind = COLUMN_WAITED,
	 .help = "threads that waited, on average"},
	{.title = "why",
	 .width = 12,
	 .priority = 3,
	 .kind = COLUMN_WHY,
	 .help = "the verdict, in a word"},
	{.title = "acq/s",
	 .width = -7,
	 .priority = 4,
	 .kind = COLUMN_RATE,
	 .metric = "acquisitions",
	 .help = "acquisitions a second"},
	{.title = "wait p99",
	 .width = -8,
	 .priority = 5,
	 .kind = COLUMN_QUANTILE,
	 .metric = "wait",
	 .q = 0.99,
	 .help = "99 % of all waits are shorter"},
	{.title = "hold p99",
	 .width = -8,
	 .priority = 8,
	 .kind = COLUMN_QUANTILE,
	 .metric = "hold",
	 .q = 0.99,
	 .help = "99 % of all holds are shorter"},
	{.title = "threads",
	 .width = -7,
	 .priority = 7,
	 .kind = COLUMN_THREADS,
	 .help = "threads that have used it and are alive"},
	{.title = "now",
	 .width = -4,
	 .priority = 9,
	 .kind = COLUMN_WAITERS,
	 .help = "threads that wait now"},
	{.title = "python",
	 .width = 8,
	 .priority = 10,
	 .kind = COLUMN_PYTHON,
	 .help = "the interpreter's version"},
	{.title = "over time",
	 .width = 16,
	 .priority = 6,
	 .kind = COLUMN_CURVE,
	 .help = "the contended share over the last minutes"},
	{.title = NULL},
};

const struct column function_columns[] = {
	{.title = "waiting",
	 .width = -8,
	 .kind = COLUMN_BLAME,
	 .help = "share of all waiting, during which this function had the GIL"},
	{.title = "error",
	 .width = -8,
	 .priority = 3,
	 .kind = COLUMN_ERROR,
	 .help = "the standard error of that: the truth is within twice as much"},
	{.title = "holding",
	 .width = -8,
	 .priority = 1,
	 .kind = COLUMN_HOLDING,
	 .help = "its share of all the time in holds"},
	{.title = "asleep",
	 .width = -8,
	 .priority = 4,
	 .kind = COLUMN_ASLEEP,
	 .help = "the part of that for which it slept"},
	{.title = "function",
	 .width = 15,
	 .kind = COLUMN_NAME,
	 .help = "its qualified name; in brackets: what is nobody's (docs/blame.md)"},
	{.title = "line",
	 .width = 22,
	 .priority = 2,
	 .kind = COLUMN_FILE,
	 .help = "its file, and the line with most of it"},
	{.title = "in",
	 .width = 34,
	 .priority = 5,
	 .kind = COLUMN_NATIVE,
	 .help = "the native function or the system call that has most of it"},
	{.title = NULL},
};

const char *thread__doing(const struct snapshot_gil *g, const struct gil_thread *t)
{
	static const char *const holding[] = {
		[GIL_PART_ONCPU] = "holding",
		[GIL_PART_RUNNABLE] = "preempted",
		[GIL_PART_BLOCKED] = "asleep",
	};

	if (g->waits_only && t->state != GIL_THREAD_WAITING && t->state != GIL_THREAD_GONE)
		return "-"; /* it may have the GIL */
	switch (t->state) {
	case GIL_THREAD_HOLDING:
		return t->stopped ? "stopped" : holding[t->cpu < GIL_PARTS ? t->cpu : 0];
	case GIL_THREAD_WAITING:
		return "waiting";
	case GIL_THREAD_GONE:
		return "exited";
	default:
		return "idle";
	}
}

static double observed(const struct subject *s)
{
	return (double)gil__observed(s->process, s->gil);
}

static double metric_of(const struct subject *s, const char *name)
{
	const struct metric *m = metric__find(name);
	struct metric_value v = s->thread ? metric__thread_value(m, s->gil, s->thread)
					  : metric__value(m, s->process, s->gil);

	return metric_value__number(v);
}

static const struct gil_hist *hist_of(const struct subject *s, const char *name)
{
	const struct metric *m = metric__find(name);

	return s->thread ? metric__thread_hist(m, s->gil, s->thread) : metric__hist(m, s->gil);
}

static double living_threads(const struct snapshot_gil *g)
{
	double n = 0;

	for (size_t i = 0; i < g->nr_threads; i++)
		n += g->threads[i].tid && g->threads[i].state != GIL_THREAD_GONE;
	return n;
}

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : NAN;
}

/* A metric as a share of the time: metrics in ns are divided by the observed time. */
static double share_of_time(const struct subject *s, const char *metric)
{
	double v = metric_of(s, metric);

	return metric__find(metric)->unit == METRIC_NS ? share(v, observed(s)) : v;
}

/* NaN if the value is unknown, or if the column has words. */
static double value(const struct column *c, const struct subject *s)
{
	const struct gil_hist *h;

	switch (c->kind) {
	case COLUMN_ID:
		return s->thread ? s->thread->tid : (double)s->process->pid;
	case COLUMN_WAITERS:
		return gil_lock_waiters(&s->gil->lock);
	case COLUMN_THREADS:
		return living_threads(s->gil);
	case COLUMN_HELD:
		return s->gil->waits_only ? NAN
					  : share((double)snapshot_gil__thread_held(
							  s->gil, s->thread,
							  snapshot_gil__end(s->process, s->gil)),
						  observed(s));
	case COLUMN_WAITED:
		return s->thread ? share((double)snapshot_gil__thread_waited(
						 s->thread, snapshot_gil__end(s->process, s->gil)),
					 observed(s))
				 : gil__wait_ratio(s->process, s->gil);
	case COLUMN_SHARE:
		return share_of_time(s, c->metric);
	case COLUMN_RATE:
		return share(metric_of(s, c->metric), observed(s) / 1e9);
	case COLUMN_TOTAL:
		return metric_of(s, c->metric);
	case COLUMN_RATIO:
		return share(metric_of(s, c->metric), metric_of(s, c->of));
	case COLUMN_BLAME:
		return share((double)s->function->wait_ns, s->all_wait_ns);
	case COLUMN_ERROR:
		return s->function->wait_ns && s->function->error > 0 ? s->function->error : NAN;
	case COLUMN_HOLDING:
		return share((double)s->function->hold_ns, s->all_hold_ns);
	case COLUMN_ASLEEP:
		return s->function->blocked_ns
			       ? share((double)s->function->blocked_ns, s->all_hold_ns)
			       : NAN;
	case COLUMN_CURVE:
		return gil__contended_ratio(s->process, s->gil);
	case COLUMN_QUANTILE:
		h = hist_of(s, c->metric);
		return h && h->count ? (double)gil_hist__quantile(h, c->q) : NAN;
	default:
		return NAN;
	}
}

/* *size: the most that it may have, if that is not its end. */
static const char *word(const struct column *c, const struct subject *s, size_t *size)
{
	struct verdict v;

	switch (c->kind) {
	case COLUMN_NAME:
		return s->thread ? snapshot_thread__known_as(s->thread, size)
				 : snapshot_process__known_as(s->process, size);
	case COLUMN_STATE:
		return thread__doing(s->gil, s->thread);
	case COLUMN_PYTHON:
		return s->process->python;
	case COLUMN_WHY:
		if (s->process->exited || s->gil->end_ns)
			return "exited";
		v = verdict__of_gil(s->process, s->gil);
		return verdict_kind__name(v.kind);
	default:
		return NULL;
	}
}

static struct format number(const struct column *c, const struct subject *s, double v, bool ascii)
{
	struct format f = {"-"}, ns;

	if (isnan(v))
		return f;
	switch (c->kind) {
	case COLUMN_ID:
		snprintf(f.s, sizeof(f.s), "%.0f", v);
		return f;
	case COLUMN_HELD:
	case COLUMN_SHARE:
	case COLUMN_RATIO:
	case COLUMN_BLAME:
	case COLUMN_HOLDING:
	case COLUMN_ASLEEP:
		return format_percent(v);
	case COLUMN_ERROR:
		ns = format_percent(v);
		snprintf(f.s, sizeof(f.s), "%s%.60s", ascii ? "+-" : "±", ns.s);
		return f;
	case COLUMN_WAITED:
		return s->thread ? format_percent(v) : format_mean(v);
	case COLUMN_RATE:
		return format_mean(v);
	case COLUMN_QUANTILE:
		ns = format_ns((__u64)v, ascii);
		if (c->q < 1 || s->exact_max)
			return ns;
		snprintf(f.s, sizeof(f.s), "%s%.70s", ascii ? "<" : "≤", ns.s);
		return f;
	default:
		return format_count((__u64)v);
	}
}

/* "render", "(handing over)"; "views.py:212"; "libm.so.6:sin" */
static struct format function_words(const struct column *c, const struct blame_row *r, bool ascii)
{
	const char *slash = strrchr(r->file, '/'), *file = slash ? slash + 1 : r->file;
	struct format f, name;

	if (c->kind == COLUMN_NATIVE)
		return format_name(r->native, sizeof(r->native), ascii);
	if (c->kind == COLUMN_NAME && r->kind == BLAME_FUNCTION)
		return format_name(r->function, sizeof(r->function), ascii);
	if (c->kind == COLUMN_NAME) {
		snprintf(f.s, sizeof(f.s), "(%s)", blame_kind__name(r->kind));
		return f;
	}
	name = format_name(file, strlen(file), ascii);
	if (!r->line)
		return name;
	snprintf(f.s, sizeof(f.s), "%.64s:%u", name.s, r->line);
	return f;
}

struct format column__text(const struct column *c, const struct subject *s, bool ascii)
{
	size_t size;
	const char *w = s->function ? NULL : word(c, s, &size);
	struct format f = {"-"};

	if (s->function && c->kind <= COLUMN_NATIVE)
		return function_words(c, s->function, ascii);

	if (w && c->kind == COLUMN_WHY) {
		/* Replaces underscores, so that it reads as words. */
		f = format_name(w, strlen(w), ascii);
		for (char *at = f.s; *at; at++)
			*at = *at == '_' ? ' ' : *at;
		return f;
	}
	if (c->kind == COLUMN_NAME && !s->thread && !s->gil->main) {
		struct format name = snapshot_process__name(s->process, ascii);

		format__cut(&name, 12); /* so that the number is seen */
		snprintf(f.s, sizeof(f.s), "%.48s/%ld", name.s, s->gil->interpreter);
		return f;
	}
	if (c->kind == COLUMN_NAME && !s->thread)
		return snapshot_process__name(s->process, ascii);
	if (c->kind == COLUMN_NAME)
		return snapshot_thread__name(s->thread, ascii);
	if (w)
		return format_name(w, 32, ascii);
	if (c->kind == COLUMN_ID && s->thread && !s->thread->tid)
		return f;
	if (c->kind == COLUMN_CURVE)
		return (struct format){""};
	return number(c, s, value(c, s), ascii);
}

bool column__ascends(const struct column *c)
{
	return c->kind <= COLUMN_WHY;
}

static size_t digits(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] >= '0' && s[i] <= '9')
		i++;
	return i;
}

/* Compares two words of at most n and m bytes, in which numbers count as such: io-2 is before io-10. */
static int natural(const char *a, size_t n, const char *b, size_t m)
{
	size_t i = 0, j = 0;

	while (i < n && j < m && a[i] && b[j]) {
		size_t k = digits(a + i, n - i), l = digits(b + j, m - j);
		int r = 0;

		if (!k || !l) {
			r = (unsigned char)a[i++] - (unsigned char)b[j++];
			if (r)
				return r;
			continue;
		}
		for (; k > 1 && a[i] == '0'; k--)
			i++;
		for (; l > 1 && b[j] == '0'; l--)
			j++;
		r = k != l ? (k > l) - (k < l) : memcmp(a + i, b + j, k);
		if (r)
			return r;
		i += k;
		j += l;
	}
	return (i < n && a[i]) - (j < m && b[j]);
}

int column__compare(const struct column *c, const struct subject *a, const struct subject *b)
{
	size_t n = PROGRAM_NAME, m = PROGRAM_NAME;
	const char *v = a->function ? NULL : word(c, a, &n);
	const char *w = b->function ? NULL : word(c, b, &m);
	double x, y;

	if (a->function && b->function && c->kind <= COLUMN_NATIVE)
		return natural(function_words(c, a->function, false).s, sizeof(struct format),
			       function_words(c, b->function, false).s, sizeof(struct format));
	if (v && w)
		return natural(v, n, w, m);
	x = value(c, a);
	y = value(c, b);
	if (isnan(x) || isnan(y))
		return !!isnan(x) - !!isnan(y);
	if (c->kind == COLUMN_ID)
		return (x > y) - (x < y);
	return (x < y) - (x > y);
}
