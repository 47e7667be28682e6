// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The table of functions in the text report: which code had the GIL, and what others waited for. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/format.h"
#include "core/base/utf8.h"
#include "core/report/text_gil.h"

#define FUNCTIONS_TOLD 10
#define SHARE_LEAST    0.001 /* of all waiting and of all holding; what has less is not told */

/* The columns of figures, each with a blank before it. */
#define WAITING_COLUMNS 8
#define ERROR_COLUMNS   9
#define HOLDING_COLUMNS 8
#define ASLEEP_COLUMNS  8
#define FIGURES_COLUMNS (WAITING_COLUMNS + ERROR_COLUMNS + HOLDING_COLUMNS + ASLEEP_COLUMNS + 4)

struct sums {
	double wait, hold;
};

static double share(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static void put_figure(const struct text *t, double value, double least, int columns)
{
	text__spaces(t, 1);
	text__column(t, value > least ? format_percent(value).s : "", -columns);
}

static void put_error(const struct text *t, const struct blame_row *r)
{
	char words[32] = "";

	if (r->wait_ns && !isnan(r->error) && r->error > 0)
		snprintf(words, sizeof(words), "%s %.20s", t->ascii ? "+-" : "±",
			 format_percent(r->error).s);
	text__spaces(t, 1);
	text__column(t, words, ERROR_COLUMNS);
}

/* Where what belongs to a row begins. Below 80 columns it has lines of its own. */
static int place_column(const struct text *t)
{
	return t->width < 80 ? 4 : FIGURES_COLUMNS + 2;
}

/* Prints the words beside the figures or below them. A word that is too long for a line is broken. */
static void put_words(const struct text *t, const char *words)
{
	int indent = place_column(t) + 2, most = t->width - indent, columns = 0;
	char broken[1000], *to = broken;
	size_t n;

	for (const char *s = words; *s && to < broken + sizeof(broken) - 8; s += n) {
		__u32 c = utf8__decode(s, &n);
		int width = c == UTF8_INVALID ? 1 : utf8__columns(c);

		if (*s == ' ')
			columns = 0;
		else if (columns + width > most)
			*to++ = ' ', columns = width;
		else
			columns += width;
		memcpy(to, s, n);
		to += n;
	}
	*to = '\0';
	if (t->width < 80)
		putc('\n', t->out);
	text__spaces(t, t->width < 80 ? 4 : 2);
	text__wrap(t, TEXT_PLAIN, place_column(t), indent, broken);
}

/* "render (views.py:212)", and what runs there if it is not Python code. */
static void put_place(const struct text *t, const struct blame_row *r)
{
	struct format_long function = format_sentence(r->function, sizeof(r->function), t->ascii);
	const char *slash = strrchr(r->file, '/'), *file = slash ? slash + 1 : r->file;
	struct format_long name = format_sentence(file, strlen(file), t->ascii);
	struct format_long native = format_sentence(r->native, sizeof(r->native), t->ascii);
	char words[800];
	int n;

	if (r->kind != BLAME_FUNCTION)
		n = snprintf(words, sizeof(words), "(%s)", blame_kind__name(r->kind));
	else if (!name.s[0])
		n = snprintf(words, sizeof(words), "%s", function.s);
	else if (r->line)
		n = snprintf(words, sizeof(words), "%s (%s:%u)", function.s, name.s, r->line);
	else
		n = snprintf(words, sizeof(words), "%s (%s)", function.s, name.s);
	if (native.s[0])
		snprintf(words + n, sizeof(words) - (size_t)n, ", in %s", native.s);
	put_words(t, words);
}

static void put_row(const struct text *t, const struct blame_row *r, const struct sums *all)
{
	put_figure(t, share((double)r->wait_ns, all->wait), 0, WAITING_COLUMNS);
	put_error(t, r);
	put_figure(t, share((double)r->hold_ns, all->hold), 0, HOLDING_COLUMNS);
	put_figure(t, share((double)r->blocked_ns, all->hold), SHARE_LEAST, ASLEEP_COLUMNS);
	put_place(t, r);
}

static void put_titles(const struct text *t, bool waits)
{
	text__style(t, TEXT_BOLD);
	fputs(waits ? "Who makes others wait\n" : "Who has the GIL\n", t->out);
	text__spaces(t, 1);
	text__column(t, "waiting", -WAITING_COLUMNS);
	text__spaces(t, 1 + ERROR_COLUMNS + 1);
	text__column(t, "holding", -HOLDING_COLUMNS);
	text__spaces(t, 1);
	text__column(t, "asleep", -ASLEEP_COLUMNS);
	fputs("  function\n", t->out);
	text__style(t, TEXT_PLAIN);
}

static void put_note(const struct text *t)
{
	text__note(t, 2,
		   "waiting: share of all waiting for this GIL, during which this code had it, and "
		   "the standard error; holding: share of all the time in holds; asleep: the part "
		   "of that for which it slept");
}

int text_functions(const struct text *t, const struct snapshot_gil *g)
{
	struct sums all = {0};
	struct blame_row *rows;
	size_t n = g->nr_functions, told = 0, more = 0;

	if (!g->functions)
		return 0;
	rows = blame__by_function(g->functions, &n);
	if (!rows)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		all.wait += (double)rows[i].wait_ns;
		all.hold += (double)rows[i].hold_ns;
	}
	putc('\n', t->out);
	put_titles(t, all.wait > 0);
	for (size_t i = 0; i < n; i++) {
		bool much = share((double)rows[i].wait_ns, all.wait) >= SHARE_LEAST ||
			    share((double)rows[i].hold_ns, all.hold) >= SHARE_LEAST;

		if (!much)
			continue;
		if (rows[i].kind <= BLAME_NO_PYTHON && told++ >= FUNCTIONS_TOLD)
			more++;
		else
			put_row(t, &rows[i], &all);
	}
	free(rows);
	if (more)
		fprintf(t->out, "  and %zu more function%s\n", more, more == 1 ? "" : "s");
	put_note(t);
	return 0;
}
