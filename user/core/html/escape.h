/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text as part of an HTML page. Whatever names are in it, it cannot become markup. */
#ifndef ESCAPE_H
#define ESCAPE_H

#include <stdio.h>

enum escape {
	ESCAPE_TEXT, /* the text of an element, or of an attribute in double quotes */
	ESCAPE_JSON, /* JSON in a script element */
	ESCAPE_LINES, /* lines, as elements of an array of JSON in a script element; the blanks at their
		       * beginning are left out, and so are empty lines */
};

/* What is written to the stream arrives, escaped, at `out` when the stream is closed. An error of `out`
 * stays there. NULL if memory ran out. */
FILE *escape__open(FILE *out, enum escape how);

#endif
