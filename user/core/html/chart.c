// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/html/chart.h"

/* The width of a column at first, in ns. */
#define NARROWEST 1024

/* ---- the longest intervals ---- */

static int by_length(const void *a, const void *b)
{
	const struct chart_interval *i = a, *j = b;

	return i->ns < j->ns ? 1 : i->ns > j->ns;
}

void chart_intervals__limit(struct chart_intervals *x, size_t most)
{
	if (x->nr <= most)
		return;
	qsort(x->list, x->nr, sizeof(*x->list), by_length);
	x->nr = most;
	x->least_ns = x->list[x->nr].ns + 1;
	while (x->nr && x->list[x->nr - 1].ns < x->least_ns)
		x->nr--;
}

static int make_room(struct chart_intervals *x)
{
	size_t room = x->room ? 2 * x->room : 64;
	struct chart_interval *list = reallocarray(x->list, room, sizeof(*list));

	if (!list)
		return -ENOMEM;
	x->list = list;
	x->room = room;
	return 0;
}

static int keep_longest(struct chart_intervals *x, const struct chart_interval *i, size_t most)
{
	int err;

	if (x->nr >= most && i->ns >= x->least_ns)
		chart_intervals__limit(x, most / 2);
	if (i->ns < x->least_ns)
		return 0;
	err = x->nr == x->room ? make_room(x) : 0;
	if (!err)
		x->list[x->nr++] = *i;
	return err;
}

/* How many of a kind each of so many GILs may have. */
static size_t intervals_for(size_t gils)
{
	return gils > 12 ? 12 * CHART_INTERVALS / gils : CHART_INTERVALS;
}

/* ---- columns ---- */

static void merge_columns(__u64 *ns)
{
	for (size_t i = 0; i < CHART_COLUMNS / 2; i++)
		ns[i] = ns[2 * i] + ns[2 * i + 1];
	memset(ns + CHART_COLUMNS / 2, 0, CHART_COLUMNS / 2 * sizeof(*ns));
}

static void widen(struct chart *c)
{
	for (size_t i = 0; i < c->nr; i++) {
		struct chart_gil *g = c->gils[i];

		merge_columns(g->handoffs);
		for (size_t j = 0; j < g->nr; j++)
			for (int kind = 0; kind < CHART_KINDS; kind++)
				merge_columns(g->lanes[j]->ns[kind]);
	}
	c->width *= 2;
}

/* The column of a time, which is made if it lies beyond the last one. */
static size_t column(struct chart *c, __u64 ts)
{
	__u64 since = gil_elapsed(c->start, ts);

	while (since / c->width >= CHART_COLUMNS)
		widen(c);
	return since / c->width;
}

static void add_columns(struct chart *c, struct chart_lane *l, enum chart_kind kind, __u64 from,
			__u64 to)
{
	size_t last = column(c, to), first = column(c, from);

	l->sum[kind] += to - from;
	for (size_t i = first; i <= last; i++) {
		__u64 begin = c->start + i * c->width, end = begin + c->width;

		begin = begin > from ? begin : from;
		end = end < to ? end : to;
		l->ns[kind][i] += gil_elapsed(begin, end);
	}
}

/* ---- lanes ---- */

static void free_lane(struct chart_lane *l)
{
	for (int kind = 0; l && kind < CHART_KINDS; kind++)
		free(l->ns[kind]);
	free(l);
}

static struct chart_lane *add_lane(struct chart *c, struct chart_gil *g)
{
	struct chart_lane **list, *l = calloc(1, sizeof(*l));

	for (int kind = 0; l && kind < CHART_KINDS; kind++) {
		l->ns[kind] = calloc(CHART_COLUMNS, sizeof(*l->ns[kind]));
		if (!l->ns[kind]) {
			free_lane(l);
			return NULL;
		}
	}
	list = reallocarray(g->lanes, g->nr + 1, sizeof(*list));
	if (list)
		g->lanes = list;
	if (!l || !list) {
		free_lane(l);
		return NULL;
	}
	g->lanes[g->nr++] = l;
	c->nr_lanes++;
	return l;
}

static struct chart_lane *rest_of(struct chart *c, struct chart_gil *g)
{
	if (!g->rest)
		g->rest = add_lane(c, g);
	return g->rest;
}

/* Gives the columns of a lane to the one that is shared. */
static void fold(struct chart *c, struct chart_gil *g, size_t i)
{
	struct chart_lane *l = g->lanes[i], *rest = g->rest;

	for (int kind = 0; kind < CHART_KINDS; kind++) {
		struct chart_intervals *x = &g->intervals[kind];

		rest->sum[kind] += l->sum[kind];
		for (size_t k = 0; k < CHART_COLUMNS; k++)
			rest->ns[kind][k] += l->ns[kind][k];
		for (size_t k = 0; k < x->nr; k++)
			if (x->list[k].lane == l)
				x->list[k].lane = rest;
	}
	rest->threads++;
	free_lane(l);
	g->lanes[i] = g->lanes[--g->nr];
	c->nr_lanes--;
}

