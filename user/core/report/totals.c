// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>
#include <string.h>

#include "core/base/format.h"
#include "core/base/text.h"
#include "core/figures/metric.h"
#include "core/report/totals.h"
#include "gil_integral.h"

static const struct {
	const char *name, *unit, *help;
} rows[NR_TOTALS] = {
#define ROW(name, unit, help) {#name, unit, help},
	TOTALS(ROW)
#undef ROW
};

static void add_gil(struct totals *t, const struct snapshot_process *p,
		    const struct snapshot_gil *g)
{
	__u64 end = snapshot_gil__end(p, g), *v = t->value;

	v[TOTAL_acquisitions] += g->fig.acquisitions;
	v[TOTAL_contended] += g->fig.contended;
	v[TOTAL_handoffs] += g->lock.handoff.count;
	v[TOTAL_requested_releases] += g->fig.requested_releases;
	v[TOTAL_held_ns] += gil_lock_held_until(&g->lock, g->locked_at_start, end);
	v[TOTAL_hold_oncpu_ns] += g->fig.hold_part[GIL_PART_ONCPU];
	v[TOTAL_hold_preempted_ns] += g->fig.hold_part[GIL_PART_RUNNABLE];
	v[TOTAL_hold_blocked_ns] += g->fig.hold_part[GIL_PART_BLOCKED];
	v[TOTAL_contended_ns] += gil_lock_contended_until(&g->lock, end);
	v[TOTAL_waited_ns] += gil_lock_waiting_until(&g->lock, end);
	t->waits_only = t->waits_only || g->waits_only;
	t->requests_unknown = t->requests_unknown || g->requests_unknown;
}

static void add_process(struct totals *t, const struct snapshot_process *p)
{
	for (size_t i = 0; i < p->nr_gils; i++)
		add_gil(t, p, &p->gils[i]);
}

void totals__of(const struct snapshot *s, struct totals *t)
{
	*t = (struct totals){0};
	t->value[TOTAL_elapsed_ns] = gil_elapsed(s->start_ns, s->end_ns);
	t->value[TOTAL_lost] = snapshot_lost__total(&s->lost);
	for (size_t i = 0; i < s->nr_processes; i++)
		add_process(t, &s->processes[i]);
	add_process(t, &s->folded);
}

/* A GIL whose row was given up, as there are too many, takes its figures along. */
struct totals totals__since(const struct totals *now, const struct totals *before)
{
	struct totals t = *now;

	for (int i = 0; i < NR_TOTALS; i++)
		t.value[i] =
			now->value[i] > before->value[i] ? now->value[i] - before->value[i] : 0;
	return t;
}

static bool is_known(const struct totals *t, int i)
{
	static const bool of_holds[NR_TOTALS] = {
		[TOTAL_acquisitions] = true,    [TOTAL_held_ns] = true,
		[TOTAL_hold_oncpu_ns] = true,   [TOTAL_hold_preempted_ns] = true,
		[TOTAL_hold_blocked_ns] = true,
	};

	if (t->waits_only && of_holds[i])
		return false;
	return i != TOTAL_requested_releases || !t->requests_unknown;
}

/* ---- intervals ---- */

#define HEAD_EVERY 20

static const struct {
	const char *title;
	int columns;
} columns[] = {{"time", 10},   {"acquired", 11}, {"held", 8},      {"contended", 10},
	       {"waiting", 8}, {"handoffs", 10}, {"mean wait", 10}};

static void put_cell(FILE *out, const char *s, int width)
{
	fprintf(out, "%*s%s", width > format__columns(s) ? width - format__columns(s) : 0, "", s);
}

static void put_text(FILE *out, const struct totals *t, __u64 end_ns, size_t number, bool ascii)
{
	const __u64 *v = t->value;
	double elapsed = (double)v[TOTAL_elapsed_ns];
	struct format cells[] = {
		{""},
		is_known(t, TOTAL_acquisitions) ? format_count(v[TOTAL_acquisitions])
						: (struct format){"-"},
		format_percent(elapsed > 0 && is_known(t, TOTAL_held_ns)
				       ? (double)v[TOTAL_held_ns] / elapsed
				       : NAN),
		format_percent(elapsed > 0 ? (double)v[TOTAL_contended_ns] / elapsed : NAN),
		format_mean(elapsed > 0 ? (double)v[TOTAL_waited_ns] / elapsed : NAN),
		format_count(v[TOTAL_handoffs]),
		{"-"},
	};

	snprintf(cells[0].s, sizeof(cells[0].s), "%.3f", (double)end_ns / 1e9);
	if (v[TOTAL_contended])
		cells[6] = format_ns(v[TOTAL_waited_ns] / v[TOTAL_contended], ascii);
	for (size_t i = 0; number % HEAD_EVERY == 0 && i < sizeof(columns) / sizeof(*columns); i++)
		fprintf(out, "%s%*s", i ? " " : "#", columns[i].columns - !i, columns[i].title);
	if (number % HEAD_EVERY == 0)
		putc('\n', out);
	for (size_t i = 0; i < sizeof(columns) / sizeof(*columns); i++) {
		fputs(i ? " " : "", out);
		put_cell(out, cells[i].s, columns[i].columns);
	}
	if (v[TOTAL_lost])
		fprintf(out, "  %s lost", format_count(v[TOTAL_lost]).s);
	putc('\n', out);
}

static void put_json(FILE *out, const struct totals *t, __u64 end_ns)
{
	fprintf(out, "{\"schema\": \"gilscope-interval/1\", \"end_ns\": %llu", end_ns);
	for (int i = 0; i < NR_TOTALS; i++)
		if (is_known(t, i))
			fprintf(out, ", \"%s\": %llu", rows[i].name, t->value[i]);
		else
			fprintf(out, ", \"%s\": null", rows[i].name);
	fputs("}\n", out);
}

