// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/check/check.h"
#include "core/base/format.h"
#include "core/base/utf8.h"

const struct check_format check_format_table[] = {
	{"text", "for people", check_text},
	{"json", "JSON, schema gilscope-check/1", check_json},
	{"tap", "the Test Anything Protocol, version 14", check_tap},
	{"junit", "JUnit XML", check_junit},
	{"openmetrics", "OpenMetrics text: the verdicts, and the GIL's metrics", check_openmetrics},
	{"prometheus", "the text format of Prometheus", check_prometheus},
	{"github", "annotations for GitHub Actions", check_github},
	{"markdown", "a table, as for GitHub's step summary", check_markdown},
	{.name = NULL},
};

const struct check_format *check_format__find(const char *name)
{
	for (const struct check_format *f = check_format_table; f->name; f++) {
		if (!strcmp(f->name, name))
			return f;
	}
	return NULL;
}

int check__judge(struct check *c, const struct assertion_set *set, const struct runs *runs,
		 const struct runs *baseline)
{
	int err = 0;

	c->set = set;
	c->runs = *runs;
	c->judgements = calloc(set->nr + 1, sizeof(*c->judgements));
	if (!c->judgements)
		return -ENOMEM;
	for (size_t i = 0; !err && i < set->nr; i++)
		err = judge(&c->judgements[i], &set->list[i], runs, baseline);
	return err;
}

void check__clear(struct check *c)
{
	for (size_t i = 0; c->judgements && i < c->set->nr; i++)
		judgement__clear(&c->judgements[i]);
	free(c->judgements);
	c->judgements = NULL;
}

size_t check__count(const struct check *c, enum judged verdict)
{
	size_t n = 0;

	for (size_t i = 0; i < c->set->nr; i++)
		n += c->judgements[i].verdict == verdict;
	return n;
}

/* A rule that only warns does not affect the status, unless the rule itself is wrong. */
static bool is_inconclusive(const struct check *c)
{
	for (size_t i = 0; i < c->set->nr; i++)
		if (c->judgements[i].verdict == JUDGED_INCONCLUSIVE && !c->set->list[i].warn)
			return true;
	return false;
}

int check__status(const struct check *c)
{
	bool inconclusive = is_inconclusive(c);

	if (check__count(c, JUDGED_FAIL))
		return CHECK_STATUS_FAILED;
	if (check__count(c, JUDGED_ERROR))
		return EXIT_STATUS_USAGE;
	if (!inconclusive || c->inconclusive_is == JUDGED_PASS)
		return EXIT_STATUS_OK;
	return c->inconclusive_is == JUDGED_FAIL ? CHECK_STATUS_FAILED : CHECK_STATUS_INCONCLUSIVE;
}

struct format check__summary(const struct check *c)
{
	struct format f;
	size_t used;

	used = (size_t)snprintf(f.s, sizeof(f.s), "%zu rule%s:", c->set->nr,
				c->set->nr == 1 ? "" : "s");
	for (int v = 0; v < JUDGED_KINDS && used < sizeof(f.s); v++) {
		size_t n = check__count(c, (enum judged)v);

		if (n)
			used += (size_t)snprintf(f.s + used, sizeof(f.s) - used, "%s %zu %s",
						 f.s[used - 1] == ':' ? "" : ",", n,
						 judged__name((enum judged)v));
	}
	return f;
}

/* ---- sentences ---- */

struct assertion_text check__rule(const struct assertion *a, bool ascii)
{
	struct assertion_text from = assertion__print(a), to;
	size_t used = 0, n;

	for (const char *s = from.s; *s; s += n) {
		__u32 c = utf8__decode(s, &n);
		bool ok = c != UTF8_INVALID && utf8__columns(c) >= 0 && (!ascii || c < 0x80);

		if (ok)
			memcpy(to.s + used, s, n);
		else
			to.s[used] = '?';
		used += ok ? n : 1;
	}
	to.s[used] = '\0';
	return to;
}

/* A share as a fraction with as many digits as its limit can have: 0.9964. */
static struct format format_fraction(double v)
{
	struct format f;
	__u64 n;

