/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a script starts, found by reading it: it is never run. */
#ifndef SCRIPT_H
#define SCRIPT_H

#include <stddef.h>

/* The most of a script that is read. */
#define SCRIPT_MOST 8192

enum script_kind {
	SCRIPT_NONE,        /* it does not begin with #! */
	SCRIPT_INTERPRETER, /* it is run by what its first line names */
	SCRIPT_WRAPPER,     /* it is a shell's, and ends in exec */
	SCRIPT_UNCLEAR,     /* it is a shell's, and what it starts cannot be read in it */
};

/*
 * Reads the beginning of a script: `text`, `length` bytes, with a zero byte after them. Puts the
 * program that it starts into `program`: a path, or a name to be looked up as a shell would; "" if
 * that is not known. env, and what pip writes for a long path, are seen through.
 */
enum script_kind script__read(const char *text, size_t length, char *program, size_t size);

#endif
