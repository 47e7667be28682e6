// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>

#include "core/rules/assertion.h"
#include "core/base/format.h"
#include "core/check/metric_list.h"
#include "core/base/text.h"

static const char *unit_name(const struct metric *m)
{
	static const char *const names[] = {
		[METRIC_COUNT] = "count",
		[METRIC_NS] = "time",
		[METRIC_RATIO] = "share",
		[METRIC_FLAG] = "1 or 0",
	};

	return names[m->unit];
}

static struct format name_of(const struct metric *m)
{
	struct format f;
	size_t n;
	const char *name = metric__rule_name(m, &n);

	snprintf(f.s, sizeof(f.s), "%.*s", (int)n, name);
	return f;
}

/* "pN max mean". The default comes first, in brackets, because it may be omitted. */
static struct format statistics_of(const struct metric *m)
{
	struct statistic usual;
	struct format f = {""};
	size_t used = 0;
	bool has_usual = statistic__default(m, &usual);

	if (has_usual && usual.kind != STATISTIC_VALUE)
		used = (size_t)snprintf(f.s, sizeof(f.s), "[%s]", statistic_table[usual.kind].name);
	for (int kind = STATISTIC_PERCENTILE; kind < STATISTICS && used < sizeof(f.s); kind++)
		if (statistic__applies(m, (enum statistic_kind)kind) &&
		    !(has_usual && (int)usual.kind == kind))
			used += (size_t)snprintf(f.s + used, sizeof(f.s) - used, "%s%s",
						 used ? " " : "", statistic_table[kind].name);
	return f;
}

static int flush(FILE *out)
{
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}

static const char *const units = "ns us ms s for times, % or none for shares, /s for rates, none "
				 "for counts";

/* ---- text ---- */

static void put_title(const struct text *t, const char *title)
{
	text__style(t, TEXT_BOLD);
	fputs(title, t->out);
	text__style(t, TEXT_PLAIN);
	putc('\n', t->out);
}

static void put_line(const struct text *t, const char *name, int width, const char *meaning)
{
	text__spaces(t, 2);
	text__column(t, name, width);
	text__wrap(t, TEXT_PLAIN, width + 2, width + 2, meaning);
}

int metric_list__text(FILE *out, const struct render_options *o)
{
	struct text t = {.out = out, .colour = o->colour, .ascii = o->ascii};

	t.width = o->width >= 80 && o->width < 120 ? o->width : o->width >= 120 ? 120 : 80;
	put_title(&t, "METRICS with units, statistics (the one in brackets may be omitted) and "
		      "meanings");
	for (const struct metric *m = metric_table; m->name; m++) {
		text__spaces(&t, 2);
		text__style(&t, TEXT_BOLD);
		text__column(&t, name_of(m).s, 20);
		text__style(&t, TEXT_PLAIN);
		text__column(&t, unit_name(m), 8);
		fprintf(out, "%s\n", statistics_of(m).s);
		text__spaces(&t, 22);
		text__wrap(&t, TEXT_DIM, 22, 22, m->help);
	}
	putc('\n', out);
	put_title(&t, "STATISTICS");
	for (int kind = STATISTIC_PERCENTILE; kind < STATISTICS; kind++)
		put_line(&t, statistic_table[kind].name, 20, statistic_table[kind].help);
	putc('\n', out);
	put_title(&t, "SCOPES: METRIC{KEY=\"NAME\"} or METRIC{KEY~\"PATTERN\"}, with * and ? in "
		      "the pattern");
	for (int key = 0; key < SCOPE_KEYS; key++)
		put_line(&t, scope_key_table[key].name, 20, scope_key_table[key].help);
	putc('\n', out);
	put_title(&t, "UNITS");
	put_line(&t, "", 0, units);
	return flush(out);
}

/* ---- Markdown ---- */

int metric_list__markdown(FILE *out)
{
	fputs("# Metrics\n"
	      "\n"
	      "This is the output of `gilscope metrics --markdown`: the table from which `stat`, "
	      "`check`, the JSON and OpenMetrics\n"
	      "take names, units and values. A rule of `gilscope check` names a metric and a "
	      "statistic: `wait.p99`. The statistic\n"
	      "in brackets may be omitted.\n"
	      "\n"
	      "| metric | unit | statistics | meaning |\n"
	      "|---|---|---|---|\n",
	      out);
	for (const struct metric *m = metric_table; m->name; m++)
		fprintf(out, "| `%s` | %s | %s | %s%s |\n", name_of(m).s, unit_name(m),
			statistics_of(m).s, m->help,
			metric__is_per_thread(m) ? "" : " (not for single threads)");
	fputs("\n| statistic | |\n|---|---|\n", out);
	for (int kind = STATISTIC_PERCENTILE; kind < STATISTICS; kind++)
		fprintf(out, "| `%s` | %s |\n", statistic_table[kind].name,
			statistic_table[kind].help);
	fputs("\n| scope | |\n|---|---|\n", out);
	for (int key = 0; key < SCOPE_KEYS; key++)
		fprintf(out, "| `%s` | %s |\n", scope_key_table[key].name,
			scope_key_table[key].help);
	fprintf(out, "\nUnits of limits: %s.\n", units);
	return flush(out);
}
