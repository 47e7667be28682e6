// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Prints rules, and formats errors for people. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/rules/assertion.h"
#include "core/base/format.h"
#include "core/base/utf8.h"

/* How many columns of its rule an error shows, and how many of them before the place. */
#define EXCERPT        100
#define EXCERPT_BEFORE 60

const char *assertion_op__name(enum assertion_op op)
{
	static const char *const names[] = {"<", "<=", ">", ">=", "==", "!="};

	return names[op];
}

const char *assertion_over__name(enum assertion_over over)
{
	static const char *const names[] = {"median", "best", "worst", "all"};

	return names[over];
}

const char *assertion_unit__name(enum assertion_unit unit)
{
	static const char *const names[] = {"", "ns", "us", "ms", "s", "m", "h", "%", "/s"};

	return names[unit];
}

double assertion_number__value(const struct assertion_number *n)
{
	static const double scale[] = {1, 1, 1e3, 1e6, 1e9, 60e9, 3600e9, 0.01, 1};
	double v = (double)n->digits, divisor = 1;

	for (unsigned int i = 0; i < n->decimals; i++)
		divisor *= 10;
	/* Rounds once if possible, so that 10 % is the same number as 0.1. */
	if (n->unit == ASSERTION_PERCENT)
		v /= divisor * 100;
	else
		v = v * scale[n->unit] / divisor;
	return n->negative ? -v : v;
}

struct format assertion_number__print(const struct assertion_number *n)
{
	char digits[32];
	struct format f;
	int length, whole;

	length = snprintf(digits, sizeof(digits), "%0*llu", (int)n->decimals + 1,
			  (unsigned long long)n->digits);
	whole = length - (int)n->decimals;
	snprintf(f.s, sizeof(f.s), "%.*s%s%s%s", whole, digits, n->decimals ? "." : "",
		 digits + whole, assertion_unit__name(n->unit));
	return f;
}

struct format assertion_figure__name(const struct assertion_figure *f)
{
	struct statistic usual;
	struct format name;
	size_t n;
	const char *metric = metric__rule_name(f->metric, &n);
	bool is_usual = statistic__default(f->metric, &usual) && usual.kind == f->statistic.kind;

	snprintf(name.s, sizeof(name.s), "%.*s%s%.16s", (int)n, metric, is_usual ? "" : ".",
		 is_usual ? "" : statistic__name(&f->statistic).s);
	return name;
}

struct writer {
	struct assertion_text text;
	size_t used;
};

__attribute__((format(printf, 2, 3))) static void put(struct writer *w, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(w->text.s + w->used, sizeof(w->text.s) - w->used, fmt, ap);
	va_end(ap);
	if (n > 0)
		w->used += (size_t)n;
	if (w->used >= sizeof(w->text.s))
		w->used = sizeof(w->text.s) - 1;
}

static void put_scope(struct writer *w, const struct scope *scope)
{
	const char *before = "{";

	for (int key = 0; key < SCOPE_KEYS; key++) {
		const struct scope_match *m = &scope->match[key];

		if (!m->given)
			continue;
		put(w, "%s%s%c\"", before, scope_key_table[key].name, m->glob ? '~' : '=');
		for (const char *s = m->pattern; *s; s++)
			put(w, "%s%c", *s == '"' || *s == '\\' ? "\\" : "", *s);
		put(w, "\"");
		before = ",";
	}
	if (*before == ',')
		put(w, "}");
}

static void put_margin(struct writer *w, const struct assertion_number *n)
{
	put(w, "%c%s", n->negative ? '-' : '+', assertion_number__print(n).s);
}

struct assertion_text assertion__print(const struct assertion *a)
{
	struct writer w = {.used = 0};

	put(&w, "%s%s", a->warn ? "warn " : "", assertion_figure__name(&a->figure).s);
	put_scope(&w, &a->scope);
	put(&w, " %s ", assertion_op__name(a->op));
	if (a->vs_baseline) {
		put_margin(&w, &a->limit);
		if (a->has_absolute) {
			put(&w, " and ");
			put_margin(&w, &a->absolute);
		}
		put(&w, " vs baseline");
	} else {
		put(&w, "%s", assertion_number__print(&a->limit).s);
	}
	if (a->has_over)
		put(&w, " over %s", assertion_over__name(a->over));
	if (a->has_condition)
		put(&w, " if %s %s %s", assertion_figure__name(&a->condition.figure).s,
		    assertion_op__name(a->condition.op),
		    assertion_number__print(&a->condition.value).s);
	return w.text;
}

/* ---- errors ---- */

/* The byte at which an excerpt of the text begins, so that it contains the error. */
static size_t excerpt_begin(const char *text, size_t at)
{
	size_t begin = at > EXCERPT_BEFORE && strlen(text) > EXCERPT ? at - EXCERPT_BEFORE : 0;

	while (begin && (text[begin] & 0xc0) == 0x80)
		begin--;
	return begin;
}

/* So many bytes of a text, made safe for a terminal. */
static struct format_long clean(const char *s, size_t length)
{
	char part[EXCERPT + 1];

	if (length > EXCERPT)
		length = EXCERPT;
	snprintf(part, sizeof(part), "%.*s", (int)length, s);
	for (char *c = part; *c; c++)
		if (*c == '\t')
			*c = ' ';
	return format_sentence(part, sizeof(part), false);
}

void assertion_error__tell(const struct assertion_error *e, const char *place, const char *text,
			   struct failure *f)
{
	size_t size = strlen(text), at = (size_t)e->at < size ? (size_t)e->at : size;
	size_t begin = excerpt_begin(text, at);
	struct format_long line = clean(text + begin, size - begin);
	struct format_long message = clean(e->message, strlen(e->message));
	int column = format__columns(clean(text + begin, at - begin).s);
	int length = e->length > 0 ? e->length : 1;
	char carets[EXCERPT + 1];

	if (column > EXCERPT - 1)
		column = EXCERPT - 1;
	/* If something is missing at the end of the text, the end is underlined. */
	if ((size_t)length > size - at)
		length = size > at ? (int)(size - at) : 1;
	length = length > 1 ? format__columns(clean(text + at, (size_t)length).s) : 1;
	if (length < 1 || length > EXCERPT - column)
		length = length < 1 ? 1 : EXCERPT - column;
	memset(carets, '^', sizeof(carets));
	carets[length] = '\0';
	failure__what(f, "%.120s: %s\n    %s\n    %*s%s%s%s%s", place, message.s, line.s, column,
		      "", carets, e->suggestion[0] ? " did you mean " : "",
		      e->suggestion[0] ? clean(e->suggestion, strlen(e->suggestion)).s : "",
		      e->suggestion[0] ? "?" : "");
	failure__command(f, "gilscope metrics");
}
