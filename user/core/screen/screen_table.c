// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/figures/metric.h"
#include "core/screen/screen_parts.h"

/* Columns of a name; wide characters take two. */
#define NAME_LEAST    12
#define NAME_THREAD   20 /* the most */
#define NAME_PROCESS  28
#define NAME_FUNCTION 60

/* ---- which rows, and in which order ---- */

static __u64 gil_id(size_t process, size_t gil)
{
	return ((__u64)process << 8 | gil) + 1;
}

/* Filters are typed in a hurry, so case does not matter. */
static bool passes(const struct subject *s, const char *filter)
{
	struct format name = s->thread ? snapshot_thread__name(s->thread, false)
				       : snapshot_process__name(s->process, false);
	char number[16];

	if (!*filter)
		return true;
	snprintf(number, sizeof(number), "%u", s->thread ? s->thread->tid : (__u32)s->process->pid);
	return strcasestr(name.s, filter) || strstr(number, filter);
}

/* True for a row with nothing to show: empty, or a thread that exited before the span began. */
static bool is_silent(const struct snapshot_gil *g, const struct gil_thread *t, __u64 now)
{
	if (t->fig.acquisitions || t->fig.wait.count)
		return false;
	if (!t->tid || t->state == GIL_THREAD_GONE)
		return !snapshot_gil__thread_held(g, t, now) && !t->fig.wait.sum;
	return false;
}

struct order {
	const struct column *column; /* NULL: the default order */
	bool reverse;
};

static int compare(__u64 a, __u64 b)
{
	return a < b ? -1 : a > b;
}

/* The default order: what exists before what has exited, then by how much it waits and holds. */
static int own_order(const struct subject *a, const struct subject *b)
{
	__u64 now_a = snapshot_gil__end(a->process, a->gil);
	__u64 now_b = snapshot_gil__end(b->process, b->gil);

	if (a->function) /* they come in this order */
		return (a->function > b->function) - (a->function < b->function);
	if (a->thread)
		return compare(snapshot_gil__thread_held(b->gil, b->thread, now_b) +
				       snapshot_gil__thread_waited(b->thread, now_b),
			       snapshot_gil__thread_held(a->gil, a->thread, now_a) +
				       snapshot_gil__thread_waited(a->thread, now_a));
	if (a->process->exited != b->process->exited)
		return a->process->exited ? 1 : -1;
	if (gil_lock_waiting_until(&a->gil->lock, now_a) !=
	    gil_lock_waiting_until(&b->gil->lock, now_b))
		return compare(gil_lock_waiting_until(&b->gil->lock, now_b),
			       gil_lock_waiting_until(&a->gil->lock, now_a));
	return compare(gil_lock_held_until(&b->gil->lock, b->gil->locked_at_start, now_b),
		       gil_lock_held_until(&a->gil->lock, a->gil->locked_at_start, now_a));
}

static int compare_rows(const void *a, const void *b, void *arg)
{
	const struct subject *s = a, *t = b;
	const struct order *o = arg;
	int r = o->column ? column__compare(o->column, s, t) : own_order(s, t);

	if (o->reverse)
		r = -r;
	return r ? r : compare(s->id, t->id);
}

void screen__sort_rows(struct screen_rows *rows, const struct column *columns,
		       const struct view_table *t)
{
	struct order o = {.column = t->sort < 0 ? NULL : &columns[t->sort], .reverse = t->reverse};

	if (rows->nr)
		qsort_r(rows->rows, rows->nr, sizeof(*rows->rows), compare_rows, &o);
}

int screen__list_gils(const struct screen *sc, struct screen_rows *rows)
{
	const struct snapshot *s = sc->s;
	size_t all = 0;

	for (size_t i = 0; i < s->nr_processes; i++)
		all += s->processes[i].nr_gils;
	rows->nr = 0;
	rows->rows = calloc(all + 1, sizeof(*rows->rows));
	if (!rows->rows)
		return -ENOMEM;
	for (size_t i = 0; i < s->nr_processes; i++) {
		for (size_t j = 0; j < s->processes[i].nr_gils; j++) {
			struct subject row = {
				.process = &s->processes[i],
				.gil = &s->processes[i].gils[j],
				.id = gil_id(i, j),
				.exact_max = history__exact_max(sc->history, sc->span),
			};

			if (passes(&row, sc->view->list.filter))
				rows->rows[rows->nr++] = row;
		}
	}
	screen__sort_rows(rows, gil_columns, &sc->view->list);
	return 0;
}

