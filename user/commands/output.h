/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The destination of a report, standard output or a file, and how the report should look there. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "core/base/colour.h"
#include "core/base/failure.h"
#include "core/base/options.h"
#include "core/base/output_file.h"
#include "core/report/render.h"
#include "edge/observe/observe.h"

/* A file is opened before anything is measured, so that a failure shows early. It gets its name when
 * it is complete (output_file.h); so what had the name stays until then. */
struct output {
	FILE *stream;
	const char *path; /* NULL: standard output */
	struct output_file file;
};

/* Opens path; NULL and "-" mean standard output. `force`: it may replace anything. Returns 0, or
 * -errno with f filled. */
int output__open(struct output *out, const char *path, bool force, struct failure *f);
/* Closes the output if there is nothing to write after all. A zeroed output is fine. */
void output__drop(struct output *out);
/* The capabilities that output__end and output__drop need. */
capabilities output__needs(const struct output *out);
/* Closes the output and gives the file its name. err is 0 or the error so far; then the file is
 * removed. Returns err if it is not 0, else 0 or what failed now; fills f if the result is not 0. */
int output__end(struct output *out, int err, struct failure *f);

/* A launched command has standard output for itself. So a report for people goes to standard error,
 * and a report for programs may go to standard output only if the command's own output does not. */

/* Where a report for people goes if the user names no file: to be passed to output__open. */
const char *output__default(const struct observe_options *o);

/* True if output__open takes that path for standard output, or it is another name of it. */
bool output__is_stdout(const char *path);

/* An option that asks for a report for programs, and where that would go. */
struct output_wish {
	const char *option; /* "--json"; NULL: it was not given */
	const char *path;   /* NULL: standard output */
};
/* Returns 0, or -EINVAL with f filled if one of the n reports and the command's output would get
 * mixed. argv is gilscope's command line, from the name of its command on. */
int output__check(const struct observe_options *o, const struct output_wish *wishes, size_t n,
		  char **argv, struct failure *f);

/* The columns of standard error if it is a terminal, else 0. */
int output__stderr_width(void);

/* The option --color, for the tables of commands that print text. */
#define OUTPUT_COLOUR_ROW                                                                          \
	{                                                                                          \
		0, "color", COLOUR_CHOICES,                                                        \
			"colours in text: auto (the default) means on a terminal, unless "         \
			"NO_COLOR is set, or "                                                     \
			"where CLICOLOR_FORCE is",                                                 \
			output__set_colour                                                         \
	}
int output__set_colour(void *options, const char *value, struct failure *f);
/* True if there are colours, on a terminal or elsewhere. *asked, if not NULL: whether the option has
 * decided. */
bool output__is_coloured(bool terminal, bool *asked);

/* Chooses colour, character set and width to suit the stream and the environment. */
struct render_options output__look(const struct output *out);

#endif
