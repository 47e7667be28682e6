// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pages that fill the screen: the help, and one thread. */
#include <string.h>

#include "core/figures/metric.h"
#include "core/screen/screen_parts.h"

/* ---- help ---- */

struct help_line {
	const char *key; /* NULL: a heading */
	const char *text;
};

static const struct help_line help_lines[] = {
	{NULL, "Keys"},
	{"q, Ctrl-C", "quit"},
	{"? h F1", "open or close this help"},
	{"j k arrows", "move; also g, G, Home, End, Page Up, Page Down"},
	{"Enter Esc", "open a GIL or a thread; go back"},
	{"f", "open the functions of the GIL or the thread: who makes others wait (with --blame); "
	      "f or Esc goes back"},
	{"s S", "sort by the next column; reverse the order (an arrow shows it)"},
	{"1 ... 9", "sort by that column; press again to reverse the order"},
	{"/", "filter by name or number; c or Esc clears"},
	{"w", "show figures for the last 2 s, 10 s, 30 s, or everything"},
	{"space p", "pause the display (measurement continues)"},
	{"r", "reset: forget what was measured so far, the curves included"},
	{"+ -", "draw more often, less often"},
	{"t", "show only the table, or everything"},
	{"l", "histograms: logarithmic or linear counts"},
	{"C", "change colours"},
	{"mouse", "click a row to select it, twice to open it, or a column's head to sort; the "
		  "wheel scrolls; keys in the bottom row can be clicked"},
	{"o O", "save the report as text; as JSON"},
	{"R", "start or stop recording to a file, for `gilscope report` or `top -i`"},
	{"< > .", "playback: half speed, double speed, one step"},
	{NULL, "Words"},
	{"wait", "the time from when a thread blocks on the GIL until it gets it"},
	{"hold", "the time from then until it lets go: on a CPU, preempted (it could run, but has "
		 "no CPU), or asleep"},
	{"contended", "the share of the time in which at least one thread waited"},
	{"requested", "released because a waiter asked, after a switch interval"},
	{"handoff",
	 "an acquisition by a thread that was waiting at the release; a chain is a run of them"},
	{"max", "known to 1/16 in a window: \xe2\x89\xa4 (or <) marks an upper bound"},
	{NULL, "Columns"},
	{NULL, NULL},
};

#define HELP_TEXT 14 /* the column where explanations begin */

/* Returns the row after the line. */
static int put_help_line(const struct pane *p, int row, const char *key, const char *text)
{
	struct pane rest = pane__part(p, 0, HELP_TEXT, p->height, p->width - HELP_TEXT);

	if (!key) {
		pane__put(p, row, 0, STYLE_BOLD, text);
		return row + 1;
	}
	pane__put(p, row, 1, STYLE_BOLD, key);
	return row + pane__wrap(&rest, row, 0, p->grid->width, STYLE_PLAIN, text);
}

/* Returns the row after the last line. */
static int put_help(const struct screen *sc, const struct pane *p, int row)
{
	const struct column *c = sc->view->level == VIEW_LIST        ? gil_columns
				 : sc->view->level == VIEW_FUNCTIONS ? function_columns
								     : thread_columns;

	for (const struct help_line *l = help_lines; l->text; l++)
		row = put_help_line(p, row, l->key, l->text);
	for (; c->title; c++)
		row = put_help_line(p, row, c->title, c->help);
	return row;
}

void screen__help(const struct screen *sc, const struct pane *p)
{
	const struct pane nowhere = pane__part(p, 0, 0, 0, p->width);
	struct view *v = sc->view;

	v->help_rows = put_help(sc, &nowhere, 0);
	v->page = p->height;
	if (v->help_top > v->help_rows - p->height)
		v->help_top = v->help_rows - p->height;
	if (v->help_top < 0)
		v->help_top = 0;
	put_help(sc, p, -v->help_top);
}

/* ---- one thread ---- */

static const struct gil_thread *chosen_thread(const struct screen *sc)
{
	return snapshot_gil__thread(sc->gil.gil, sc->view->tid);
}

/* Prints every column of the table, with its meaning. */
static int put_figures(const struct screen *sc, const struct pane *p, const struct gil_thread *t)
{
	struct subject s = sc->gil;
	int row = 0;

	s.thread = t;
	for (const struct column *c = thread_columns; c->title && row < p->height; c++, row++) {
		int at = pane__column(p, row, 0, STYLE_BOLD, 10, c->title);

		at = pane__column(p, row, at, STYLE_PLAIN, 16, column__text(c, &s, sc->ascii).s);
		pane__put(p, row, at + 1, STYLE_DIM, c->help);
	}
	return row;
}

/* Prints which thread gets the GIL next most often, and from which thread this one gets it. */
static void put_neighbours(const struct screen *sc, const struct pane *p, __u32 tid)
{
	const struct snapshot_gil *g = sc->gil.gil;
	const struct gil_sum *to = NULL, *from = NULL;

	for (size_t i = 0; i < g->nr_sums; i++) {
		const struct gil_sum *e = &g->sums[i];

		if (e->kind != GIL_SUM_HANDOFFS || !e->count)
			continue;
		if (gil_pair_from(e->key) == tid && (!to || e->count > to->count))
			to = e;
		if (gil_pair_to(e->key) == tid && (!from || e->count > from->count))
			from = e;
	}
	if (from)
		pane__printf(p, 0, 0, STYLE_PLAIN, "mostly gets it from %s: %s times",
			     screen__thread_name(sc, gil_pair_from(from->key)).s,
			     format_count(from->count).s);
	if (to)
		pane__printf(p, !!from, 0, STYLE_PLAIN, "mostly hands it to %s: %s times",
			     screen__thread_name(sc, gil_pair_to(to->key)).s,
			     format_count(to->count).s);
}

void screen__thread_page(const struct screen *sc, const struct pane *p)
{
	const struct gil_thread *t = chosen_thread(sc);
	struct pane part;
	int row;

	if (!t) {
		pane__put(p, 0, 0, STYLE_DIM,
			  "this thread has exited, and is part of the sum of exited threads");
		return;
	}
	part = pane__part(p, 0, 0, p->height / 2, p->width);
	screen__hists(sc, &part, &t->fig);
	row = part.height;
	part = pane__part(p, row, 0, 2, p->width);
	put_neighbours(sc, &part, t->tid);
	part = pane__part(p, row + 2, 0, p->height, p->width);
	put_figures(sc, &part, t);
}
