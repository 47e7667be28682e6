// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which code is behind a verdict, if samples were taken. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/figures/verdict_words.h"

/* A function with less of all waiting is not named. */
#define SHARE_LEAST 0.20

void verdict_code__find(struct verdict *v, const struct snapshot_gil *g)
{
	size_t n = g->nr_functions;
	struct blame_row *rows = g->functions ? blame__by_function(g->functions, &n) : NULL;
	const struct blame_row *top = rows;
	double all = 0;

	for (size_t i = 0; rows && i < n; i++)
		all += (double)rows[i].wait_ns;
	if (rows && n && top->kind == BLAME_FUNCTION && all > 0 &&
	    (double)top->wait_ns >= SHARE_LEAST * all) {
		v->code = *top;
		v->code_share = (double)top->wait_ns / all;
	}
	free(rows);
}

/* "computes", or what it does instead. */
static struct format_long deed(const struct verdict_teller *t)
{
	const struct blame_row *r = &t->v->code;
	struct format_long native = format_sentence(r->native, sizeof(r->native), t->ascii), f;

	if (2 * r->blocked_ns > r->hold_ns)
		snprintf(f.s, sizeof(f.s), "sleeps%s%.140s", native.s[0] ? " in " : "", native.s);
	else if (2 * r->preempted_ns > r->hold_ns)
		snprintf(f.s, sizeof(f.s), "had no CPU for most of that time");
	else
		snprintf(f.s, sizeof(f.s), "computes%s%.140s", native.s[0] ? " in " : "", native.s);
	return f;
}

void verdict_code__tell(struct verdict_teller *t)
{
	const struct blame_row *r = &t->v->code;
	const char *slash = strrchr(r->file, '/'), *file = slash ? slash + 1 : r->file;
	struct format_long function = format_sentence(r->function, sizeof(r->function), t->ascii);
	struct format_long name = format_sentence(file, strlen(file), t->ascii);
	char line[16] = "";

	if (!r->function[0] || t->v->answer < VERDICT_PARTLY)
		return;
	if (r->line)
		snprintf(line, sizeof(line), ":%u", r->line);
	verdict_add(t, "%s of all waiting is behind `%.100s`%s%.100s%s%s, which %.200s.",
		    format_percent(t->v->code_share).s, function.s, name.s[0] ? " (" : "", name.s,
		    line, name.s[0] ? ")" : "", deed(t).s);
}
