/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The destination of a report, standard output or a file, and how the report should look there. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "core/base/failure.h"
#include "core/report/render.h"

/* A file is opened before anything is measured, so that a failure shows early. Its old content
 * stays until there is something to replace it with. */
struct output {
	FILE *stream;
	const char *path; /* NULL: standard output */
	bool created;     /* we created the file */
	bool is_regular;  /* it is a file, not a pipe or a device */
};

/* Opens path; NULL and "-" mean standard output. Returns 0, or -errno with f filled. */
int output__open(struct output *out, const char *path, struct failure *f);
/* Closes the output if there is nothing to write after all, and removes a file that we created. A
 * zeroed output is fine. */
void output__drop(struct output *out);
/* Empties the file. Call before the first write. Returns 0 or -errno. */
int output__begin(struct output *out);
/* Closes the output. err is 0 or the error so far. Returns err if it is not 0, else 0 or the error
 * of closing; fills f if the result is not 0. */
int output__end(struct output *out, int err, struct failure *f);

/* Chooses colour, character set and width to suit the stream and the environment. */
struct render_options output__look(const struct output *out);

#endif