	if (v < 0 || v >= 10)
		return format_mean(v);
	n = (__u64)(v * 10000 + 0.5);
	if (!n && v > 0)
		return (struct format){"<0.0001"};
	if (n == 10000 && v < 1)
		return (struct format){">0.9999"};
	snprintf(f.s, sizeof(f.s), "%llu.%04llu", (unsigned long long)n / 10000,
		 (unsigned long long)n % 10000);
	return f;
}

struct format check__value(const struct assertion *a, double value, bool ascii)
{
	const struct assertion_figure *fig = &a->figure;
	struct format f = {"?"};

	if (!isfinite(value))
		return f;
	switch (statistic__unit(fig->metric, fig->statistic.kind)) {
	case FIGURE_NS:
		return format_ns(value > 0 ? (__u64)(value + 0.5) : 0, ascii);
	case FIGURE_RATIO:
		if (a->limit.unit == ASSERTION_PERCENT)
			return format_percent(value);
		return format_fraction(value);
	case FIGURE_RATE:
		snprintf(f.s, sizeof(f.s), "%.40s/s", format_mean(value).s);
		return f;
	default:
		if (value == floor(value) && value >= 0 && value < 1e18)
			return format_count((__u64)value);
		return format_mean(value);
	}
}

struct format_long check__measured(const struct assertion *a, const struct judgement *j, bool ascii)
{
	const struct figure *f = &j->figure;
	struct format_long out;
	size_t used;

	used = (size_t)snprintf(out.s, sizeof(out.s), "%s",
				isnan(f->value) ? "not known" : check__value(a, f->value, ascii).s);
	if (isfinite(f->low) && isfinite(f->high) && f->low < f->high)
		used += (size_t)snprintf(out.s + used, sizeof(out.s) - used, " (%s to %s)",
					 check__value(a, f->low, ascii).s,
					 check__value(a, f->high, ascii).s);
	if (f->none)
		used += (size_t)snprintf(out.s + used, sizeof(out.s) - used,
					 metric__is_per_function(a->figure.metric)
						 ? " (no sample has met it)"
						 : " (there were none)");
	if (j->nr_runs > 1)
		snprintf(out.s + used, sizeof(out.s) - used, ", %s of %zu runs",
			 a->over == ASSERTION_ALL ? "worst" : assertion_over__name(a->over),
			 j->nr_runs);
	return out;
}

struct format_long check__distance(const struct assertion *a, const struct judgement *j, bool ascii)
{
	double off = judgement__off(j);
	struct format_long out = {""};
	size_t used;

	if (isnan(j->limit))
		return out;
	used = (size_t)snprintf(out.s, sizeof(out.s), "limit %s",
				a->vs_baseline ? check__value(a, j->limit, ascii).s
					       : assertion_number__print(&a->limit).s);
	if (a->vs_baseline)
		used += (size_t)snprintf(out.s + used, sizeof(out.s) - used, " from %s",
					 check__value(a, j->baseline.value, ascii).s);
	if (isnan(off))
		return out;
	if (off >= 2)
		snprintf(out.s + used, sizeof(out.s) - used, ", %s times as much",
			 format_mean(off).s);
	else if (off >= 1)
		snprintf(out.s + used, sizeof(out.s) - used, ", %s above",
			 format_percent(off - 1).s);
	else
		snprintf(out.s + used, sizeof(out.s) - used, ", %s below",
			 format_percent(1 - off).s);
	return out;
}

struct check_sentence check__sentence(const struct assertion *a, const struct judgement *j,
				      bool ascii)
{
	struct format_long distance = check__distance(a, j, ascii);
	struct check_sentence out;
	size_t used;

	used = (size_t)snprintf(
		out.s, sizeof(out.s), "%s is %s%s%s", assertion_figure__name(&a->figure).s,
		check__measured(a, j, ascii).s, distance.s[0] ? "; " : "", distance.s);
	if (j->why[0])
		snprintf(out.s + used, sizeof(out.s) - used, "; %s", j->why);
	return out;
}

struct format_long check__place(const struct assertion *a)
{
	struct format_long out = {"--assert"};

	if (a->file)
		snprintf(out.s, sizeof(out.s), "%.180s:%u",
			 format_sentence(a->file, strlen(a->file), false).s, a->line);
	return out;
}

int check__flush(FILE *out)
{
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}
