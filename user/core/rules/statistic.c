// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/format.h"
#include "core/rules/statistic.h"

#define PPM           1000000U
#define SAMPLES_LEAST 10 /* fewer do not make a distribution */

const struct statistic_row statistic_table[STATISTICS] = {
	[STATISTIC_VALUE] = {"", "the value itself"},
	[STATISTIC_PERCENTILE] = {"pN", "N % are as long or shorter: p50, p99, p99.9..."},
	[STATISTIC_MAX] = {"max", "the longest, exactly"},
	[STATISTIC_MEAN] = {"mean", "sum over count"},
	[STATISTIC_SUM] = {"sum", "total of all"},
	[STATISTIC_COUNT] = {"count", "how many"},
	[STATISTIC_RATE] = {"rate", "how many per second of observed time"},
	[STATISTIC_RATIO] = {"ratio", "share of the observed time, or of the whole"},
};

bool statistic__applies(const struct metric *m, enum statistic_kind kind)
{
	bool is_time = m->unit == METRIC_NS;

	if (metric__is_distribution(m))
		return kind != STATISTIC_VALUE && (kind != STATISTIC_RATIO || is_time);
	switch (m->unit) {
	case METRIC_COUNT:
		return kind == STATISTIC_COUNT || kind == STATISTIC_RATE ||
		       (kind == STATISTIC_RATIO && m->whole);
	case METRIC_NS:
		return kind == STATISTIC_SUM || kind == STATISTIC_RATIO;
	case METRIC_RATIO:
		return kind == STATISTIC_RATIO;
	case METRIC_FLAG:
		return kind == STATISTIC_VALUE;
	}
	return false;
}

bool statistic__default(const struct metric *m, struct statistic *st)
{
	static const enum statistic_kind kinds[] = {
		[METRIC_COUNT] = STATISTIC_COUNT,
		[METRIC_NS] = STATISTIC_SUM,
		[METRIC_RATIO] = STATISTIC_RATIO,
		[METRIC_FLAG] = STATISTIC_VALUE,
	};

	*st = (struct statistic){.kind = kinds[m->unit]};
	return !metric__is_distribution(m);
}

/* Converts "99.9" to parts per million; 0 if it is not between 0 and 100. */
static unsigned int parse_percent(const char *s, size_t length)
{
	unsigned int ppm = 0, decimals = 0;
	bool point = false;

	if (!length || s[0] == '.' || s[length - 1] == '.' || length > 3 + STATISTIC_DECIMALS)
		return 0;
	for (size_t i = 0; i < length; i++) {
		if (s[i] == '.' && !point) {
			point = true;
			continue;
		}
		if (s[i] < '0' || s[i] > '9')
			return 0;
		ppm = ppm * 10 + (unsigned int)(s[i] - '0');
		decimals += point;
	}
	if (decimals > STATISTIC_DECIMALS)
		return 0;
	for (; decimals < STATISTIC_DECIMALS; decimals++)
		ppm *= 10;
	return ppm < PPM ? ppm : 0;
}

int statistic__parse(const char *s, size_t length, struct statistic *st)
{
	if (length > 1 && s[0] == 'p') {
		*st = (struct statistic){STATISTIC_PERCENTILE, parse_percent(s + 1, length - 1)};
		return st->ppm ? 0 : -EINVAL;
	}
	for (int kind = STATISTIC_MAX; kind < STATISTICS; kind++) {
		const char *name = statistic_table[kind].name;

		if (strlen(name) == length && !strncmp(name, s, length)) {
			*st = (struct statistic){.kind = (enum statistic_kind)kind};
			return 0;
		}
	}
	return -EINVAL;
}

struct format statistic__name(const struct statistic *st)
{
	unsigned int unit = PPM / 100, rest = st->ppm % unit;
	struct format f;
	size_t n;

	snprintf(f.s, sizeof(f.s), "%s", statistic_table[st->kind].name);
	if (st->kind != STATISTIC_PERCENTILE)
		return f;
	n = (size_t)snprintf(f.s, sizeof(f.s), "p%u", st->ppm / unit);
	if (!rest)
		return f;
	n += (size_t)snprintf(f.s + n, sizeof(f.s) - n, ".%04u", rest);
	while (f.s[n - 1] == '0')
		f.s[--n] = '\0';
	return f;
}

