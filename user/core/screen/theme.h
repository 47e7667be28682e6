/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The look of a grid's styles. Each style also differs in glyph, text or place, so that nothing is
 * expressed by colour alone. */
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
	short basic;  /* of 8, for terminals without 256; -1: the terminal's own */
	unsigned char attributes;
};

struct theme {
	const char *name;
	const char *help;
	struct theme_look look[STYLES];
};

/* The table. It ends with a row without a name. The last theme has no colours. */
/* The names in the table, for --theme. */
#define THEME_CHOICES "default|safe|mono"
extern const struct theme theme_table[];

const struct theme *theme__find(const char *name);
/* The next theme; after the last one, the first. */
const struct theme *theme__next(const struct theme *t);
/* The theme for terminals without colours, and for NO_COLOR. */
const struct theme *theme__mono(void);

#endif
