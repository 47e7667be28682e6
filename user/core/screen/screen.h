/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A frame: what has happened, shown in one view, in so many rows and columns. */
#ifndef SCREEN_H
#define SCREEN_H

#include "core/screen/grid.h"
#include "core/history/history.h"
#include "core/screen/view.h"

#define SCREEN_WIDTH_LEAST  60
#define SCREEN_HEIGHT_LEAST 12

/* Facts for a frame that neither the history nor the view knows. */
struct screen_facts {
	const char *state;    /* such as "ended"; NULL: still running */
	const char *playback; /* position of a playback; NULL: this is live */
	const char *when;     /* the time of the frame, as people read it; NULL: not shown */
	bool plain;           /* show no keys, because nobody can press one */
};

/* Draws on a blank grid. Adjusts the view to what exists: the cursor is on a row, and the chosen
 * GIL exists. 0 or -ENOMEM. */
int screen__draw(struct grid *g, struct view *v, const struct history *h,
		 const struct screen_facts *facts);

#endif
