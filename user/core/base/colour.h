/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When text has colours. */
#ifndef COLOUR_H
#define COLOUR_H

#include <stdbool.h>

/* The words of --color, in their order. */
#define COLOUR_CHOICES "auto|always|never"
enum colour_when { COLOUR_AUTO, COLOUR_ALWAYS, COLOUR_NEVER };

/* What the environment says; each may be NULL. */
struct colour_environment {
	const char *no_color; /* NO_COLOR: if not empty, none (no-color.org) */
	const char *
		clicolor_force; /* CLICOLOR_FORCE: if neither empty nor 0, even without a terminal */
	const char *term;       /* TERM: none for "dumb" */
};

/* The command line comes first, then NO_COLOR, then CLICOLOR_FORCE, then what the output is. */
bool colour__wanted(enum colour_when when, const struct colour_environment *env, bool terminal);

#endif
