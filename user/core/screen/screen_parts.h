/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Used by screen*.c only: the parts of a frame. Each draws on a pane of any size. */
#ifndef SCREEN_PARTS_H
#define SCREEN_PARTS_H

#include "core/figures/verdict.h"
#include "core/screen/column.h"
#include "core/screen/screen.h"

struct screen {
	struct view *view;
	const struct history *history;
	const struct screen_facts *facts;
	enum history_span span;
	const struct snapshot *s; /* of that span */
	bool ascii;
	bool below; /* this is below the list, where there is no cursor and nothing to click */
	/* the GIL that is shown, if any */
	struct subject gil;
	size_t process_index;
	size_t gil_index;
};

/* Remembers that this part of the pane can be clicked. */
void screen__spot(const struct screen *sc, const struct pane *p, int row, int column, int height,
		  int width, enum view_spot_kind kind, unsigned int what);

/* ---- screen_bars.c ---- */

/* The rows at the top and the bottom. */
void screen__top_row(const struct screen *sc, const struct pane *p);
void screen__bottom_row(const struct screen *sc, const struct pane *p);
/* One row: the cost of the probes and what was missed. */
void screen__cost(const struct screen *sc, const struct pane *p, int row);

/* ---- screen_layout.c: how the rows of a GIL's page are shared out ---- */

enum screen_part {
	PART_SENTENCE,
	PART_BAR,
	PART_LEGEND,
	PART_WAITERS,
	PART_COST,
	PART_HISTS,
	PART_TABLE,
	PART_PAIRS, /* below the table; 0: beside it, or not shown */
	PART_GAPS,
	SCREEN_PARTS,
};

#define SCREEN_TABLE_LEAST 2 /* rows: the head, and a thread */

/* Fills in the rows of each part. `want` has the most that a part can use; `missed`: the row of
 * costs has something that must be seen. */
void screen__share_out(int rows, const int want[SCREEN_PARTS], bool missed, int got[SCREEN_PARTS]);

/* ---- screen_gil.c: one GIL ---- */

/* The verdict and the advice. */
struct screen_sentence {
	enum verdict_kind kind;
	const char *answer;
	enum style style;
	char words[(1 + VERDICT_SUPPORT) * VERDICT_TEXT];
	size_t advice; /* where it begins in `words` */
};

/* Asks for it once for each frame. */
void screen__sentence(const struct screen *sc, struct screen_sentence *s);
/* Leaves out remarks at its end, but neither the cause nor all advice, if it needs more than `most`
 * rows of so many columns. Returns the rows that it needs. */
int screen__fit_sentence(struct screen_sentence *s, int width, int most);
/* Draws it on the pane. If it does not fit, dots show that it is cut. */
void screen__put_sentence(const struct screen_sentence *s, const struct pane *p);
/* One row each: where the GIL's time goes, as a bar and as figures. */
void screen__time_bar(const struct screen *sc, const struct pane *p, int row);
void screen__time_legend(const struct screen *sc, const struct pane *p, int row);
/* Who waits now, and the curve of contention: beside it, or in the rows below it. */
void screen__waiters(const struct screen *sc, const struct pane *p);
/* A curve of contention over all remembered points, on the whole pane. */
void screen__curve(const struct screen *sc, const struct pane *p, size_t process, size_t gil);
/* Handoffs: figures, and the busiest pairs. */
void screen__handoffs(const struct screen *sc, const struct pane *p);
/* The rows that they can use in so many columns. */
int screen__handoffs_rows(const struct screen *sc, int width);
/* "4712 compute" */
struct format screen__thread_name(const struct screen *sc, __u32 tid);

/* ---- screen_hist.c ---- */

#define SCREEN_HIST_LEAST 2 /* rows: enough for the quantiles alone */
#define SCREEN_HIST_CHART 7 /* a title, three for bars, an axis, and two for quantiles */

/* The two distributions side by side, as high as the pane. */
void screen__hists(const struct screen *sc, const struct pane *p, const struct gil_figures *f);

/* ---- screen_table.c ---- */

struct screen_rows {
	struct subject *rows;
	size_t nr;
};

/* All GILs, or the threads of one, filtered and sorted by the view. 0 or -ENOMEM. Free
 * rows->rows. */
int screen__list_gils(const struct screen *sc, struct screen_rows *rows);
int screen__list_threads(const struct screen *sc, struct screen_rows *rows);
/* Sorts them as the table says. */
void screen__sort_rows(struct screen_rows *rows, const struct column *columns,
		       const struct view_table *t);
/* The table. Adjusts the cursor. */
void screen__table(const struct screen *sc, const struct pane *p, const struct column *columns,
		   const struct screen_rows *rows, struct view_table *t);

/* ---- screen_pages.c ---- */

void screen__help(const struct screen *sc, const struct pane *p);
void screen__thread_page(const struct screen *sc, const struct pane *p);

/* ---- screen_functions.c ---- */

/* The functions of the GIL, which must have some; the caller frees these, too. 0 or -ENOMEM. */
int screen__list_functions(const struct screen *sc, struct blame_row **functions,
			   struct screen_rows *rows);
/* Who makes others wait. 0 or -ENOMEM. */
int screen__functions_page(const struct screen *sc, const struct pane *p);

#endif
