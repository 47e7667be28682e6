/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A grid of cells: what a screen shows, before there is a terminal. Whatever is put on it is
 * clipped, and cannot disturb a terminal: controls become '?', and so does what is not ASCII if the
 * grid is to be ASCII. A character of two columns takes two cells, or none.
 */
#ifndef GRID_H
#define GRID_H

#include <stdbool.h>
#include <stdio.h>

enum style {
	STYLE_PLAIN,
	STYLE_BOLD,
	STYLE_DIM,
	STYLE_TITLE,    /* the bars at the top and the bottom */
	STYLE_KEY,      /* a key in the bottom bar */
	STYLE_HEAD,     /* of a table */
	STYLE_SORTED,   /* the head of the column that sorts it */
	STYLE_SELECTED, /* a row */
	STYLE_GOOD,
	STYLE_FAIR,
	STYLE_BAD,
	STYLE_ONCPU, /* where holds go */
	STYLE_PREEMPTED,
	STYLE_BLOCKED,
	STYLE_FREE,
	STYLE_WAIT,
	STYLES,
};

struct cell {
	char s[14]; /* a character with its combining ones; a space where there is nothing */
	unsigned char width; /* 1 or 2; 0: the right half of the cell before it */
	unsigned char style;
};

struct grid {
	int width;
	int height;
	bool ascii;
	struct cell *cells; /* row by row */
};

/* Blank. NULL if there is no memory, or the size is not at least 1x1. */
struct grid *grid__new(int width, int height, bool ascii);
void grid__free(struct grid *g);
const struct cell *grid__cell(const struct grid *g, int x, int y);

/* Row by row, without trailing blanks. With styles: each row is followed by one of letters, '.' for
 * plain, if it has any other style. */
void grid__print(const struct grid *g, FILE *out, bool styles);

/* A part of a grid; rows and columns are counted from its corner, and what is outside is not
 * drawn. */
struct pane {
	struct grid *grid;
	int x;
	int y;
	int width;
	int height;
};

struct pane pane__of(struct grid *g);
/* A part of a pane, clipped to it; a height or width below 0 counts as 0. */
struct pane pane__part(const struct pane *p, int row, int column, int height, int width);

/* Each returns the column after what was put. */
int pane__put(const struct pane *p, int row, int column, enum style style, const char *s);
int pane__printf(const struct pane *p, int row, int column, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* In so many columns, cut if it is longer: left, or, if negative, right aligned. */
int pane__column(const struct pane *p, int row, int column, enum style style, int columns,
		 const char *s);
/* So many blanks, or of a glyph that is one column wide. */
int pane__fill(const struct pane *p, int row, int column, enum style style, int columns,
	       const char *glyph);
/* Changes the style of cells and leaves what is in them. */
void pane__style(const struct pane *p, int row, int column, int columns, enum style style);

/* A share (0..1) of so many columns; more than nothing always shows. */
void pane__bar(const struct pane *p, int row, int column, enum style style, int columns,
	       double share);
/* A share of so many rows, from `row` upwards, one column wide. */
void pane__pillar(const struct pane *p, int row, int column, enum style style, int rows,
		  double share);

/* A paragraph in at most `rows` rows from `row` on, its first line from `column` on; if it is cut,
 * that shows. Returns the rows used. */
int pane__wrap(const struct pane *p, int row, int column, int rows, enum style style,
	       const char *s);

#endif
