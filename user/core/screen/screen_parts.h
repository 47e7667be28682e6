/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Used by screen*.c only: the parts of a frame. Each draws on a pane of any size. */
#ifndef SCREEN_PARTS_H
#define SCREEN_PARTS_H

#include "core/screen/column.h"
#include "core/screen/screen.h"

struct screen {
	struct view *view;
	const struct history *history;
	const struct screen_facts *facts;
	enum history_span span;
	const struct snapshot *s; /* of that span */
	bool ascii;
	/* the GIL that is shown, if any */
	struct subject gil;
	size_t process_index;
	size_t gil_index;
};

/* ---- screen_gil.c: one GIL ---- */

/* The verdict. Returns the rows used, at most `rows`. */
int screen__verdict(const struct screen *sc, const struct pane *p, int rows);
/* One row each: where the GIL's time goes, as a bar and as figures. */
void screen__time_bar(const struct screen *sc, const struct pane *p, int row);
void screen__time_legend(const struct screen *sc, const struct pane *p, int row);
/* One row: who waits now, and the curve of contention. */
void screen__waiters(const struct screen *sc, const struct pane *p, int row);
/* A curve of `what` over all remembered points, in one row. */
void screen__curve(const struct screen *sc, const struct pane *p, int row, int column, int columns,
		   size_t process, size_t gil, float (*what)(const struct history_point *));
float screen__contended(const struct history_point *p);
/* Handoffs: figures, and the busiest pairs. */
void screen__handoffs(const struct screen *sc, const struct pane *p);
/* "4712 compute" */
struct format screen__thread_name(const struct screen *sc, __u32 tid);

/* ---- screen_hist.c ---- */

#define SCREEN_HIST_LEAST 2 /* rows: enough for the quantiles alone */

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
/* The table. Adjusts the cursor. `curve`: the rest of each row is a curve of contention. */
void screen__table(const struct screen *sc, const struct pane *p, const struct column *columns,
		   const struct screen_rows *rows, struct view_table *t, bool curve);

/* ---- screen_pages.c ---- */

void screen__help(const struct screen *sc, const struct pane *p);
void screen__thread_page(const struct screen *sc, const struct pane *p);

#endif
