// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The pages. The top row says what is shown, and the bottom row lists keys. What is between them
 * is a page: the list of all GILs, one GIL, one of its threads, or the help.
 */
#include <stdlib.h>
#include <string.h>

#include "core/figures/metric.h"
#include "core/screen/screen_parts.h"

#define WIDE         150 /* from so many columns on, handoffs are to the right of the threads */
#define PAIRS_COLUMN 52
#define PAIRS_BESIDE 12 /* rows */
#define ROOMY        30 /* from so many rows on, there are blank rows between the parts */
#define BELOW_LEAST  14 /* rows: enough to show the selected GIL below the list */

void screen__spot(const struct screen *sc, const struct pane *p, int row, int column, int height,
		  int width, enum view_spot_kind kind, unsigned int what)
{
	struct view *v = sc->view;

	if (v->nr_spots == VIEW_SPOTS || sc->below)
		return;
	v->spots[v->nr_spots++] = (struct view_spot){
		.kind = kind,
		.what = what,
		.x = p->x + column,
		.y = p->y + row,
		.width = width,
		.height = height,
	};
}

/* ---- the pages ---- */

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* The rows for a part: as many as it wants now, or wanted before while the same was shown, so that
 * nothing below it jumps. */
static int rest(int *most, int wants)
{
	if (*most < wants)
		*most = wants;
	return *most;
}

static struct view_rest *rest_of(const struct screen *sc, const struct pane *p,
				 const struct screen_sentence *s)
{
	struct view_rest *r = &sc->view->rest;
	__u64 id = sc->gil.id << 8 | s->kind;

	if (r->id != id || r->width != p->width || r->height != p->height)
		*r = (struct view_rest){.id = id, .width = p->width, .height = p->height};
	return r;
}

static void share_out(const struct screen *sc, const struct pane *p, struct screen_sentence *s,
		      size_t threads, int got[SCREEN_PARTS])
{
	struct view_rest *r = rest_of(sc, p, s);
	bool beside = p->width >= WIDE;
	int pairs = screen__handoffs_rows(sc, beside ? PAIRS_COLUMN : p->width);
	int table = least((int)threads + 1, p->height);
	int want[SCREEN_PARTS] = {
		[PART_SENTENCE] =
			rest(&r->sentence,
			     screen__fit_sentence(s, p->width, p->height - SCREEN_TABLE_LEAST)),
		[PART_BAR] = 1,
		[PART_LEGEND] = 1,
		[PART_WAITERS] = p->height,
		[PART_COST] = 1,
		[PART_HISTS] = p->height,
		[PART_GAPS] = p->height < ROOMY ? 0
			      : beside          ? 3
						: 4,
	};

	want[PART_PAIRS] = rest(&r->pairs, pairs);
	want[PART_TABLE] = rest(&r->table, table < SCREEN_TABLE_LEAST ? SCREEN_TABLE_LEAST : table);
	/* Pairs beside a few threads may use some rows more than these. */
	pairs = least(want[PART_PAIRS], PAIRS_BESIDE);
	if (beside && want[PART_TABLE] < pairs)
		want[PART_TABLE] = pairs;
	if (beside)
		want[PART_PAIRS] = 0;
	screen__share_out(p->height, want,
			  sc->s->nr_unobserved || snapshot_lost__total(&sc->s->lost), got);
}

/* What is above the table. Returns the row after it. */
static int draw_summary(const struct screen *sc, const struct pane *p,
			const struct screen_sentence *s, const int got[SCREEN_PARTS])
{
	struct pane part = pane__part(p, 0, 0, got[PART_SENTENCE], p->width);
	int row = part.height, gap = !!got[PART_GAPS];

	screen__put_sentence(s, &part);
	row += gap;
	if (got[PART_BAR])
		screen__time_bar(sc, p, row++);
	if (got[PART_LEGEND])
		screen__time_legend(sc, p, row++);
	part = pane__part(p, row, 0, got[PART_WAITERS], p->width);
	screen__waiters(sc, &part);
	row += part.height;
	if (got[PART_COST])
		screen__cost(sc, p, row++);
	row += gap;
	part = pane__part(p, row, 0, got[PART_HISTS], p->width);
	if (part.height)
		screen__hists(sc, &part, &sc->gil.gil->fig);
	return row + part.height + gap;
}

