// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Pages that fill the screen: help, and one thread. */
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
	{"? h F1", "this help, and back"},
	{"j k arrows", "move; also g, G, Home, End, Page Up, Page Down"},
	{"Enter Esc", "into a GIL or a thread, and back"},
	{"s S", "sort by the next column; the other way round"},
	{"1 ... 9", "sort by that column; again: the other way round"},
	{"/", "filter by name or number; c or Esc clears"},
	{"w", "the figures are of the last 2 s, 10 s, 30 s, or all"},
	{"space p", "pause: the picture stays, the measuring goes on"},
	{"r", "reset: forget what was measured so far"},
	{"+ -", "draw more often, less often"},
	{"t", "the table alone, and back"},
	{"l", "histograms: logarithmic counts, and back"},
	{"C", "other colours"},
	{"o O", "save what is measured: as text; as JSON"},
	{"R", "begin to record to a file, for `gilscope report` or `top -i`; end it"},
	{"< > .", "playback: half speed, double speed, one step"},
	{NULL, "Words"},
	{"wait", "from the moment a thread blocks on the GIL until it has it"},
	{"hold", "from then until it lets go: on a CPU, preempted (it could run, but has no CPU), "
		 "or asleep"},
	{"contended", "the share of the time in which at least one thread waited"},
	{"requested", "released because a waiter asked, after a switch interval"},
	{"handoff", "the next holder was already waiting; a chain is a run of them"},
	{"max", "of a window it is known to 1/16: \xe2\x89\xa4 (or <) is its upper bound"},
	{NULL, "Columns"},
	{NULL, NULL},
};

static int put_help_line(const struct screen *sc, const struct pane *p, int row, const char *key,
			 const char *text)
{
	int at = 14, used;

	if (!key) {
		if (row >= 0)
			pane__put(p, row, 0, STYLE_BOLD, text);
		return row + 1;
	}
	if (row >= 0)
		pane__put(p, row, 1, STYLE_BOLD, key);
	if (row >= 0) {
		struct pane rest = pane__part(p, row, at, p->height - row, p->width - at);

		used = pane__wrap(&rest, 0, 0, 2, STYLE_PLAIN, text);
		return row + (used ? used : 1);
	}
	(void)sc;
	return row + 1;
}

static int put_column_lines(const struct screen *sc, const struct pane *p, int row,
			    const struct column *columns)
{
	for (const struct column *c = columns; c->title; c++)
		row = put_help_line(sc, p, row, c->title, c->help);
	return row;
}

void screen__help(const struct screen *sc, const struct pane *p)
{
	int row = -sc->view->help_top;

	for (const struct help_line *l = help_lines; l->text; l++)
		row = put_help_line(sc, p, row, l->key, l->text);
	row = put_column_lines(sc, p, row,
			       sc->view->level == VIEW_LIST ? gil_columns : thread_columns);
	/* The last line stays at the bottom. */
	if (row < p->height && sc->view->help_top > 0)
		sc->view->help_top += row - p->height < -sc->view->help_top ? -sc->view->help_top
									    : row - p->height;
}

/* ---- one thread ---- */

static const struct gil_thread *chosen_thread(const struct screen *sc)
{
	return snapshot_gil__thread(sc->gil.gil, sc->view->tid);
}

/* Every column of the table, with what it means. */
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

/* To whom it hands the GIL, and from whom it gets it. */
static void put_neighbours(const struct screen *sc, const struct pane *p, __u32 tid)
{
	const struct snapshot_gil *g = sc->gil.gil;
	const struct gil_handoff *to = NULL, *from = NULL;

	for (size_t i = 0; i < g->nr_edges; i++) {
		const struct gil_handoff *e = &g->edges[i];

		if (e->from == tid && e->count && (!to || e->count > to->count))
			to = e;
		if (e->to == tid && e->count && (!from || e->count > from->count))
			from = e;
	}
	if (from)
		pane__printf(p, 0, 0, STYLE_PLAIN, "gets it mostly from %s: %s times",
			     screen__thread_name(sc, from->from).s, format_count(from->count).s);
	if (to)
		pane__printf(p, !!from, 0, STYLE_PLAIN, "hands it mostly to %s: %s times",
			     screen__thread_name(sc, to->to).s, format_count(to->count).s);
}

void screen__thread_page(const struct screen *sc, const struct pane *p)
{
	const struct gil_thread *t = chosen_thread(sc);
	struct pane part;
	int row;

	if (!t) {
		pane__put(p, 0, 0, STYLE_DIM,
			  "this thread has exited, and is in the sum of others");
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