int screen__list_threads(const struct screen *sc, struct screen_rows *rows)
{
	const struct snapshot_gil *g = sc->gil.gil;

	rows->nr = 0;
	rows->rows = calloc(g->nr_threads + 1, sizeof(*rows->rows));
	if (!rows->rows)
		return -ENOMEM;
	for (size_t i = 0; i < g->nr_threads; i++) {
		struct subject row = sc->gil;

		row.thread = &g->threads[i];
		row.id = row.thread->tid ? row.thread->tid : ~0ULL;
		if (!is_silent(g, row.thread, snapshot_gil__end(row.process, g)) &&
		    passes(&row, sc->view->threads.filter))
			rows->rows[rows->nr++] = row;
	}
	screen__sort_rows(rows, thread_columns, &sc->view->threads);
	return 0;
}

/* ---- which columns ---- */

/* With the blank before it. */
static int least_width(const struct column *c)
{
	return 1 + (c->kind == COLUMN_NAME ? NAME_LEAST : c->width < 0 ? -c->width : c->width);
}

/* How the columns are laid out in a frame. */
struct layout {
	const struct column *columns;
	int name;  /* columns of the terminal */
	int curve; /* the same */
};

static int grow(int *width, int most, int left)
{
	int by = most - *width < left ? most - *width : left;

	if (by > 0)
		*width += by;
	return by > 0 ? left - by : left;
}

/* Chooses columns by priority, each that still fits, and uses all the width. */
static struct layout lay_out(struct view *v, const struct column *columns, int width)
{
	struct layout l = {.columns = columns, .name = NAME_LEAST};
	bool shown[sizeof(v->shown) / sizeof(*v->shown)] = {0};
	int left = width, largest = 0;

	for (int priority = 0; priority <= largest; priority++) {
		for (int i = 0; columns[i].title; i++) {
			if (columns[i].priority > largest)
				largest = columns[i].priority;
			if (columns[i].priority != priority || least_width(&columns[i]) > left)
				continue;
			shown[i] = true;
			left -= least_width(&columns[i]);
		}
	}
	v->nr_shown = 0;
	for (int i = 0; columns[i].title; i++) {
		if (!shown[i])
			continue;
		v->shown[v->nr_shown++] = i;
		if (columns[i].kind == COLUMN_CURVE)
			l.curve = columns[i].width;
	}
	left = grow(&l.name,
		    columns == gil_columns        ? NAME_PROCESS
		    : columns == function_columns ? NAME_FUNCTION
						  : NAME_THREAD,
		    left);
	if (l.curve)
		l.curve += left;
	return l;
}

static int column_width(const struct layout *l, const struct column *c)
{
	return c->kind == COLUMN_NAME ? l->name : c->kind == COLUMN_CURVE ? l->curve : c->width;
}

/* ---- the cursor ---- */

static void settle_cursor(struct view *v, struct view_table *t, const struct screen_rows *rows,
			  int page)
{
	int last = (int)rows->nr - 1;

	if (!t->stays)
		t->cursor = 0;
	for (int i = 0; t->stays && t->chosen && i <= last; i++)
		if (rows->rows[i].id == t->chosen)
			t->cursor = i;
	if (t->cursor > last)
		t->cursor = last;
	if (t->cursor < 0)
		t->cursor = 0;
	t->chosen = last < 0 ? 0 : rows->rows[t->cursor].id;
	v->page = page > 0 ? page : 1;
	if (t->top > t->cursor)
		t->top = t->cursor;
	if (t->top < t->cursor - v->page + 1)
		t->top = t->cursor - v->page + 1;
	if (t->top > last - v->page + 1)
		t->top = last - v->page + 1;
	if (t->top < 0)
		t->top = 0;
}