static int draw_gil(const struct screen *sc, const struct pane *p)
{
	struct pane table = *p, pairs = {.grid = p->grid};
	struct screen_sentence sentence;
	int got[SCREEN_PARTS], row;
	struct screen_rows rows;
	int err = screen__list_threads(sc, &rows);

	if (err)
		return err;
	if (!sc->view->table_only) {
		screen__sentence(sc, &sentence);
		share_out(sc, p, &sentence, rows.nr, got);
		row = draw_summary(sc, p, &sentence, got);
		table = pane__part(p, row, 0, got[PART_TABLE], p->width);
		pairs = pane__part(p, row + table.height + !!got[PART_GAPS], 0, got[PART_PAIRS],
				   p->width);
		if (p->width >= WIDE) {
			pairs = pane__part(p, row, p->width - PAIRS_COLUMN, table.height,
					   PAIRS_COLUMN);
			table.width = p->width - PAIRS_COLUMN - 2;
		}
	}
	screen__table(sc, &table, thread_columns, &rows, &sc->view->threads);
	screen__handoffs(sc, &pairs);
	free(rows.rows);
	return 0;
}

/* Makes this GIL the one that is shown. False if it does not exist. */
static bool find_gil(struct screen *sc, __u64 id)
{
	size_t process = (size_t)((id - 1) >> 8), gil = (id - 1) & 0xff;

	if (!id || process >= sc->s->nr_processes || gil >= sc->s->processes[process].nr_gils)
		return false;
	sc->process_index = process;
	sc->gil_index = gil;
	sc->gil = (struct subject){
		.process = &sc->s->processes[process],
		.gil = &sc->s->processes[process].gils[gil],
		.id = id,
		.exact_max = history__exact_max(sc->history, sc->span),
	};
	return true;
}

/* The GIL that is selected in the list, below it: what Enter would show. */
static int draw_below(const struct screen *sc, const struct pane *p)
{
	struct view *v = sc->view, view = *v;
	const struct screen_facts facts = {.state = sc->facts->state, .plain = true};
	struct screen below = *sc;
	struct pane rest = pane__part(p, 2, 0, p->height - 2, p->width);
	int err;

	if (!find_gil(&below, v->list.chosen))
		return 0;
	view.gil = v->list.chosen;
	view.verdict = v->verdict_below;
	view.rest = v->rest_below;
	view.threads = (struct view_table){.sort = -1};
	below.view = &view;
	below.facts = &facts;
	below.below = true;
	pane__printf(p, 1, 0, STYLE_BOLD, "%s %d",
		     snapshot_process__name(below.gil.process, sc->ascii).s,
		     below.gil.process->pid);
	err = draw_gil(&below, &rest);
	v->verdict_below = view.verdict;
	v->rest_below = view.rest;
	return err;
}

static int draw_list(const struct screen *sc, const struct pane *p)
{
	struct screen all = *sc;
	struct screen_sentence sentence;
	struct screen_rows rows;
	struct pane table = *p, part;
	int err, row = 0;

	all.gil = (struct subject){0};
	err = screen__list_gils(sc, &rows);
	if (err)
		return err;
	if (!sc->view->table_only) {
		struct view_rest *r;

		screen__sentence(&all, &sentence);
		r = rest_of(&all, p, &sentence);
		row = p->height - SCREEN_TABLE_LEAST;
		row = least(row,
			    rest(&r->sentence, screen__fit_sentence(&sentence, p->width, row)));
		part = pane__part(p, 0, 0, row, p->width);
		screen__put_sentence(&sentence, &part);
		if (p->height - row > 4)
			screen__cost(&all, p, row++);
		row += p->height - row > 10;
		table = pane__part(p, row, 0, p->height - row, p->width);
		if (p->height - row - rest(&r->table, (int)rows.nr + 1) >= BELOW_LEAST)
			table.height = r->table;
	}
	screen__table(&all, &table, gil_columns, &rows, &sc->view->list);
	free(rows.rows);
	part = pane__part(p, row + table.height, 0, p->height, p->width);
	return part.height && rows.nr ? draw_below(sc, &part) : 0;
}