enum figure_unit statistic__unit(const struct metric *m, enum statistic_kind kind)
{
	switch (kind) {
	case STATISTIC_COUNT:
		return FIGURE_COUNT;
	case STATISTIC_RATE:
		return FIGURE_RATE;
	case STATISTIC_RATIO:
		return FIGURE_RATIO;
	case STATISTIC_VALUE:
		return FIGURE_FLAG;
	default:
		return m->unit == METRIC_NS ? FIGURE_NS : FIGURE_COUNT;
	}
}

__u64 statistic__samples_needed(const struct statistic *st)
{
	__u64 beyond;

	if (st->kind == STATISTIC_MAX)
		return 1;
	if (st->kind != STATISTIC_PERCENTILE)
		return st->kind == STATISTIC_MEAN ? SAMPLES_LEAST : 0;
	beyond = (PPM + (PPM - st->ppm) - 1) / (PPM - st->ppm);
	return beyond > SAMPLES_LEAST ? beyond : SAMPLES_LEAST;
}

static struct figure unknown(enum figure_doubt doubt)
{
	return (struct figure){.value = NAN, .low = -INFINITY, .high = INFINITY, .doubt = doubt};
}

static struct figure exactly(double v)
{
	return (struct figure){.value = v, .low = v, .high = v};
}

static double seconds(const struct selection *sel)
{
	return (double)gil__observed(&sel->process, &sel->gil) / 1e9;
}

/* There is no share of a whole that is 0. */
static struct figure divided(struct figure f, double by)
{
	if (!(by > 0))
		return unknown(FIGURE_NOT_MEASURED);
	f.value /= by;
	f.low /= by;
	f.high /= by;
	return f;
}

static struct figure of_samples(const struct gil_hist *h, const struct statistic *st,
				const struct selection *sel)
{
	__u64 needed = statistic__samples_needed(st);
	struct gil_range r;
	struct figure f;

	if (h->count < needed && (h->count || st->kind != STATISTIC_MAX)) {
		f = unknown(FIGURE_FEW);
		f.needed = needed;
		if (h->count && st->kind == STATISTIC_PERCENTILE)
			f.value = (double)gil_hist__quantile(h, (double)st->ppm / PPM);
		else if (h->count)
			f.value = (double)h->sum / (double)h->count;
		return f;
	}
	switch (st->kind) {
	case STATISTIC_PERCENTILE:
		r = gil_hist__percentile(h, st->ppm);
		return (struct figure){
			.value = (double)r.low + (double)(r.high - r.low) / 2,
			.low = (double)r.low,
			.high = (double)r.high,
		};
	case STATISTIC_MAX:
		f = exactly((double)h->max);
		f.none = !h->count;
		return f;
	case STATISTIC_MEAN:
		return exactly((double)h->sum / (double)h->count);
	case STATISTIC_SUM:
		return exactly((double)h->sum);
	case STATISTIC_COUNT:
		return exactly((double)h->count);
	case STATISTIC_RATE:
		return divided(exactly((double)h->count), seconds(sel));
	default:
		return divided(exactly((double)h->sum), seconds(sel) * 1e9);
	}
}

/*
 * For a part of the time in holds (or waits). Time not known to belong to another part may belong
 * to this one. A lost scheduler edge charges time to the wrong part, but only within one hold.
 */
static void widen(struct figure *f, const struct selection *sel, const struct gil_hist *whole,
		  __u64 unsplit_ns)
{
	double wrong = (double)sel->lost.switches * (double)whole->max;

	f->high += (double)unsplit_ns + wrong;
	f->low -= wrong;
	if (f->high > (double)whole->sum && f->value <= (double)whole->sum)
		f->high = (double)whole->sum;
	if (f->low < 0)
		f->low = 0;
}

/* What some functions have. A GIL without samples may have anything. */
static struct figure of_functions(const struct metric *m, const struct statistic *st,
				  const struct selection *sel)
{
	const struct blame_sum *s = &sel->functions[m->of_functions];
	struct figure f = {.value = s->sum, .low = blame_sum__low(s), .high = blame_sum__high(s)};

	if (sel->unsampled)
		return unknown(FIGURE_NO_SAMPLES);
	/* Nobody waited, so it was for nobody. */
	if (st->kind == STATISTIC_RATIO && s->whole > 0)
		f = divided(f, s->whole);
	f.samples = s->samples;
	f.none = !s->rows;
	return f;
}

