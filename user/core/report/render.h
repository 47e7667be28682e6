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
};

struct renderer {
	const char *name; /* for --format */
	int (*render)(FILE *out, const struct snapshot *s, const struct render_options *o);
};

/* The table. It ends with a row without a name. */
extern const struct renderer renderer_table[];

/* The row with that name, or NULL. */
const struct renderer *renderer__find(const char *name);

/* Each flushes the stream, and returns 0, or -errno if the stream has an error. */
int render_text(FILE *out, const struct snapshot *s, const struct render_options *o);
int render_json(FILE *out, const struct snapshot *s, const struct render_options *o);

#endif