/* Among the lanes of threads that have ended, the one with least time; g->nr if there is none. */
static size_t least(const struct chart_gil *g)
{
	size_t least = g->nr;

	for (size_t i = 0; i < g->nr; i++) {
		const struct chart_lane *l = g->lanes[i],
					*m = least < g->nr ? g->lanes[least] : NULL;

		if (l->ended && (!m || l->sum[CHART_HOLD] + l->sum[CHART_WAIT] <
					       m->sum[CHART_HOLD] + m->sum[CHART_WAIT]))
			least = i;
	}
	return least;
}

/* A lane for a thread; NULL if memory ran out. */
static struct chart_lane *lane_for(struct chart *c, struct chart_gil *g)
{
	size_t i;

	if (c->nr_lanes < CHART_LANES)
		return add_lane(c, g);
	if (!rest_of(c, g))
		return NULL;
	i = least(g);
	if (i < g->nr) {
		fold(c, g, i);
		return add_lane(c, g);
	}
	g->rest->threads++;
	return g->rest;
}

/* ---- what happens ---- */

/* A thread, as a follower of the replay. */
struct chart_thread {
	struct chart_gil *gil;
	const struct replay_gil *source;
	struct chart_lane *lane;
	bool open; /* it holds or waits */
	enum chart_kind kind;
	__u64 since;
	__u32 from; /* see struct chart_interval */
};

static enum chart_kind kind_of(__u8 state)
{
	return state == GIL_THREAD_HOLDING ? CHART_HOLD : CHART_WAIT;
}

/* What the thread did before its first edge is known if it was found in the middle of it. */
static int new_thread(struct chart *c, struct chart_gil *g, const struct replay_step *s)
{
	struct replay_thread *t = s->thread;
	struct chart_thread *ct = t->follower = calloc(1, sizeof(*ct));

	if (!ct)
		return -ENOMEM;
	ct->gil = g;
	ct->source = s->gil;
	ct->lane = lane_for(c, g);
	if (!ct->lane) {
		free(ct);
		t->follower = NULL;
		return -ENOMEM;
	}
	if (ct->lane != g->rest)
		ct->lane->tid = t->t.tid;
	ct->open = s->state == GIL_THREAD_HOLDING || s->state == GIL_THREAD_WAITING;
	ct->kind = kind_of(s->state);
	ct->since = s->since > c->start ? s->since : c->start;
	return 0;
}

static int new_gil(struct chart *c, struct replay_gil *g)
{
	struct chart_gil **list, *cg;

	if (c->nr == CHART_GILS) {
		g->follower = &c->ignored;
		return 0;
	}
	list = reallocarray(c->gils, c->nr + 1, sizeof(*list));
	cg = calloc(1, sizeof(*cg));
	if (list)
		c->gils = list;
	if (!list || !cg) {
		free(cg);
		return -ENOMEM;
	}
	cg->pid = g->process->pid;
	cg->address = g->g.lock.address;
	cg->start = g->g.lock.start;
	c->gils[c->nr++] = cg;
	g->follower = cg;
	return 0;
}

/* Ends what the thread does, at this time. */
static int close_thread(struct chart *c, struct chart_thread *ct, __u64 ts)
{
	struct chart_interval i = {ct->since, gil_elapsed(ct->since, ts), ct->lane, ct->from};

	if (!ct->open)
		return 0;
	ct->open = false;
	add_columns(c, ct->lane, ct->kind, i.start, i.start + i.ns);
	return keep_longest(&ct->gil->intervals[ct->kind], &i, intervals_for(c->nr));
}

static void open_thread(struct chart *c, struct chart_thread *ct, const struct replay_step *s)
{
	__u64 since = s->thread->t.since;

	ct->open = true;
	ct->kind = kind_of(s->thread->t.state);
	ct->since = since > c->start ? since : c->start;
	ct->from = 0;
	if (ct->kind != CHART_HOLD || !s->handoff.count)
		return;
	ct->from = s->handoff.from;
	ct->gil->handoffs[column(c, s->edge.ts)]++;
}

static void end_gap(struct chart_gil *g, __u64 ts)
{
	if (g->gap_since && g->nr_gaps < CHART_GAPS)
		g->gaps[g->nr_gaps++] = (struct chart_gap){g->gap_since, ts};
	g->gap_since = 0;
}

static bool died_holding(const struct gil_thread *t)
{
	return t->state == GIL_THREAD_GONE && t->died == GIL_THREAD_HOLDING;
}

/* When the GIL's observation ended, at the latest now. */
static __u64 end_of(const struct replay_gil *g, __u64 now)
{
	__u64 end = g->g.end_ns ? g->g.end_ns : g->process->exited ? g->process->end_ns : now;

	return end < now ? end : now;
}

