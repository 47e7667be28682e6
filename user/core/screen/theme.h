/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the styles of a grid look like. Each also differs in glyph, text or place, so that nothing
 * is said by colour alone. */
#ifndef THEME_H
#define THEME_H

#include "core/screen/grid.h"

enum theme_attribute {
	THEME_BOLD = 1,
	THEME_DIM = 2,
	THEME_REVERSE = 4,
	THEME_UNDERLINE = 8,
};

struct theme_look {
	short colour; /* of 256; -1: the terminal's own */
	short basic;  /* of 8, where there are no more; -1 */
	unsigned char attributes;
};

struct theme {
	const char *name;
	const char *help;
	struct theme_look look[STYLES];
};

/* The table; it ends with a row without a name. The last one has no colours. */
extern const struct theme theme_table[];

const struct theme *theme__find(const char *name);
/* The one after it, in a circle. */
const struct theme *theme__next(const struct theme *t);
/* The one for terminals without colours, and for NO_COLOR. */
const struct theme *theme__mono(void);

#endif
