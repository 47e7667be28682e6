// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "core/screen/theme.h"

/* What all themes have in common. */
#define COMMON                                                                                     \
	[STYLE_PLAIN] = {-1, -1, 0}, [STYLE_BOLD] = {-1, -1, THEME_BOLD},                          \
	[STYLE_DIM] = {-1, -1, THEME_DIM}, [STYLE_TITLE] = {-1, -1, THEME_REVERSE},                \
	[STYLE_KEY] = {-1, -1, THEME_REVERSE | THEME_BOLD},                                        \
	[STYLE_HEAD] = {-1, -1, THEME_UNDERLINE},                                                  \
	[STYLE_SORTED] = {-1, -1, THEME_UNDERLINE | THEME_BOLD},                                   \
	[STYLE_SELECTED] = {-1, -1, THEME_REVERSE}

const struct theme theme_table[] = {
	{"default",
	 "green, yellow and red; blue for holds, yellow for waits",
	 {COMMON, [STYLE_GOOD] = {40, 2, THEME_BOLD}, [STYLE_FAIR] = {220, 3, THEME_BOLD},
	  [STYLE_BAD] = {196, 1, THEME_BOLD}, [STYLE_ONCPU] = {39, 6, 0},
	  [STYLE_PREEMPTED] = {208, 3, 0}, [STYLE_BLOCKED] = {197, 1, 0},
	  [STYLE_FREE] = {242, -1, THEME_DIM}, [STYLE_WAIT] = {220, 3, 0}}},
	/* Okabe and Ito's colours, which are distinguishable with any kind of colour vision. */
	{"safe",
	 "distinguishable with any kind of colour vision",
	 {COMMON, [STYLE_GOOD] = {36, 6, THEME_BOLD}, [STYLE_FAIR] = {214, 3, THEME_BOLD},
	  [STYLE_BAD] = {166, 5, THEME_BOLD}, [STYLE_ONCPU] = {25, 4, 0},
	  [STYLE_PREEMPTED] = {214, 3, 0}, [STYLE_BLOCKED] = {166, 5, 0},
	  [STYLE_FREE] = {242, -1, THEME_DIM}, [STYLE_WAIT] = {74, 6, 0}}},
	{"mono",
	 "no colours",
	 {COMMON, [STYLE_GOOD] = {-1, -1, THEME_BOLD}, [STYLE_FAIR] = {-1, -1, THEME_BOLD},
	  [STYLE_BAD] = {-1, -1, THEME_BOLD}, [STYLE_ONCPU] = {-1, -1, 0},
	  [STYLE_PREEMPTED] = {-1, -1, 0}, [STYLE_BLOCKED] = {-1, -1, 0},
	  [STYLE_FREE] = {-1, -1, 0}, [STYLE_WAIT] = {-1, -1, 0}}},
	{.name = NULL},
};

const struct theme *theme__find(const char *name)
{
	for (const struct theme *t = theme_table; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

const struct theme *theme__next(const struct theme *t)
{
	return t[1].name ? t + 1 : theme_table;
}

const struct theme *theme__mono(void)
{
	return theme__find("mono");
}