static struct figure of_value(const struct metric *m, const struct statistic *st,
			      const struct selection *sel)
{
	double v = metric_value__number(metric__value(m, &sel->process, &sel->gil));
	struct figure f = exactly(v), whole;
	struct statistic count = {.kind = STATISTIC_COUNT};

	if (isnan(v))
		return unknown(FIGURE_NOT_MEASURED);
	if (m->loses & METRIC_LOSES_REQUESTS)
		f.high += (double)sel->lost.requests;
	if (m->loses & METRIC_LOSES_HOLD_TIMES)
		widen(&f, sel, &sel->gil.fig.hold, sel->unsplit_hold_ns);
	if (m->loses & METRIC_LOSES_WAIT_TIMES)
		widen(&f, sel, &sel->gil.fig.wait, sel->unsplit_wait_ns);
	if (st->kind == STATISTIC_RATE)
		return divided(f, seconds(sel));
	if (st->kind != STATISTIC_RATIO || m->unit == METRIC_RATIO)
		return f;
	if (m->unit == METRIC_NS)
		return divided(f, seconds(sel) * 1e9);
	whole = of_value(metric__find(m->whole), &count, sel);
	f = divided(f, whole.value);
	f.samples = (__u64)whole.value;
	if (f.high > 1)
		f.high = 1;
	if (f.samples >= SAMPLES_LEAST)
		return f;
	f.doubt = FIGURE_FEW;
	f.needed = SAMPLES_LEAST;
	f.low = -INFINITY;
	f.high = INFINITY;
	return f;
}

/* What was lost or not seen makes every figure doubtful, or only some of them. */
static enum figure_doubt doubt(const struct metric *m, const struct statistic *st,
			       const struct selection *sel)
{
	if (!sel->processes)
		return FIGURE_NO_PROCESS;
	if (metric__is_per_process(m))
		return sel->lost.events || sel->lost.processes || sel->not_whole ? FIGURE_LOST
		       : sel->unlisted                                           ? FIGURE_UNLISTED
										 : FIGURE_SURE;
	/* A free-threaded build has a GIL, too, which may be on for a moment during an import. */
	if (sel->process.free_threaded && !sel->gil.fig.acquisitions && !sel->gil.fig.contended)
		return FIGURE_NO_GIL;
	if (!sel->gils)
		return FIGURE_NO_PROCESS;
	if (sel->lost.edges || sel->lost.recording || sel->lost.events || sel->lost.gaps ||
	    sel->lost.gils || sel->lost.processes || sel->lost.torn || sel->gil.lock.anomalies ||
	    sel->not_whole)
		return FIGURE_LOST;
	if (sel->unlisted)
		return FIGURE_UNLISTED;
	if (sel->folded)
		return FIGURE_FOLDED;
	/* Nobody wanted the GIL, so it means nothing that nobody waited long. */
	if (st->kind == STATISTIC_MAX && !sel->gil.waits_only && !sel->gil.fig.acquisitions &&
	    !metric__hist(m, &sel->gil)->count)
		return FIGURE_NOT_USED;
	return FIGURE_SURE;
}

static bool only_grows(const struct statistic *st)
{
	return st->kind == STATISTIC_VALUE || st->kind == STATISTIC_MAX ||
	       st->kind == STATISTIC_SUM || st->kind == STATISTIC_COUNT;
}

struct figure figure__of(const struct metric *m, const struct statistic *st,
			 const struct selection *sel)
{
	const struct gil_hist *h = metric__hist(m, &sel->gil);
	enum figure_doubt why = doubt(m, st, sel);
	struct figure f;

	if (why == FIGURE_NO_PROCESS || why == FIGURE_NO_GIL)
		return unknown(why);
	if (metric__is_per_function(m))
		f = of_functions(m, st, sel);
	else
		f = h ? of_samples(h, st, sel) : of_value(m, st, sel);
	if (h)
		f.samples = h->count;
	if (why == FIGURE_SURE)
		return f;
	/* The value is shown all the same. Unlisted processes can only increase some figures. */
	if (why != FIGURE_UNLISTED || !only_grows(st))
		f.low = -INFINITY;
	f.high = INFINITY;
	f.doubt = why;
	return f;
}