static int on_step(void *ctx, const struct replay_step *s)
{
	struct chart *c = ctx;
	bool timed = gil_thread_is_timed(&s->thread->t), begins;
	struct chart_thread *ct;
	int err = s->gil->follower ? 0 : new_gil(c, s->gil);

	if (!err && s->gil->follower == &c->ignored)
		return 0;
	if (!err && !s->thread->follower)
		err = new_thread(c, s->gil->follower, s);
	if (err)
		return err;
	ct = s->thread->follower;
	end_gap(ct->gil, s->edge.ts);
	/* A wait goes on over several edges of waiting. */
	begins = timed && s->edge.kind <= GIL_EDGE_ACQUIRE &&
		 (s->edge.kind != GIL_EDGE_WAIT || s->state != GIL_THREAD_WAITING);
	/* A thread that dies with the GIL keeps it until its process ends. */
	if (ct->open && (begins || (!timed && !died_holding(&s->thread->t))))
		err = close_thread(c, ct, s->edge.ts);
	if (begins)
		open_thread(c, ct, s);
	return err;
}

/* The thread's name when it was last seen. */
static void name_lane(struct chart_thread *ct, const struct replay_thread *t)
{
	if (ct->lane != ct->gil->rest)
		ct->lane->name = snapshot_thread__name(&t->t, false);
}

/* What threads do where edges are missing is not known. */
struct closing {
	struct chart *chart;
	const struct replay_gil *only;
	__u64 ts;
};

static void close_one(void *ctx, struct replay_gil *g, struct replay_thread *t)
{
	struct closing *x = ctx;
	int err;

	if (!t->follower || (x->only && x->only != g))
		return;
	name_lane(t->follower, t);
	err = close_thread(x->chart, t->follower, end_of(g, x->ts));
	x->chart->err = x->chart->err ?: err;
}

static int on_gap(void *ctx, struct replay_gil *g, __u64 ts)
{
	struct closing x = {ctx, g, ts};
	struct chart_gil *cg = g->follower;

	if (!cg)
		return 0;
	replay__each(x.chart->replay, NULL, close_one, &x);
	cg->gap_since = ts;
	return x.chart->err;
}

static void on_thread_gone(void *ctx, struct replay_thread *t)
{
	struct chart *c = ctx;
	struct chart_thread *ct = t->follower;
	int err;

	if (!ct)
		return;
	name_lane(ct, t);
	err = close_thread(c, ct, end_of(ct->source, replay__now(c->replay)));
	c->err = c->err ?: err;
	ct->lane->ended = ct->lane != ct->gil->rest;
	free(ct);
	t->follower = NULL;
}

static void on_gil_gone(void *ctx, struct replay_gil *g)
{
	(void)ctx;
	g->follower = NULL;
}

/* ---- the whole ---- */

struct chart *chart__new(void)
{
	return calloc(1, sizeof(struct chart));
}

static void free_gil(struct chart_gil *g)
{
	for (size_t i = 0; i < g->nr; i++)
		free_lane(g->lanes[i]);
	for (int kind = 0; kind < CHART_KINDS; kind++)
		free(g->intervals[kind].list);
	free(g->lanes);
	free(g);
}

void chart__free(struct chart *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->nr; i++)
		free_gil(c->gils[i]);
	free(c->gils);
	free(c);
}

void chart__follow(struct chart *c, struct replay *r)
{
	c->replay = r;
	c->start = replay__start(r);
	c->width = NARROWEST;
	c->follower = (struct replay_follower){.step = on_step,
					       .gap = on_gap,
					       .thread_gone = on_thread_gone,
					       .gil_gone = on_gil_gone};
	replay__follow(r, &c->follower, c);
}

static void forget_thread(void *ctx, struct replay_gil *g, struct replay_thread *t)
{
	(void)g;
	on_thread_gone(ctx, t);
}

static void forget_gil(void *ctx, struct replay_gil *g)
{
	on_gil_gone(ctx, g);
}

int chart__finish(struct chart *c)
{
	struct closing x = {c, NULL, replay__now(c->replay)};

	c->end = x.ts;
	c->whole = replay__is_whole(c->replay);
	replay__each(c->replay, NULL, close_one, &x);
	for (size_t i = 0; i < c->nr; i++)
		end_gap(c->gils[i], x.ts);
	replay__each(c->replay, NULL, forget_thread, c);
	replay__each(c->replay, forget_gil, NULL, c);
	replay__follow(c->replay, NULL, NULL);
	return c->err;
}

struct chart_gil *chart__gil(const struct chart *c, pid_t pid, const struct snapshot_gil *g)
{
	for (size_t i = c->nr; i--;) {
		struct chart_gil *cg = c->gils[i];

		if (cg->pid == pid && cg->address == g->lock.address && cg->start == g->lock.start)
			return cg;
	}
	return NULL;
}
