// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The data of a page: who had the GIL when. A lane's columns are text, two characters each, for the share
 * of the lane's largest value in 4,096ths; that is a fifth of the numbers' size.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/html/page_data.h"

/* The threads that have lanes, and the columns, are as many as fit into so many characters. */
#define LANES_KEPT 64
#define CHARACTERS 260000

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static __u64 weight(const struct chart_lane *l)
{
	return l->sum[CHART_HOLD] + l->sum[CHART_WAIT];
}

static int by_weight(const void *a, const void *b)
{
	const struct chart_lane *l = *(struct chart_lane *const *)a;
	const struct chart_lane *m = *(struct chart_lane *const *)b;

	if (weight(l) != weight(m))
		return weight(l) < weight(m) ? 1 : -1;
	return l->tid < m->tid ? -1 : l->tid > m->tid;
}

/* Columns, `group` of which become one. The largest one is "AA" + 4095, and is told as a number before. */
static void put_columns(struct json *j, const char *key, const __u64 *ns, size_t used, size_t group)
{
	char text[2 * CHART_COLUMNS + 1];
	__u64 sum[CHART_COLUMNS], most = 0;
	size_t n = 0;

	for (size_t i = 0; i < used; i += group, n++) {
		sum[n] = 0;
		for (size_t k = i; k < i + group && k < used; k++)
			sum[n] += ns[k];
		most = sum[n] > most ? sum[n] : most;
	}
	for (size_t i = 0; i < n; i++) {
		unsigned int v =
			most ? (unsigned int)((double)sum[i] / (double)most * 4095 + 0.5) : 0;

		/* What is there at all is seen. */
		v = sum[i] && !v ? 1 : v;
		text[2 * i] = digits[v >> 6];
		text[2 * i + 1] = digits[v & 63];
	}
	text[2 * n] = '\0';
	json__open(j, key, '[');
	json__integer(j, NULL, most);
	json__string(j, NULL, most ? text : "");
	json__close(j, ']');
}

static void free_rest(struct chart_lane *rest)
{
	for (int kind = 0; rest && kind < CHART_KINDS; kind++)
		free(rest->ns[kind]);
	free(rest);
}

/* The lanes beyond the first ones, in one. NULL if memory ran out. */
static struct chart_lane *sum_rest(struct chart_lane *const *list, size_t nr)
{
	struct chart_lane *rest = calloc(1, sizeof(*rest));

	for (int kind = 0; rest && kind < CHART_KINDS; kind++) {
		rest->ns[kind] = calloc(CHART_COLUMNS, sizeof(*rest->ns[kind]));
		if (!rest->ns[kind]) {
			free_rest(rest);
			return NULL;
		}
	}
	for (size_t i = LANES_KEPT; rest && i < nr; i++) {
		rest->threads += list[i]->tid ? 1 : list[i]->threads;
		for (int kind = 0; kind < CHART_KINDS; kind++) {
			rest->sum[kind] += list[i]->sum[kind];
			for (size_t k = 0; k < CHART_COLUMNS; k++)
				rest->ns[kind][k] += list[i]->ns[kind][k];
		}
	}
	return rest;
}

static void put_lane(struct json *j, const struct chart_lane *l, size_t used, size_t group)
{
	json__open(j, NULL, '{');
	json__integer(j, "tid", l->tid);
	json__string(j, "name", l->name.s);
	if (!l->tid)
		json__integer(j, "threads", l->threads);
	put_columns(j, "hold", l->ns[CHART_HOLD], used, group);
	put_columns(j, "wait", l->ns[CHART_WAIT], used, group);
	json__close(j, '}');
}

static int by_start(const void *a, const void *b)
{
	const struct chart_interval *i = a, *j = b;

	return i->start < j->start ? -1 : i->start > j->start;
}

static size_t lane_number(struct chart_lane *const *list, size_t nr, const struct chart_lane *l)
{
	size_t i = 0;

	while (i < nr && i < LANES_KEPT && list[i] != l)
		i++;
	return i;
}

