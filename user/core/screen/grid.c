// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/format.h"
#include "core/screen/grid.h"
#include "core/base/utf8.h"

struct grid *grid__new(int width, int height, bool ascii)
{
	struct grid *g;

	if (width < 1 || height < 1 || width > 10000 || height > 10000)
		return NULL;
	g = calloc(1, sizeof(*g));
	if (!g)
		return NULL;
	*g = (struct grid){.width = width, .height = height, .ascii = ascii};
	g->cells = calloc((size_t)width * (size_t)height, sizeof(*g->cells));
	if (!g->cells) {
		free(g);
		return NULL;
	}
	for (int i = 0; i < width * height; i++)
		g->cells[i] = (struct cell){.s = " ", .width = 1};
	return g;
}

void grid__free(struct grid *g)
{
	if (!g)
		return;
	free(g->cells);
	free(g);
}

const struct cell *grid__cell(const struct grid *g, int x, int y)
{
	return &g->cells[y * g->width + x];
}

static void print_styles(const struct cell *row, int n, FILE *out)
{
	static const char letters[STYLES + 1] = ".bdtkhsSgfBcpzew";
	int last = n;

	while (last && row[last - 1].style == STYLE_PLAIN)
		last--;
	if (!last)
		return;
	fputs("  ~", out);
	for (int i = 0; i < last; i++)
		putc(letters[row[i].style], out);
	putc('\n', out);
}

void grid__print(const struct grid *g, FILE *out, bool styles)
{
	for (int y = 0; y < g->height; y++) {
		const struct cell *row = grid__cell(g, 0, y);
		int last = g->width;

		while (last && row[last - 1].s[0] == ' ')
			last--;
		if (styles)
			fputs("  |", out);
		for (int x = 0; x < last; x++)
			fputs(row[x].width ? row[x].s : "", out);
		putc('\n', out);
		if (styles)
			print_styles(row, g->width, out);
	}
}

struct pane pane__of(struct grid *g)
{
	return (struct pane){.grid = g, .width = g->width, .height = g->height};
}

struct pane pane__part(const struct pane *p, int row, int column, int height, int width)
{
	struct pane part = *p;
	int top = row > 0 ? row : 0, left = column > 0 ? column : 0;

	part.x += left;
	part.y += top;
	part.height = height < p->height - top ? height : p->height - top;
	part.width = width < p->width - left ? width : p->width - left;
	if (part.height < 0)
		part.height = 0;
	if (part.width < 0)
		part.width = 0;
	return part;
}

static struct cell *cell_at(const struct pane *p, int row, int column)
{
	if (row < 0 || row >= p->height || column < 0 || column >= p->width)
		return NULL;
	return &p->grid->cells[(p->y + row) * p->grid->width + p->x + column];
}

/* If a wide character is partly overwritten, both of its cells become blank. */
static void split_wide(const struct pane *p, struct cell *c)
{
	int x = (int)(c - p->grid->cells) % p->grid->width;

	if (!c->width && x > 0)
		c[-1] = (struct cell){.s = " ", .width = 1, .style = c[-1].style};
	if (c->width == 2 && x + 1 < p->grid->width)
		c[1] = (struct cell){.s = " ", .width = 1, .style = c[1].style};
}

static void set(const struct pane *p, struct cell *c, enum style style, const char *s, size_t size,
		int width)
{
	split_wide(p, c);
	*c = (struct cell){.width = (unsigned char)width, .style = (unsigned char)style};
	memcpy(c->s, s, size);
}

/* Puts one character, which must not be a combining one. */
static void put_one(const struct pane *p, int row, int column, enum style style, const char *s,
		    size_t size, int width)
{
	struct cell *c = cell_at(p, row, column);
	struct cell *right = width == 2 ? cell_at(p, row, column + 1) : NULL;

	if (!c)
		return;
	if (width == 2 && !right) {
		set(p, c, style, " ", 1, 1);
		return;
	}
	if (right)
		split_wide(p, right);
	set(p, c, style, s, size, width);
	if (right)
		*right = (struct cell){.style = (unsigned char)style};
}

/* Adds a combining character to the one before it, if there is room. */
static void combine(const struct pane *p, int row, int column, const char *s, size_t size)
{
	struct cell *c = cell_at(p, row, column);
	size_t used;

	if (c && !c->width)
		c--;
	used = c ? strlen(c->s) : 0;
	if (c && used + size < sizeof(c->s))
		memcpy(c->s + used, s, size);
}

