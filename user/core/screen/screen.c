// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The layout. The top row says what is shown, and the bottom row lists keys. The rows between them
 * are shared out by height: the verdict and the bar of the GIL's time always get theirs, then the
 * table gets at least a few rows, then histograms and handoffs get what is left.
 */
#include <stdlib.h>
#include <string.h>

#include "core/figures/metric.h"
#include "core/screen/screen_parts.h"

#define WIDE         150 /* from so many columns on, handoffs are to the right of the threads */
#define PAIRS_COLUMN 52
#define ROOMY        30 /* from so many rows on, there are blank rows between the parts */

/* ---- the rows at the top and the bottom ---- */

static const char *dot(const struct screen *sc)
{
	return sc->ascii ? "-" : "·";
}

static struct format window_text(const struct screen *sc)
{
	const struct snapshot_process *p = sc->gil.process;
	__u64 length =
		p ? gil__observed(p, sc->gil.gil) : gil_elapsed(sc->s->start_ns, sc->s->end_ns);
	struct format f, ns = format_ns(length, sc->ascii);

	snprintf(f.s, sizeof(f.s), "%s %.60s", sc->span == HISTORY_ALL ? "all" : "last", ns.s);
	return f;
}

static void put_top(const struct screen *sc, const struct pane *p)
{
	const struct snapshot_process *process = sc->gil.process;
	char right[200];
	int at;

	snprintf(right, sizeof(right), " %s%s%s%s%s%s ", window_text(sc).s,
		 sc->facts->playback ? ", " : "", sc->facts->playback ? sc->facts->playback : "",
		 sc->facts->state ? ", " : "", sc->facts->state ? sc->facts->state : "",
		 sc->view->paused ? ", PAUSED" : "");
	pane__fill(p, 0, 0, STYLE_TITLE, p->width, " ");
	at = pane__put(p, 0, 1, STYLE_TITLE, "gilscope");
	if (process) {
		at = pane__printf(p, 0, at + 1, STYLE_TITLE, "%s %s %d", dot(sc),
				  snapshot_process__name(process, sc->ascii).s, process->pid);
		if (process->python[0])
			at = pane__printf(
				p, 0, at + 1, STYLE_TITLE, "%s Python %s", dot(sc),
				format_name(process->python, sizeof(process->python), sc->ascii).s);
		at = pane__printf(
			p, 0, at + 1, STYLE_TITLE, "%s %s", dot(sc),
			format_name(process->source, sizeof(process->source), sc->ascii).s);
		if (!sc->gil.gil->main)
			pane__printf(p, 0, at + 1, STYLE_TITLE, "%s interpreter %ld", dot(sc),
				     sc->gil.gil->interpreter);
	} else {
		pane__printf(p, 0, at + 1, STYLE_TITLE, "%s %zu process%s", dot(sc),
			     sc->s->nr_processes, sc->s->nr_processes == 1 ? "" : "es");
	}
	/* Drawn last: the state matters more than the end of a long name. */
	pane__put(p, 0, p->width - format__columns(right), STYLE_TITLE, right);
}

/* Prints the cost of the probes and what was missed, in the words that every report must have. */
static void put_cost(const struct screen *sc, const struct pane *p, int row)
{
	const struct snapshot *s = sc->s;
	double duration = (double)gil_elapsed(s->start_ns, s->end_ns);
	__u64 lost = snapshot_lost__total(&s->lost);
	int at;

	if (s->probe_ns_per_hit >= 0 && duration > 0)
		at = pane__printf(p, row, 0, STYLE_DIM, "cost %s of a CPU",
				  format_percent((double)s->probe_hits *
						 (double)s->probe_ns_per_hit / duration)
					  .s);
	else
		at = pane__put(p, row, 0, STYLE_DIM, "cost not measured");
	at = pane__printf(p, row, at, STYLE_DIM, " %s every %s %s ", dot(sc),
			  format_ns(view__interval_ns(sc->view), sc->ascii).s, dot(sc));
	if (lost)
		at = pane__printf(p, row, at, STYLE_BAD, "missed %s edges", format_count(lost).s);
	else
		at = pane__put(p, row, at, STYLE_DIM, s->note[0] ? s->note : "missed nothing");
	if (s->nr_unobserved)
		at = pane__printf(p, row, at, STYLE_BAD, ", %zu process%s not observed",
				  s->nr_unobserved, s->nr_unobserved == 1 ? "" : "es");
	if (sc->gil.process && sc->gil.process->note[0])
		pane__printf(p, row, at, STYLE_DIM, ": %s",
			     format_sentence(sc->gil.process->note, sizeof(sc->gil.process->note),
					     sc->ascii)
				     .s);
}

static void put_keys(const struct screen *sc, const struct pane *p, int row)
{
	static const struct {
		const char *key;
		const char *what;
		bool table; /* only if a table is shown */
		bool playback;
	} keys[] = {
		{"q", "quit", false, false},      {"?", "help", false, false},
		{"space", "pause", false, false}, {".", "step", false, true},
		{"<>", "speed", false, true},     {"Enter", "in", true, false},
		{"Esc", "back", false, false},    {"s", "sort", true, false},
		{"/", "filter", true, false},     {"w", "window", false, false},
		{"t", "table", true, false},      {"r", "reset", false, false},
		{"+-", "rate", false, false},     {"o", "save", false, false},
		{"l", "log", false, false},       {"C", "colours", false, false},
	};
	int at = 0;

	pane__fill(p, row, 0, STYLE_TITLE, p->width, " ");
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		int width = format__columns(keys[i].key) + (int)strlen(keys[i].what) + 3;

		if ((keys[i].table && sc->view->level == VIEW_THREAD) ||
		    (keys[i].playback && !sc->view->playback) || at + width > p->width)
			continue;
		at = pane__printf(p, row, at, STYLE_KEY, " %s", keys[i].key);
		at = pane__printf(p, row, at, STYLE_TITLE, " %s ", keys[i].what);
	}
}

