/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Words, columns and bars on a stream: what the text report is drawn with. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stdio.h>

struct text {
	FILE *out;
	int width;
	bool colour;
	bool ascii;
	bool terse; /* no notes: they have been given once */
};

/* Colour only stresses: nothing is said by it alone. */
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

/* s in so many columns, never cut: left, or, if negative, right aligned. */
void text__column(const struct text *t, const char *s, int columns);
void text__spaces(const struct text *t, int columns);

/* A bar of that share (0..1) of the columns, between two strokes. A share above 0 always shows. */
void text__bar(const struct text *t, double share, int columns, enum text_style style);

/* A paragraph: words from column `at` of the current line on, the following lines indented. */
void text__wrap(const struct text *t, enum text_style style, int at, int indent, const char *s);

/* A line of explanation, dim, indented. */
void text__note(const struct text *t, int indent, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "  label   " in bold, so that what follows is at column `columns`. */
void text__label(const struct text *t, const char *label, int columns);

#endif