static void draw_thread(const struct screen *sc, const struct pane *p)
{
	struct pane rest = pane__part(p, 2, 0, p->height - 2, p->width);

	pane__printf(p, 0, 0, STYLE_BOLD, "thread %s", screen__thread_name(sc, sc->view->tid).s);
	screen__thread_page(sc, &rest);
}

static void draw_nothing(const struct screen *sc, const struct pane *p)
{
	size_t free_threaded = 0;

	for (size_t i = 0; i < sc->s->nr_processes; i++)
		free_threaded += sc->s->processes[i].free_threaded;
	if (free_threaded)
		pane__put(p, 0, 0, STYLE_BOLD,
			  "Not GIL-bound: this Python is free-threaded and runs without a GIL.");
	else
		pane__put(p, 0, 0, STYLE_BOLD, "Waiting for a CPython to run ...");
	screen__cost(sc, p, 2);
	for (size_t i = 0; i < sc->s->nr_unobserved && (int)i < p->height - 4; i++) {
		const struct snapshot_unobserved *u = &sc->s->unobserved[i];

		pane__printf(p, 4 + (int)i, 0, STYLE_PLAIN, "process %d (%s) was not observed: %s",
			     u->pid, format_name(u->comm, sizeof(u->comm), sc->ascii).s,
			     format_sentence(u->why, sizeof(u->why), sc->ascii).s);
	}
}

/* ---- which GIL ---- */

static size_t count_gils(const struct snapshot *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->nr_processes; i++)
		n += s->processes[i].nr_gils;
	return n;
}

/* If there are several GILs and the user has not chosen one, the list is shown. */
static void settle_level(struct screen *sc)
{
	struct view *v = sc->view;
	size_t n = count_gils(sc->s);

	v->several = n > 1;
	if (!v->level_chosen && !v->help)
		v->level = n > 1 ? VIEW_LIST : VIEW_GIL;
	if (v->level == VIEW_LIST)
		return;
	/* If the chosen GIL is gone: the only one, or the first. */
	for (size_t i = 0; !find_gil(sc, v->gil) && i < sc->s->nr_processes; i++)
		if (sc->s->processes[i].nr_gils)
			v->gil = ((__u64)i << 8) + 1;
}

static int draw_too_small(const struct pane *p)
{
	pane__printf(p, 0, 0, STYLE_PLAIN, "%dx%d is too small", p->width, p->height);
	pane__printf(p, 1, 0, STYLE_PLAIN, "at least %dx%d is needed", SCREEN_WIDTH_LEAST,
		     SCREEN_HEIGHT_LEAST);
	pane__put(p, 2, 0, STYLE_PLAIN, "q quits");
	return 0;
}

static int draw_page(const struct screen *sc, const struct pane *p)
{
	if (sc->view->help)
		screen__help(sc, p);
	else if (sc->view->level == VIEW_LIST)
		return draw_list(sc, p);
	else if (!sc->gil.gil)
		draw_nothing(sc, p);
	else if (sc->view->level == VIEW_FUNCTIONS)
		return screen__functions_page(sc, p);
	else if (sc->view->level == VIEW_THREAD)
		draw_thread(sc, p);
	else
		return draw_gil(sc, p);
	return 0;
}

int screen__draw(struct grid *g, struct view *v, const struct history *h,
		 const struct screen_facts *facts)
{
	struct screen sc = {
		.view = v,
		.history = h,
		.facts = facts,
		.span = view__window_ns(v) ? HISTORY_WINDOW : HISTORY_ALL,
		.ascii = g->ascii,
	};
	struct pane all = pane__of(g), body;
	int err;

	if (g->width < SCREEN_WIDTH_LEAST || g->height < SCREEN_HEIGHT_LEAST)
		return draw_too_small(&all);
	sc.s = history__span(h, sc.span);
	settle_level(&sc);
	v->nr_spots = 0;
	screen__top_row(&sc, &all);
	body = pane__part(&all, 1, 0, g->height - 2, g->width);
	err = draw_page(&sc, &body);
	/* Drawn last: the page has settled what there is to scroll. */
	screen__bottom_row(&sc, &all);
	return err;
}
