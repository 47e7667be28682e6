/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A frame: what has happened, looked at in one way, in so many rows and columns. */
#ifndef SCREEN_H
#define SCREEN_H

#include "core/screen/grid.h"
#include "core/history/history.h"
#include "core/screen/view.h"

#define SCREEN_WIDTH_LEAST  60
#define SCREEN_HEIGHT_LEAST 12

/* What a frame tells and neither the history nor the view knows. */
struct screen_facts {
	const char *state;    /* "ended", say; NULL: it goes on */
	const char *playback; /* where a playback is; NULL: this is live */
	bool plain;           /* no keys: nobody can press one */
};

/* Draws a blank grid. The view is brought in line with what there is: the cursor is on a row, the
 * chosen GIL exists. 0 or -ENOMEM. */
int screen__draw(struct grid *g, struct view *v, const struct history *h,
		 const struct screen_facts *facts);

#endif
