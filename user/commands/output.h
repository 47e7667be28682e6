/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a report goes: standard output, or a file; and how it should look there. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "core/base/failure.h"
#include "core/report/render.h"

/* A file is opened before anything is measured, so that a failure is early; but what is in it stays
 * until there is something to replace it with. */
struct output {
	FILE *stream;
	const char *path; /* NULL: standard output */
	bool created;     /* the file is new */
};

/* NULL and "-" are standard output. 0, or -errno with f. */
int output__open(struct output *out, const char *path, struct failure *f);
/* There is nothing to write after all. A zeroed output is fine. */
void output__drop(struct output *out);
/* Call before the first word is written: empties the file. 0 or -errno. */
int output__begin(struct output *out);
/* Closes it. err is 0 or what went wrong so far, and is what is returned, with f, if it is not 0. */
int output__end(struct output *out, int err, struct failure *f);

/* Colour, characters and width as the stream and the environment have them. */
struct render_options output__look(const struct output *out);

#endif