/* The line of a figure; what comes before the value is the caller's. */
static void put_field(FILE *out, const struct totals_style *s, const struct totals *t, int i)
{
	if (is_known(t, i))
		fprintf(out, "%llu", t->value[i]);
	else
		fputs("<not counted>", out); /* as perf stat has it */
	fprintf(out, "%s%s%s%s\n", s->separator, rows[i].unit, s->separator, rows[i].name);
}

void totals__put_interval(FILE *out, const struct totals_style *s, const struct totals *t,
			  __u64 end_ns, size_t number)
{
	if (s->format == TOTALS_TEXT)
		put_text(out, t, end_ns, number, s->look->ascii);
	else if (s->format == TOTALS_JSON)
		put_json(out, t, end_ns);
	for (int i = 0; s->format == TOTALS_CSV && i < NR_TOTALS; i++) {
		fprintf(out, "%.9f%s", (double)end_ns / 1e9, s->separator);
		put_field(out, s, t, i);
	}
}

void totals__put_csv(FILE *out, const struct totals_style *s, const struct totals *t)
{
	for (int i = 0; i < NR_TOTALS; i++)
		put_field(out, s, t, i);
}

/* ---- runs ---- */

struct spread {
	double mean, error; /* the standard error of the mean; NaN for a single run */
	__u64 least, largest;
	bool known;
};

static struct spread spread_of(const struct totals *runs, size_t n, int figure)
{
	struct spread s = {.least = ~0ULL, .known = true};
	double squares = 0;

	for (size_t i = 0; i < n; i++) {
		__u64 v = runs[i].value[figure];

		s.known = s.known && is_known(&runs[i], figure);
		s.mean += (double)v / (double)n;
		s.least = v < s.least ? v : s.least;
		s.largest = v > s.largest ? v : s.largest;
	}
	for (size_t i = 0; i < n; i++)
		squares += pow((double)runs[i].value[figure] - s.mean, 2);
	s.error = n > 1 ? sqrt(squares / (double)(n - 1) / (double)n) : NAN;
	return s;
}

static double relative(const struct spread *s)
{
	return s->mean > 0 ? s->error / s->mean : s->error;
}

static struct format in_unit(double value, const char *unit, bool ascii)
{
	return *unit ? format_ns((__u64)(value + 0.5), ascii) : format_count((__u64)(value + 0.5));
}

static void put_text_runs(FILE *out, const struct totals *runs, size_t n, bool ascii)
{
	fprintf(out, "%-20s %12s %10s   %s\n", "", "mean", ascii ? "+-" : "±", "range");
	for (int i = 0; i < NR_TOTALS; i++) {
		struct spread s = spread_of(runs, n, i);

		fprintf(out, "%-20s ", rows[i].name);
		if (!s.known) {
			fprintf(out, "%12s\n", "not measured");
			continue;
		}
		put_cell(out, in_unit(s.mean, rows[i].unit, ascii).s, 12);
		putc(' ', out);
		put_cell(out, isnan(s.error) ? "-" : format_percent(relative(&s)).s, 10);
		fprintf(out, "   %s", in_unit((double)s.least, rows[i].unit, ascii).s);
		fprintf(out, " to %s\n", in_unit((double)s.largest, rows[i].unit, ascii).s);
	}
	fprintf(out, "  %s: the standard error of the mean, as a share of it\n",
		ascii ? "+-" : "±");
}

static void put_json_runs(FILE *out, const struct totals *runs, size_t n)
{
	fprintf(out, "{\"schema\": \"gilscope-repeat/1\", \"runs\": %zu, \"figures\": {", n);
	for (int i = 0; i < NR_TOTALS; i++) {
		struct spread s = spread_of(runs, n, i);

		fprintf(out, "%s\n  \"%s\": ", i ? "," : "", rows[i].name);
		if (!s.known) {
			fputs("null", out);
			continue;
		}
		fprintf(out, "{\"mean\": %.3f, \"error\": ", s.mean);
		if (isnan(s.error))
			fputs("null", out);
		else
			fprintf(out, "%.3f", s.error);
		fprintf(out, ", \"least\": %llu, \"largest\": %llu, \"values\": [", s.least,
			s.largest);
		for (size_t run = 0; run < n; run++)
			fprintf(out, "%s%llu", run ? ", " : "", runs[run].value[i]);
		fputs("]}", out);
	}
	fputs("}}\n", out);
}

static void put_csv_runs(FILE *out, const struct totals_style *style, const struct totals *runs,
			 size_t n)
{
	const char *sep = style->separator;

	for (int i = 0; i < NR_TOTALS; i++) {
		struct spread s = spread_of(runs, n, i);

		if (!s.known) {
			fprintf(out, "<not counted>%s%s%s%s\n", sep, rows[i].unit, sep,
				rows[i].name);
			continue;
		}
		fprintf(out, "%.3f%s%s%s%s%s", s.mean, sep, rows[i].unit, sep, rows[i].name, sep);
		if (!isnan(s.error))
			fprintf(out, "%.2f%%", 100 * relative(&s));
		fprintf(out, "%s%llu%s%llu\n", sep, s.least, sep, s.largest);
	}
}

void totals__put_runs(FILE *out, const struct totals_style *style, const struct totals *runs,
		      size_t n)
{
	if (style->format == TOTALS_TEXT)
		put_text_runs(out, runs, n, style->look->ascii);
	else if (style->format == TOTALS_JSON)
		put_json_runs(out, runs, n);
	else
		put_csv_runs(out, style, runs, n);
}
