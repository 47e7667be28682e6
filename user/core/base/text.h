/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Words, columns and bars on a stream: the parts of the text report. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdio.h>

struct text {
	FILE *out;
	int width;
	bool colour;
	bool ascii;
	bool terse; /* leave out notes, because they were already printed once */
};

/* Colour only emphasizes: nothing is expressed by colour alone. */
enum text_style {
	TEXT_PLAIN,
	TEXT_BOLD,
	TEXT_DIM,
	TEXT_GOOD,
	TEXT_FAIR,
	TEXT_BAD,
	TEXT_HOLD, /* bars of holds */
	TEXT_WAIT, /* bars of waits */
};

/* Begins a style; TEXT_PLAIN ends it. */
void text__style(const struct text *t, enum text_style style);

/* Prints s, never cut, in so many columns: left-aligned, or, if `columns` is negative,
 * right-aligned. */
void text__column(const struct text *t, const char *s, int columns);
void text__spaces(const struct text *t, int columns);

/* A bar that fills a share (0..1) of the columns, between two strokes. A share above 0 always
 * shows. */
void text__bar(const struct text *t, double share, int columns, enum text_style style);

/* Wraps a paragraph. The current line is at column `at`; the following lines are indented. */
void text__wrap(const struct text *t, enum text_style style, int at, int indent, const char *s);

/* An indented line of explanation, dim. */
void text__note(const struct text *t, int indent, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints "  label   " in bold, so that the text after it begins at column `columns`. */
void text__label(const struct text *t, const char *label, int columns);

#endif
