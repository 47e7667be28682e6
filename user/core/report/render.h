/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Output formats: each renders a snapshot to a stream. */
#ifndef RENDER_H
#define RENDER_H

#include <stdio.h>

#include "core/figures/snapshot.h"

struct render_options {
	bool colour;         /* the caller has checked the stream and NO_COLOR */
	bool ascii;          /* only ASCII: no block glyphs, and "us" for microseconds */
	int width;           /* columns; 0: 80 */
	const char *version; /* gilscope's own; NULL: not printed */
	bool by_hold; /* stacks: by the time with the GIL, not by that for which others waited */
};

/* The formats: the name for --format, which is also that of its function (render_NAME), whether it needs
 * samples of code, and whether it is binary. */
#define RENDERERS(FIRST, X)                                                                        \
	FIRST(text, false, false)                                                                  \
	X(json, false, false)                                                                      \
	X(folded, true, false)                                                                     \
	X(pprof, true, true)                                                                       \
	X(speedscope, true, false)

/* All the names, as a list begins: "text, json, folded". */
#define RENDER_FIRST(name, of_stacks, binary) #name
#define RENDER_COMMA(name, of_stacks, binary) ", " #name
#define RENDER_NAMES                          RENDERERS(RENDER_FIRST, RENDER_COMMA)

/* Flushes the stream, and returns 0, or -errno if the stream has an error, or -ENOMEM. */
typedef int render_run(FILE *out, const struct snapshot *s, const struct render_options *o);

#define RENDER_FUNCTION(name, of_stacks, binary) render_run render_##name;
RENDERERS(RENDER_FUNCTION, RENDER_FUNCTION)

struct renderer {
	const char *name; /* for --format */
	bool of_stacks;   /* it writes stacks of code, so it needs samples */
	bool binary;      /* not for a terminal */
	render_run *render;
};

/* The table. It ends with a row without a name. */
extern const struct renderer renderer_table[];

/* The row with that name, or NULL. */
const struct renderer *renderer__find(const char *name);

#endif
