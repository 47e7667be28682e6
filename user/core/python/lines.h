/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The line of an instruction, from the table that a code object has for it. The table comes from an
 * observed process and may hold any bytes.
 */
#ifndef LINES_H
#define LINES_H

#include <stddef.h>
#include <linux/types.h>

/* The format of the table, which differs between versions of CPython. */
enum lines_kind {
	LINES_PAIRS,     /* 3.8, 3.9: pairs of steps, of the instruction and of the line */
	LINES_RANGES,    /* 3.10: a pair for each range of instructions (PEP 626) */
	LINES_LOCATIONS, /* from 3.11 on: an entry for each range, with columns (PEP 657) */
};

/*
 * The line of the instruction at `at` bytes from the start of the bytecode, in a code object whose
 * first line is `first_line`. The first line if `at` is negative. 0 if the instruction has no line,
 * or the table does not reach it. Up to 3.10, and for inner ranges of later versions, what is between
 * two instructions belongs to the first one.
 */
int lines__at(enum lines_kind kind, const void *table, size_t size, int first_line, long at);

#endif