int pane__put(const struct pane *p, int row, int column, enum style style, const char *s)
{
	bool first = true;
	size_t n;

	for (; *s; s += n) {
		__u32 c = utf8__decode(s, &n);
		int width = c == UTF8_INVALID ? -1 : utf8__columns(c);

		if (width == 0 && !first && !p->grid->ascii) {
			combine(p, row, column - 1, s, n);
			continue;
		}
		if (width <= 0 || (p->grid->ascii && c >= 0x80))
			put_one(p, row, column++, style, "?", 1, 1);
		else
			put_one(p, row, column, style, s, n, width), column += width;
		first = false;
	}
	return column;
}

int pane__printf(const struct pane *p, int row, int column, enum style style, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return pane__put(p, row, column, style, line);
}

int pane__column(const struct pane *p, int row, int column, enum style style, int columns,
		 const char *s)
{
	int width = columns < 0 ? -columns : columns, used = format__columns(s);
	struct pane cell = pane__part(p, row, column, 1, width);

	pane__fill(&cell, 0, 0, style, width, " ");
	pane__put(&cell, 0, columns < 0 && used < width ? width - used : 0, style, s);
	return column + width;
}

int pane__fill(const struct pane *p, int row, int column, enum style style, int columns,
	       const char *glyph)
{
	for (; columns > 0; columns--)
		column = pane__put(p, row, column, style, glyph);
	return column;
}

void pane__style(const struct pane *p, int row, int column, int columns, enum style style)
{
	for (; columns > 0; columns--, column++) {
		struct cell *c = cell_at(p, row, column);

		if (c)
			c->style = (unsigned char)style;
	}
}

/* A share in eighths of a cell, or in whole cells if ASCII; NaN counts as 0. */
static int steps_of(const struct grid *g, double share, int cells)
{
	int steps = cells * (g->ascii ? 1 : 8);
	int n;

	if (!(share > 0))
		return 0;
	n = share < 1 ? (int)(share * steps + 0.5) : steps;
	return n ? n : 1;
}

void pane__bar(const struct pane *p, int row, int column, enum style style, int columns,
	       double share)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
	int n = steps_of(p->grid, share, columns);

	if (p->grid->ascii) {
		pane__fill(p, row, column, style, n, "#");
		return;
	}
	column = pane__fill(p, row, column, style, n / 8, "█");
	if (n % 8)
		pane__put(p, row, column, style, eighths[n % 8]);
}

void pane__pillar(const struct pane *p, int row, int column, enum style style, int rows,
		  double share)
{
	static const char *const eighths[] = {"", "▁", "▂", "▃", "▄", "▅", "▆", "▇"};
	static const char *const thirds[] = {"", ".", ".", ".", ":", ":", ":", "|"};
	struct grid *g = p->grid;
	int n = steps_of(&(struct grid){.ascii = false}, share, rows);

	for (; n >= 8; n -= 8)
		pane__put(p, row--, column, style, g->ascii ? "#" : "█");
	if (n)
		pane__put(p, row, column, style, g->ascii ? thirds[n] : eighths[n]);
}

/* True for the blank between a figure and its unit, where no line ends. */
static bool is_within_figure(const char *s, size_t at)
{
	static const char *const units[] = {"ns", "us", "µs", "ms", "s", "min", "h", "%"};
	size_t length = strcspn(s + at + 1, " .,;:)");

	if (!at || s[at - 1] < '0' || s[at - 1] > '9')
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (strlen(units[i]) == length && !strncmp(s + at + 1, units[i], length))
			return true;
	return false;
}

/* How many bytes of s fit into the columns, up to a blank if there is one. */
static size_t line_length(const char *s, int columns)
{
	size_t blank = 0, at = 0, n;
	int used = 0;

	for (; s[at]; at += n) {
		__u32 c = utf8__decode(s + at, &n);
		int width = c == UTF8_INVALID || utf8__columns(c) < 0 ? 1 : utf8__columns(c);

		bool may_end = s[at] == ' ' && !is_within_figure(s, at);

		if (used + width > columns)
			return may_end ? at : blank;
		if (may_end)
			blank = at;
		used += width;
	}
	return at;
}

int pane__wrap(const struct pane *p, int row, int column, int rows, enum style style, const char *s)
{
	const char *dots = p->grid->ascii ? "..." : "…";
	int used = 0, end = 0;

	while (*s && used < rows) {
		size_t n = line_length(s, p->width - column);
		char line[1024];

		if (!n && !column)
			n = strcspn(s, " "); /* a word that is longer than a line is cut */
		snprintf(line, sizeof(line), "%.*s", (int)n, s);
		end = pane__put(p, row + used, column, style, line);
		s += n;
		s += strspn(s, " ");
		column = 0;
		used++;
	}
	if (*s && used) {
		int last = p->width - format__columns(dots);

		pane__put(p, row + used - 1, end < last ? end : last, style, dots);
	}
	return used;
}
