/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A grid of cells: the content of a screen, independent of any terminal. Whatever is put on it is
 * clipped and made safe for a terminal: control characters become '?', and in an ASCII grid so does
 * everything else that is not ASCII. A character that is two columns wide takes two cells, or none.
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
	STYLE_HEAD,     /* the head of a table */
	STYLE_SORTED,   /* the head of the column by which the table is sorted */
	STYLE_SELECTED, /* a row */
	STYLE_GOOD,
	STYLE_FAIR,
	STYLE_BAD,
	STYLE_ONCPU, /* where the time of holds goes */
	STYLE_PREEMPTED,
	STYLE_BLOCKED,
	STYLE_FREE,
	STYLE_WAIT,
	STYLES,
};

struct cell {
	char s[14];          /* a character with its combining ones; a space if the cell is empty */
	unsigned char width; /* 1 or 2; 0: the right half of the cell before it */
	unsigned char style;
};

struct grid {
	int width;
	int height;
	bool ascii;
	struct cell *cells; /* row by row */
};

/* A blank grid. NULL if there is no memory, or the size is not at least 1x1. */
struct grid *grid__new(int width, int height, bool ascii);
void grid__free(struct grid *g);
const struct cell *grid__cell(const struct grid *g, int x, int y);

/* Prints row by row, without trailing blanks. With `styles`, each row that has any style but plain
 * is followed by a row of letters for the styles, '.' for plain. */
void grid__print(const struct grid *g, FILE *out, bool styles);

/* A part of a grid. Rows and columns are counted from its corner, and what would be outside is not
 * drawn. */
struct pane {
	struct grid *grid;
	int x;
	int y;
	int width;
	int height;
};

struct pane pane__of(struct grid *g);
/* A part of a pane, clipped to it. A negative height or width counts as 0. */
struct pane pane__part(const struct pane *p, int row, int column, int height, int width);

/* Each returns the column after the text. */
int pane__put(const struct pane *p, int row, int column, enum style style, const char *s);
int pane__printf(const struct pane *p, int row, int column, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
/* Puts s into so many columns, cut if it is longer: left-aligned, or right-aligned if negative. */
int pane__column(const struct pane *p, int row, int column, enum style style, int columns,
		 const char *s);
/* Fills so many columns with a glyph that is one column wide. */
int pane__fill(const struct pane *p, int row, int column, enum style style, int columns,
	       const char *glyph);
/* Changes the style of cells, but not their content. */
void pane__style(const struct pane *p, int row, int column, int columns, enum style style);

/* A bar that fills a share (0..1) of so many columns. A share above 0 always shows. */
void pane__bar(const struct pane *p, int row, int column, enum style style, int columns,
	       double share);
/* A bar that fills a share of so many rows, from `row` upwards, one column wide. */
void pane__pillar(const struct pane *p, int row, int column, enum style style, int rows,
		  double share);

/* A paragraph in at most `rows` rows from `row` on, whose first line begins at `column`. Dots show
 * that it was cut. Returns the number of rows used. */
int pane__wrap(const struct pane *p, int row, int column, int rows, enum style style,
	       const char *s);

#endif
