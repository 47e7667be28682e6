// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Uses the base units and the suffixes that OpenMetrics requires: times are in seconds, counters
 * end in _total, distributions are histograms. There is no label for threads, because there would
 * be too many.
 */
#include <math.h>
#include <string.h>

#include "core/base/format.h"
#include "core/figures/metric.h"
#include "core/check/openmetrics.h"
#include "core/base/utf8.h"

/* Buckets end at powers of two, from 1 µs on. These are also ends of the histogram's slots. */
#define FIRST_OCTAVE 10

void openmetrics__label(FILE *out, const char *key, const char *value)
{
	size_t n;

	fprintf(out, "%s=\"", key);
	for (const char *s = value; *s; s += n) {
		__u32 c = utf8__decode(s, &n);

		if (c == '\\' || c == '"')
			fprintf(out, "\\%c", (int)c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c == UTF8_INVALID)
			fputs("\xef\xbf\xbd", out);
		else
			fwrite(s, 1, n, out);
	}
	putc('"', out);
}

void openmetrics__number(FILE *out, double v)
{
	unsigned long long whole, billionths;

	if (isnan(v)) {
		fputs("NaN", out);
		return;
	}
	if (isinf(v) || fabs(v) > 1e18) {
		fputs(v > 0 ? "+Inf" : "-Inf", out);
		return;
	}
	whole = (unsigned long long)fabs(v);
	billionths = (unsigned long long)((fabs(v) - (double)whole) * 1e9 + 0.5);
	if (billionths >= 1000000000) {
		whole++;
		billionths = 0;
	}
	fprintf(out, "%s%llu", v < 0 ? "-" : "", whole);
	if (billionths)
		fprintf(out, ".%09llu", billionths);
}

struct family {
	const struct metric *metric;
	char name[80];
	const char *type;
	const char *unit;
	const char *suffix; /* of its samples; may be empty */
};

static struct family family_of(const struct metric *m)
{
	struct family f = {.metric = m, .type = "gauge", .unit = "", .suffix = ""};
	size_t length;
	const char *name = metric__rule_name(m, &length);
	/* gil_enabled already contains the word. */
	const char *prefix = strncmp(name, "gil_", 4) ? "python_gil_" : "python_";

	if (m->unit == METRIC_NS)
		f.unit = "seconds";
	else if (m->unit == METRIC_RATIO)
		f.unit = "ratio";
	if (metric__is_distribution(m)) {
		f.type = "histogram";
	} else if (m->unit == METRIC_COUNT || m->unit == METRIC_NS) {
		f.type = "counter";
		f.suffix = "_total";
	}
	snprintf(f.name, sizeof(f.name), "%s%.*s%s", prefix, (int)length, name,
		 m->unit == METRIC_NS ? "_seconds" : "");
	return f;
}

/* Whose sample it is. */
struct subject {
	const struct runs *runs;
	size_t run;
	const struct snapshot_process *process;
	const struct snapshot_gil *gil; /* NULL: the process */
};

static void put_labels(FILE *out, const struct subject *s)
{
	const struct snapshot_process *p = s->process;
	char number[32];

	if (s->runs->nr > 1) {
		snprintf(number, sizeof(number), "%zu", s->run + 1);
		openmetrics__label(out, "run", number);
		putc(',', out);
	}
	/* A process that has executed another program appears again with the same pid. */
	snprintf(number, sizeof(number), "%td", p - s->runs->list[s->run]->processes);
	openmetrics__label(out, "index", number);
	putc(',', out);
	snprintf(number, sizeof(number), "%d", p->pid);
	openmetrics__label(out, "pid", number);
	putc(',', out);
	openmetrics__label(out, "process", snapshot_process__name(p, false).s);
	if (!s->gil)
		return;
	putc(',', out);
	snprintf(number, sizeof(number), "0x%llx", (unsigned long long)s->gil->lock.address);
	openmetrics__label(out, "gil", s->gil->main ? "main" : number);
	if (s->gil->main || s->gil->interpreter < 0)
		return;
	/* A later sub-interpreter may have its GIL at the same address. */
	putc(',', out);
	snprintf(number, sizeof(number), "%ld", s->gil->interpreter);
	openmetrics__label(out, "interpreter", number);
}

static void put_sample(FILE *out, const struct family *f, const char *suffix,
		       const struct subject *s, double value)
{
	fprintf(out, "%s%s{", f->name, suffix);
	put_labels(out, s);
	fputs("} ", out);
	openmetrics__number(out, value);
	putc('\n', out);
}

static void put_bucket(FILE *out, const struct family *f, const struct subject *s, double le,
		       __u64 count)
{
	fprintf(out, "%s_bucket{", f->name);
	put_labels(out, s);
	fputs(",le=\"", out);
	openmetrics__number(out, le);
	fprintf(out, "\"} %llu\n", (unsigned long long)count);
}

/* A bucket includes its upper end, so `le` is the largest value of the slot before. */
static void put_histogram(FILE *out, const struct family *f, const struct subject *s,
			  const struct gil_hist *h)
{
	bool is_time = f->metric->unit == METRIC_NS;
	double scale = is_time ? 1e9 : 1;
	__u64 below = 0;
	__u32 slot = 0;

	for (unsigned int e = is_time ? FIRST_OCTAVE : 1; e <= GIL_HIST_TOP_BIT; e++) {
		for (; slot < GIL_HIST_SLOTS && gil_hist_lo(slot) < 1ULL << e; slot++)
			below += h->slot[slot];
		put_bucket(out, f, s, (double)((1ULL << e) - 1) / scale, below);
	}
	put_bucket(out, f, s, INFINITY, h->count);
	put_sample(out, f, "_sum", s, (double)h->sum / scale);
	put_sample(out, f, "_count", s, (double)h->count);
}

static void put_gil(FILE *out, const struct family *f, const struct subject *s)
{
	const struct gil_hist *h = metric__hist(f->metric, s->gil);
	struct metric_value v = metric__value(f->metric, s->process, s->gil);

	if (h)
		put_histogram(out, f, s, h);
	else if (v.known)
		put_sample(out, f, f->suffix, s,
			   metric_value__number(v) / (f->metric->unit == METRIC_NS ? 1e9 : 1));
}

static void put_process(FILE *out, const struct family *f, struct subject *s)
{
	if (metric__is_per_process(f->metric)) {
		if (f->metric->of_process(s->process).known)
			put_sample(out, f, f->suffix, s,
				   metric_value__number(f->metric->of_process(s->process)));
		return;
	}
	for (size_t i = 0; i < s->process->nr_gils; i++) {
		s->gil = &s->process->gils[i];
		put_gil(out, f, s);
	}
}

void openmetrics__families(FILE *out, const struct runs *runs, bool prometheus)
{
	for (const struct metric *m = metric_table; m->name; m++) {
		struct family f = family_of(m);
		const char *suffix = prometheus ? f.suffix : "";

		if (metric__is_per_function(m))
			continue;
		fprintf(out, "# TYPE %s%s %s\n", f.name, suffix, f.type);
		if (f.unit[0] && !prometheus)
			fprintf(out, "# UNIT %s %s\n", f.name, f.unit);
		fprintf(out, "# HELP %s%s %s\n", f.name, suffix, m->help);
		for (size_t i = 0; i < runs->nr; i++) {
			for (size_t j = 0; j < runs->list[i]->nr_processes; j++) {
				struct subject s = {
					.runs = runs,
					.run = i,
					.process = &runs->list[i]->processes[j],
				};

				put_process(out, &f, &s);
			}
		}
	}
}