/* The bottom row: the filter being typed, a message, or the keys. */
static void put_bottom(const struct screen *sc, const struct pane *p)
{
	struct view *v = sc->view;
	const char *filter = view__table(v)->filter;
	int row = p->height - 1;

	if (sc->facts->plain)
		return;
	if (!v->typing && !v->message[0] && !filter[0]) {
		put_keys(sc, p, row);
		return;
	}
	pane__fill(p, row, 0, STYLE_TITLE, p->width, " ");
	if (v->typing)
		pane__printf(p, row, 1, STYLE_TITLE, "filter: %s_", filter);
	else if (v->message[0])
		pane__put(p, row, 1, STYLE_TITLE, v->message);
	else
		pane__printf(p, row, 1, STYLE_TITLE, "only rows that contain \"%s\"; c shows all",
			     filter);
}

/* ---- the three levels ---- */

/* How the rows between top and bottom are shared out. */
struct heights {
	int verdict;
	bool legend;
	bool cost;
	int hists;
	int pairs; /* below the table; 0: beside it, or not shown */
	bool gaps;
};

static struct heights share_out(const struct pane *p)
{
	struct heights h = {.verdict = 2, .hists = SCREEN_HIST_LEAST};
	int rows = p->height;

	h.legend = rows >= 14;
	h.cost = rows >= 13;
	if (rows >= 16)
		h.verdict = rows >= 26 ? 4 : 3;
	if (rows >= 22)
		h.hists = rows >= 36 ? rows / 3 : rows - 14 > 10 ? 10 : rows - 14;
	if (rows >= 21 && p->width < WIDE)
		h.pairs = rows >= 34 ? 6 : 2;
	h.gaps = rows >= ROOMY;
	return h;
}

static int draw_summary(const struct screen *sc, const struct pane *p, const struct heights *h)
{
	struct pane hists;
	int row = h->verdict + h->gaps;

	/* What is below does not move if the verdict is shorter. */
	screen__verdict(sc, p, h->verdict);
	screen__time_bar(sc, p, row++);
	if (h->legend)
		screen__time_legend(sc, p, row++);
	screen__waiters(sc, p, row++);
	if (h->cost)
		put_cost(sc, p, row++);
	row += h->gaps;
	hists = pane__part(p, row, 0, h->hists, p->width);
	screen__hists(sc, &hists, &sc->gil.gil->fig);
	return row + h->hists + h->gaps;
}

static int draw_gil(const struct screen *sc, const struct pane *p)
{
	struct heights h = share_out(p);
	bool alone = sc->view->table_only;
	struct pane table, pairs;
	struct screen_rows rows;
	int row, err;

	err = screen__list_threads(sc, &rows);
	if (err)
		return err;
	row = alone ? 0 : draw_summary(sc, p, &h);
	table = pane__part(p, row, 0, p->height - row - (alone ? 0 : h.pairs), p->width);
	pairs = pane__part(p, p->height - h.pairs, 0, h.pairs, p->width);
	if (p->width >= WIDE && !alone) {
		table.width = p->width - PAIRS_COLUMN - 2;
		pairs = pane__part(p, row, p->width - PAIRS_COLUMN, p->height - row, PAIRS_COLUMN);
	}
	screen__table(sc, &table, thread_columns, &rows, &sc->view->threads, false);
	if (!alone)
		screen__handoffs(sc, &pairs);
	free(rows.rows);
	return 0;
}

static int draw_list(const struct screen *sc, const struct pane *p)
{
	struct screen all = *sc;
	struct screen_rows rows;
	struct pane table;
	int err, row = 0;

	all.gil = (struct subject){0};
	err = screen__list_gils(sc, &rows);
	if (err)
		return err;
	if (!sc->view->table_only) {
		screen__verdict(&all, p, 2);
		put_cost(&all, p, 2);
		row = p->height >= 16 ? 4 : 3;
	}
	table = pane__part(p, row, 0, p->height - row, p->width);
	screen__table(&all, &table, gil_columns, &rows, &sc->view->list, true);
	free(rows.rows);
	return 0;
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
	put_cost(sc, p, 2);
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

	if (g->width < SCREEN_WIDTH_LEAST || g->height < SCREEN_HEIGHT_LEAST)
		return draw_too_small(&all);
	sc.s = history__span(h, sc.span);
	settle_level(&sc);
	put_top(&sc, &all);
	put_bottom(&sc, &all);
	body = pane__part(&all, 1, 0, g->height - 2, g->width);
	if (v->help)
		screen__help(&sc, &body);
	else if (v->level == VIEW_LIST)
		return draw_list(&sc, &body);
	else if (!sc.gil.gil)
		draw_nothing(&sc, &body);
	else if (v->level == VIEW_THREAD)
		draw_thread(&sc, &body);
	else
		return draw_gil(&sc, &body);
	return 0;
}