/* One after the other: lane, time since the start of the one before, length; for holds, also the thread
 * that handed the GIL over, or 0. */
static void put_intervals(struct json *j, const char *key, const struct chart_intervals *x,
			  __u64 start, struct chart_lane *const *list, size_t nr, bool holds)
{
	__u64 last = start;

	if (x->nr)
		qsort(x->list, x->nr, sizeof(*x->list), by_start);
	json__open(j, key, '{');
	json__integer(j, "least", x->least_ns);
	json__open(j, "list", '[');
	for (size_t i = 0; i < x->nr; i++) {
		const struct chart_interval *v = &x->list[i];

		json__integer(j, NULL, lane_number(list, nr, v->lane));
		json__integer(j, NULL, v->start - last);
		json__integer(j, NULL, v->ns);
		if (holds)
			json__integer(j, NULL, v->from);
		last = v->start;
	}
	json__close(j, ']');
	json__close(j, '}');
}

static void put_gaps(struct json *j, const struct chart_gil *g, __u64 start)
{
	json__open(j, "gaps", '[');
	for (size_t i = 0; i < g->nr_gaps; i++) {
		json__integer(j, NULL, gil_elapsed(start, g->gaps[i].from));
		json__integer(j, NULL, gil_elapsed(g->gaps[i].from, g->gaps[i].to));
	}
	json__close(j, ']');
}

/* How many columns become one, so that all lanes of the page fit. */
static size_t group_of(size_t lanes, size_t used)
{
	size_t group = 1;

	while (group < used && 4 * lanes * (used / group) > CHARACTERS)
		group *= 2;
	return group;
}

static void put_lanes(struct json *j, const struct chart_gil *g, struct chart_lane *const *list,
		      const struct chart_lane *rest, size_t used, size_t group)
{
	json__open(j, "lanes", '[');
	for (size_t i = 0; i < g->nr && i < LANES_KEPT; i++)
		put_lane(j, list[i], used, group);
	if (rest)
		put_lane(j, rest, used, group);
	json__close(j, ']');
	put_columns(j, "handoffs", g->handoffs, used, group);
}

static void put_chart(struct json *j, const struct chart *c, struct chart_gil *g,
		      struct chart_lane *const *list, const struct chart_lane *rest,
		      const struct page_budget *budget)
{
	size_t used = (size_t)(gil_elapsed(c->start, c->end) / c->width) + 1, group;

	used = used < CHART_COLUMNS ? used : CHART_COLUMNS;
	group = group_of(budget->lanes, used);
	for (int kind = 0; kind < CHART_KINDS; kind++)
		chart_intervals__limit(&g->intervals[kind], budget->intervals);
	json__open(j, "chart", '{');
	json__integer(j, "length", gil_elapsed(c->start, c->end));
	json__integer(j, "column", c->width * group);
	json__bool(j, "whole", c->whole);
	put_lanes(j, g, list, rest, used, group);
	put_intervals(j, "holds", &g->intervals[CHART_HOLD], c->start, list, g->nr, true);
	put_intervals(j, "waits", &g->intervals[CHART_WAIT], c->start, list, g->nr, false);
	put_gaps(j, g, c->start);
	json__close(j, '}');
}

int page_data__chart(struct json *j, const struct chart *c, struct chart_gil *g,
		     const struct page_budget *budget)
{
	struct chart_lane **list = calloc(g->nr + 1, sizeof(struct chart_lane *)), *rest = NULL;
	int err = list ? 0 : -ENOMEM;

	if (list && g->nr) {
		memcpy(list, g->lanes, g->nr * sizeof(struct chart_lane *));
		qsort(list, g->nr, sizeof(struct chart_lane *), by_weight);
	}
	if (list && g->nr > LANES_KEPT) {
		rest = sum_rest(list, g->nr);
		err = rest ? 0 : -ENOMEM;
	}
	if (!err)
		put_chart(j, c, g, list, rest, budget);
	free_rest(rest);
	free(list);
	return err;
}
