/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why something could not be done, in three lines: what failed, the likely cause, and what to
 * try. */
#ifndef FAILURE_H
#define FAILURE_H

#include <stdio.h>

/* Exit statuses, as in gilscope(1). A launched command's own status takes precedence over 0. */
enum exit_status {
	EXIT_STATUS_OK = 0,
	EXIT_STATUS_USAGE = 2,
	EXIT_STATUS_CANNOT_OBSERVE = 4,
	EXIT_STATUS_NOT_EXECUTABLE = 126,
	EXIT_STATUS_NOT_FOUND = 127,
};

struct failure {
	char what[512];    /* "cannot observe process 12: ..." */
	char cause[512];   /* one sentence; may be empty */
	char command[512]; /* one exact command to try; may be empty */
};

/* Each sets one of the lines like printf, cut to fit. What %s and %c put in is made printable, and
 * in the command each %s becomes one word of a shell (printable.h); a command that does not fit is
 * left out. A NULL f is ignored. */
void failure__what(struct failure *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void failure__cause(struct failure *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void failure__command(struct failure *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Adds one more word to the command, which is left out if it becomes too long. */
void failure__word(struct failure *f, const char *word);

/* How many columns stderr has, if it is a terminal: lines are then wrapped between words. 0: never
 * wrapped, which is so at the beginning. Commands to try are not, as they are copied. */
void failure__set_width(int columns);

/* Prints the lines that are set. */
void failure__print(const struct failure *f, FILE *out);
/* Prints one line on stderr, made in the same way; the format has no line end. Foreign words reach
 * stderr through these two functions only. */
void failure__say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