/* ---- drawing ---- */

/* The blank before the title of the column that sorts has an arrow: down if the largest values come
 * first. */
static void put_head(const struct screen *sc, const struct pane *p, const struct layout *l,
		     const struct view_table *t)
{
	static const char *const arrows[2][2] = {{"▼", "▲"}, {"v", "^"}};
	int at = 0;

	pane__fill(p, 0, 0, STYLE_HEAD, p->width, " ");
	for (int i = 0; i < sc->view->nr_shown; i++) {
		const struct column *c = &l->columns[sc->view->shown[i]];
		bool sorts = sc->view->shown[i] == t->sort;
		const char *arrow = arrows[sc->ascii][column__ascends(c) != t->reverse];
		enum style style = sorts ? STYLE_SORTED : STYLE_HEAD;
		int begin = at, width = column_width(l, c), used = format__columns(c->title);

		at = pane__column(p, 0, at, STYLE_HEAD, 1, "");
		at = pane__column(p, 0, at, style, width, c->title);
		if (sorts)
			pane__put(p, 0, width < 0 ? at - used - 1 : begin, style, arrow);
		screen__spot(sc, p, 0, begin, 1, at - begin, SPOT_COLUMN, (unsigned int)i);
	}
}

static enum style cell_style(const struct column *c, const struct subject *s)
{
	if (c->kind != COLUMN_STATE || !s->thread)
		return STYLE_PLAIN;
	switch (s->thread->state) {
	case GIL_THREAD_HOLDING:
		return s->thread->cpu == GIL_PART_ONCPU     ? STYLE_ONCPU
		       : s->thread->cpu == GIL_PART_BLOCKED ? STYLE_BLOCKED
							    : STYLE_PREEMPTED;
	case GIL_THREAD_WAITING:
		return STYLE_WAIT;
	default:
		return STYLE_DIM;
	}
}

static void put_row(const struct screen *sc, const struct pane *p, int row, const struct layout *l,
		    const struct subject *s, bool selected)
{
	size_t process = (size_t)((s->id - 1) >> 8), gil = (s->id - 1) & 0xff;
	int at = 0, curve = p->width;

	for (int i = 0; i < sc->view->nr_shown; i++) {
		const struct column *c = &l->columns[sc->view->shown[i]];

		at = pane__column(p, row, at, STYLE_PLAIN, 1, "");
		if (c->kind == COLUMN_CURVE) {
			struct pane cell = pane__part(p, row, at, 1, l->curve);

			screen__curve(sc, &cell, process, gil);
			curve = at;
		}
		at = c->kind == COLUMN_CURVE
			     ? at + l->curve
			     : pane__column(p, row, at, cell_style(c, s), column_width(l, c),
					    column__text(c, s, sc->ascii).s);
	}
	/* Reversed, a curve would be a hole in a block. */
	if (selected)
		pane__style(p, row, 0, curve, STYLE_SELECTED);
}

void screen__table(const struct screen *sc, const struct pane *p, const struct column *columns,
		   const struct screen_rows *rows, struct view_table *t)
{
	struct layout l = lay_out(sc->view, columns, p->width);
	int shown;

	if (p->height < 1)
		return;
	settle_cursor(sc->view, t, rows, p->height - 1);
	put_head(sc, p, &l, t);
	shown = (int)rows->nr - t->top < p->height - 1 ? (int)rows->nr - t->top : p->height - 1;
	for (int i = 0; i < shown; i++)
		put_row(sc, p, i + 1, &l, &rows->rows[t->top + i],
			t->top + i == t->cursor && !sc->facts->plain);
	screen__spot(sc, p, 1, 0, shown, p->width, SPOT_ROWS, (unsigned int)t->top);
	if (!rows->nr && p->height > 1)
		pane__put(p, 1, 1, STYLE_DIM,
			  t->filter[0]                  ? "nothing matches the filter (c clears it)"
			  : columns == function_columns ? "no function has been seen with it"
							: "no thread has used it yet");
}
