// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* OpenMetrics text: the verdicts, then the metrics that they are based on. */
#include <math.h>

#include "core/check/check.h"
#include "core/check/openmetrics.h"

/* Numbers the rules: two rules may have the same text, but two samples must differ. */
static void put_labels(FILE *out, const struct check *c, size_t i)
{
	char number[32];

	snprintf(number, sizeof(number), "%zu", i + 1);
	openmetrics__label(out, "nr", number);
	putc(',', out);
	openmetrics__label(out, "rule", assertion__print(&c->set->list[i]).s);
}

static void put_states(FILE *out, const struct check *c)
{
	fputs("# TYPE gilscope_check gauge\n"
	      "# HELP gilscope_check 1 for the verdict on a rule, 0 for the others\n",
	      out);
	for (size_t i = 0; i < c->set->nr; i++) {
		for (int v = 0; v < JUDGED_KINDS; v++) {
			fputs("gilscope_check{", out);
			put_labels(out, c, i);
			putc(',', out);
			openmetrics__label(out, "verdict", judged__name((enum judged)v));
			fprintf(out, "} %d\n", (int)c->judgements[i].verdict == v);
		}
	}
}

static void put_gauge(FILE *out, const struct check *c, const char *name, const char *help,
		      double (*value)(const struct judgement *j))
{
	fprintf(out, "# TYPE %s gauge\n# HELP %s %s\n", name, name, help);
	for (size_t i = 0; i < c->set->nr; i++) {
		const struct assertion_figure *f = &c->set->list[i].figure;
		double v = value(&c->judgements[i]);

		if (statistic__unit(f->metric, f->statistic.kind) == FIGURE_NS)
			v /= 1e9;
		fprintf(out, "%s{", name);
		put_labels(out, c, i);
		fputs("} ", out);
		openmetrics__number(out, v);
		putc('\n', out);
	}
}

static double value_of(const struct judgement *j)
{
	return j->figure.value;
}

static double limit_of(const struct judgement *j)
{
	return j->limit;
}

/* Both formats are alike, except that Prometheus' own knows no units and no end, and names a counter
 * with its suffix. */
static int render(FILE *out, const struct check *c, bool prometheus)
{
	put_states(out, c);
	put_gauge(out, c, "gilscope_check_value", "what was measured; times in seconds", value_of);
	put_gauge(out, c, "gilscope_check_limit", "the rule's limit; times in seconds", limit_of);
	fputs("# TYPE gilscope_check_command_status gauge\n"
	      "# HELP gilscope_check_command_status how the command ended\n",
	      out);
	if (c->launched)
		fprintf(out, "gilscope_check_command_status %d\n", c->command_status);
	openmetrics__families(out, &c->runs, prometheus);
	if (!prometheus)
		fputs("# EOF\n", out);
	return check__flush(out);
}

int check_openmetrics(FILE *out, const struct check *c, const struct render_options *o)
{
	(void)o;
	return render(out, c, false);
}

int check_prometheus(FILE *out, const struct check *c, const struct render_options *o)
{
	(void)o;
	return render(out, c, true);
}
