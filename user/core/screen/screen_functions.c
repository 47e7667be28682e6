// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The page of functions: who makes others wait. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/screen/screen_parts.h"

#define SENTENCE_MOST 6 /* rows */

static __u64 mix(__u64 h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	return (h ^ 0xff) * 0x100000001b3ULL;
}

/* The same for a function in every frame. */
static __u64 id_of(const struct blame_row *r)
{
	return mix(mix(0xcbf29ce484222325ULL + r->kind, r->function), r->file) | 1;
}

static bool passes(const struct blame_row *r, const char *filter)
{
	return !*filter || strcasestr(r->function, filter) || strcasestr(r->file, filter) ||
	       strcasestr(r->native, filter);
}

/* The rows to show, one for each function; NULL if memory ran out. */
static struct blame_row *by_function(const struct screen *sc, size_t *n)
{
	const struct snapshot_gil *g = sc->gil.gil;
	struct blame_row *lines, *functions;

	*n = g->nr_functions;
	if (!sc->view->one_thread)
		return blame__by_function(g->functions, n);
	lines = history__functions_of(sc->history, sc->span, sc->process_index, sc->gil_index,
				      sc->view->tid, n);
	functions = lines ? blame__by_function(lines, n) : NULL;
	free(lines);
	return functions;
}

int screen__list_functions(const struct screen *sc, struct blame_row **functions,
			   struct screen_rows *rows)
{
	const struct snapshot_gil *g = sc->gil.gil;
	double wait = 0, hold = 0;
	size_t n;

	*functions = by_function(sc, &n);
	rows->rows = calloc(n + 1, sizeof(*rows->rows));
	rows->nr = 0;
	if (!*functions || !rows->rows) {
		free(*functions);
		free(rows->rows);
		return -ENOMEM;
	}
	/* The shares of a thread's functions are shares of the GIL's figures, too. */
	for (size_t i = 0; i < g->nr_functions; i++) {
		wait += (double)g->functions[i].wait_ns;
		hold += (double)g->functions[i].hold_ns;
	}
	for (size_t i = 0; i < n; i++) {
		struct subject s = sc->gil;

		s.function = &(*functions)[i];
		s.all_wait_ns = wait;
		s.all_hold_ns = hold;
		s.id = id_of(s.function);
		if (passes(s.function, sc->view->functions.filter))
			rows->rows[rows->nr++] = s;
	}
	screen__sort_rows(rows, function_columns, &sc->view->functions);
	return 0;
}

static void draw_none(const struct screen *sc, const struct pane *p)
{
	const char *why =
		!sc->gil.gil->sampled
			? "No samples of code are taken, so it is not known which functions have "
			  "the GIL. Start with --blame 997. It works for CPython 3.8 to 3.15."
			: "No function has been seen with the GIL yet.";

	sc->view->page = p->height;
	pane__wrap(p, 0, 0, p->height, STYLE_DIM, why);
}

/* Whose functions they are. Returns the row for the table. */
static int put_thread(const struct screen *sc, const struct pane *p)
{
	pane__printf(p, 0, 0, STYLE_BOLD, "functions of thread %s",
		     screen__thread_name(sc, sc->view->tid).s);
	return p->height > 10 ? 2 : 1;
}

/* The verdict, and the costs where there is room. Returns the row for the table. */
static int put_sentence(const struct screen *sc, const struct pane *p)
{
	int most = p->height / 2 < SENTENCE_MOST ? p->height / 2 : SENTENCE_MOST, row;
	struct screen_sentence sentence;
	struct pane part;

	screen__sentence(sc, &sentence);
	row = screen__fit_sentence(&sentence, p->width, most);
	part = pane__part(p, 0, 0, row, p->width);
	screen__put_sentence(&sentence, &part);
	if (p->height - row > 10)
		screen__cost(sc, p, row++);
	return row + (p->height - row > 10);
}

int screen__functions_page(const struct screen *sc, const struct pane *p)
{
	struct blame_row *functions;
	struct screen_rows rows;
	struct pane part;
	int row, err;

	if (!sc->gil.gil->functions) {
		draw_none(sc, p);
		return 0;
	}
	err = screen__list_functions(sc, &functions, &rows);
	if (err)
		return err;
	row = sc->view->one_thread   ? put_thread(sc, p)
	      : sc->view->table_only ? 0
				     : put_sentence(sc, p);
	part = pane__part(p, row, 0, p->height - row, p->width);
	screen__table(sc, &part, function_columns, &rows, &sc->view->functions);
	free(rows.rows);
	free(functions);
	return 0;
}
