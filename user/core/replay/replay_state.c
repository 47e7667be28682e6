// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "core/replay/replay_state.h"

bool replay__has_room(struct replay *r, size_t size)
{
	r->over_limit |= size > r->memory_limit - r->memory;
	return !r->over_limit;
}

void *replay__take(struct replay *r, size_t size)
{
	void *what;

	if (!replay__has_room(r, size))
		return NULL;
	what = calloc(1, size);
	if (what)
		r->memory += size;
	return what;
}

void replay__give(struct replay *r, void *what, size_t size)
{
	if (what)
		r->memory -= size;
	free(what);
}

/* ---- threads ---- */

struct row *replay__add_row(struct replay *r, struct gil *g, const struct trace_thread *t)
{
	struct row *row = replay__take(r, sizeof(*row)), **bucket;

	if (!row)
		return NULL;
	row->public.number = t->number;
	row->public.t.tid = t->tid;
	row->public.t.pid = (__u32)g->program->p.pid;
	if (t->begins && t->state == GIL_THREAD_HOLDING)
		gil_model_found(&row->public.t, t->cpu, g->public.g.lock.start);
	else if (t->begins && t->state == GIL_THREAD_WAITING)
		gil_model_found_waiting(&g->public.g.lock, &row->public.t, g->public.g.lock.start);
	else
		row->public.t.state = t->begins ? t->state : GIL_THREAD_UNSEEN;
	memcpy(row->public.t.comm, t->comm, sizeof(t->comm));
	memcpy(row->public.t.name, t->name, sizeof(t->name));
	r->found_tid |= (pid_t)t->tid == r->only_tid;
	row->gil = g;
	row->listed = t->begins;
	bucket = &r->rows[t->number % REPLAY_BUCKETS];
	row->in_bucket = *bucket;
	*bucket = row;
	*g->rows_end = row;
	g->rows_end = &row->next;
	return row;
}

/* Removes the row from all lists except its GIL's, and frees it. */
static void free_row(struct replay *r, struct row *row)
{
	struct row **at = &r->rows[row->public.number % REPLAY_BUCKETS];

	while (*at && *at != row)
		at = &(*at)->in_bucket;
	if (*at)
		*at = row->in_bucket;
	for (size_t i = 0; i < r->nr_slots; i++)
		if (r->slots[i] == row)
			r->slots[i] = NULL;
	if (r->follower && r->follower->thread_gone)
		r->follower->thread_gone(r->follower_ctx, &row->public);
	replay__give(r, row, sizeof(*row));
}

static void unlist_row(struct row *row)
{
	struct gil *g = row->gil;
	struct row **at = &g->rows;

	while (*at != row)
		at = &(*at)->next;
	*at = row->next;
	if (g->rows_end == &row->next)
		g->rows_end = at;
}

int replay__fold_row(struct replay *r, struct row *row)
{
	struct gil *g = row->gil;

	if (!g->folded)
		g->folded = replay__take(r, sizeof(*g->folded));
	if (!g->folded)
		return -ENOMEM;
	strcpy(g->folded->comm, "(exited)");
	gil_figures__add(&g->folded->fig, &row->public.t.fig);
	g->nr_folded++;
	unlist_row(row);
	free_row(r, row);
	return 0;
}

/* ---- handoffs ---- */

static void free_sums(struct replay *r, struct gil *g)
{
	for (size_t i = 0; i < g->sum_buckets; i++) {
		struct sum *s;

		while ((s = g->sums[i])) {
			g->sums[i] = s->next;
			replay__give(r, s, sizeof(*s));
		}
	}
	replay__give(r, g->sums, g->sum_buckets * sizeof(*g->sums));
	g->sums = NULL;
	g->nr_sums = g->sum_buckets = 0;
}

static struct sum **sum_bucket(struct sum **sums, size_t buckets, enum gil_sum_kind kind, __u64 key)
{
	return &sums[((key >> 32) * 31 + (__u32)key + kind) % buckets];
}

/* Adds buckets when there are as many sums, which keeps the lists short. */
static int grow_sums(struct replay *r, struct gil *g)
{
	size_t buckets = g->sum_buckets ? 2 * g->sum_buckets : 64;
	struct sum **sums = replay__take(r, buckets * sizeof(*sums));

	if (!sums)
		return -ENOMEM;
	for (size_t i = 0; i < g->sum_buckets; i++) {
		struct sum *s;

		while ((s = g->sums[i])) {
			struct sum **to = sum_bucket(sums, buckets, s->sum.kind, s->sum.key);

			g->sums[i] = s->next;
			s->next = *to;
			*to = s;
		}
	}
	replay__give(r, g->sums, g->sum_buckets * sizeof(*g->sums));
	g->sums = sums;
	g->sum_buckets = buckets;
	return 0;
}

int replay__count_sum(struct replay *r, struct gil *g, enum gil_sum_kind kind, __u64 key, __u64 ns)
{
	struct sum **bucket, *s;

	if (g->nr_sums >= g->sum_buckets && grow_sums(r, g))
		return -ENOMEM;
	bucket = sum_bucket(g->sums, g->sum_buckets, kind, key);
	for (s = *bucket; s && (s->sum.key != key || s->sum.kind != kind); s = s->next)
		;
	if (!s) {
		s = replay__take(r, sizeof(*s));
		if (!s)
			return -ENOMEM;
		s->sum = (struct gil_sum){.key = key, .kind = kind};
		s->next = *bucket;
		*bucket = s;
		g->nr_sums++;
	}
	s->sum.count++;
	s->sum.ns += ns;
	return 0;
}

/* ---- programs and their GILs ---- */

static void free_gil(struct replay *r, struct gil *g)
{
	struct row *row;

	while ((row = g->rows)) {
		g->rows = row->next;
		free_row(r, row);
	}
	free_sums(r, g);
	replay__give(r, g->folded, sizeof(*g->folded));
	replay__drop_samples(r, g);
	if (r->follower && r->follower->gil_gone)
		r->follower->gil_gone(r->follower_ctx, &g->public);
	replay__give(r, g, sizeof(*g));
}

static struct gil *new_gil(struct replay *r, struct program *pg, const struct snapshot_gil *told)
{
	struct gil *g = replay__take(r, sizeof(*g));
	struct replay_gil *public;
	__u64 start = told->lock.start;

	if (!g)
		return NULL;
	public = &g->public;
	g->program = pg;
	g->rows_end = &g->rows;
	public->number = r->next_gil++;
	public->process = &pg->p;
	public->g.locked_at_start = told->locked_at_start;
	if (start < r->window) {
		start = r->window;
		public->g.locked_at_start = -1;
	}
	gil_lock_begin(&public->g.lock, (__u32)pg->p.pid, told->lock.address, start);
	return g;
}

static struct gil *gil_at(const struct program *pg, __u32 place)
{
	for (size_t i = 0; i < pg->nr_gils; i++)
		if (pg->gils[i]->place == place)
			return pg->gils[i];
	return NULL;
}

/* The GIL's interpreter has ended: its threads do nothing with it any more. */
static void end_gil(struct gil *g, __u64 end_ns)
{
	g->public.g.end_ns = end_ns;
	for (struct row *row = g->rows; row; row = row->next)
		row->public.t.state = GIL_THREAD_GONE;
}

static struct gil *tell_gil(struct replay *r, struct program *pg, __u32 place,
			    const struct snapshot_gil *told)
{
	struct gil *g = gil_at(pg, place);

	if (!g)
		g = new_gil(r, pg, told);
	if (!g)
		return NULL;
	g->place = place;
	g->is_told = true;
	g->public.g.main = told->main;
	g->public.g.interpreter = told->interpreter;
	g->public.g.switch_interval_us = told->switch_interval_us;
	g->public.g.requests_unknown = told->requests_unknown;
	g->public.g.sampled = told->sampled;
	if (told->end_ns && !g->public.g.end_ns)
		end_gil(g, told->end_ns);
	return g;
}

/* Sets the GILs that the process has now, in its order. Others have ended and have no row. */
static int tell_gils(struct replay *r, struct program *pg, const struct snapshot_process *p,
		     const __u32 *places)
{
	struct gil **gils = replay__take(r, (p->nr_gils + 1) * sizeof(*gils));
	int err = gils ? 0 : -ENOMEM;
	size_t nr = 0;

	for (size_t i = 0; i < pg->nr_gils; i++)
		pg->gils[i]->is_told = false;
	for (size_t i = 0; i < p->nr_gils && gils && !err; i++) {
		struct gil *g = gil_at(pg, places[i]);

		if (g && g->is_told)
			continue; /* listed twice: the file is damaged */
		g = tell_gil(r, pg, places[i], &p->gils[i]);
		if (g)
			gils[nr++] = g;
		else
			err = -ENOMEM;
	}
	for (size_t i = 0; i < pg->nr_gils; i++)
		if (!pg->gils[i]->is_told)
			free_gil(r, pg->gils[i]);
	replay__give(r, pg->gils, pg->gils_size);
	pg->gils = gils;
	pg->gils_size = gils ? (p->nr_gils + 1) * sizeof(*gils) : 0;
	pg->nr_gils = nr;
	return err;
}

struct program *replay__program(struct replay *r, __u64 number)
{
	struct program *pg = r->programs[number % REPLAY_BUCKETS];

	while (pg && pg->number != number)
		pg = pg->in_bucket;
	return pg;
}

struct gil *replay__gil(struct replay *r, __u64 process, __u32 place)
{
	struct program *pg = replay__program(r, process);

	return pg ? gil_at(pg, place) : NULL;
}

static struct program *new_program(struct replay *r, __u64 number)
{
	struct program *pg = replay__take(r, sizeof(*pg)), **bucket;

	if (!pg)
		return NULL;
	pg->number = number;
	bucket = &r->programs[number % REPLAY_BUCKETS];
	pg->in_bucket = *bucket;
	*bucket = pg;
	*r->alive_end = pg;
	r->alive_end = &pg->next;
	return pg;
}

int replay__tell_program(struct replay *r, __u64 number, const struct snapshot_process *p,
			 const __u32 *places)
{
	struct program *pg = replay__program(r, number);

	if (!pg)
		pg = new_program(r, number);
	if (!pg)
		return -ENOMEM;
	pg->left_out = r->only_pid && p->pid != r->only_pid;
	r->found_pid |= !pg->left_out;
	pg->p = *p;
	pg->p.gils = NULL;
	pg->p.nr_gils = 0;
	if (pg->p.start_ns < r->start)
		pg->p.start_ns = r->start;
	return pg->left_out ? 0 : tell_gils(r, pg, p, places);
}

static void unlist(struct program *pg, struct program **list, struct program ***end)
{
	struct program **at = list;

	while (*at && *at != pg)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = pg->next;
	if (*end == &pg->next)
		*end = at;
	pg->next = NULL;
}

void replay__end_program(struct replay *r, struct program *pg)
{
	if (pg->ended)
		return;
	pg->ended = true;
	unlist(pg, &r->alive, &r->alive_end);
	*r->past_end = pg;
	r->past_end = &pg->next;
}

void replay__drop_program(struct replay *r, struct program *pg)
{
	struct program **at = &r->programs[pg->number % REPLAY_BUCKETS];

	if (pg->ended)
		unlist(pg, &r->past, &r->past_end);
	else
		unlist(pg, &r->alive, &r->alive_end);
	while (*at != pg)
		at = &(*at)->in_bucket;
	*at = pg->in_bucket;
	for (size_t i = 0; i < pg->nr_gils; i++)
		free_gil(r, pg->gils[i]);
	replay__give(r, pg->gils, pg->gils_size);
	replay__give(r, pg, sizeof(*pg));
}

void replay__relist_program(struct replay *r, struct program *pg)
{
	struct program ***end = pg->ended ? &r->past_end : &r->alive_end;

	unlist(pg, pg->ended ? &r->past : &r->alive, end);
	**end = pg;
	*end = &pg->next;
}

__u64 gil__gap(struct gil *g, __u64 since, __u64 ts)
{
	since = gil_later(since,
			  gil_later(g->public.g.lock.start, gil_later(g->last_ts, g->gap_end)));
	ts = gil_later(since, ts);
	gil_model_gap(&g->public.g.lock, since, ts);
	g->public.g.locked_at_start = -1;
	g->died = 0;
	g->gap_ns += ts - since;
	g->gap_end = ts;
	g->gaps++;
	for (struct row *row = g->rows; row; row = row->next)
		if (row->public.t.state != GIL_THREAD_GONE)
			row->public.t.state = GIL_THREAD_UNSEEN;
	return since;
}

/* ---- resetting ---- */

static void reset_rows(struct replay *r, struct gil *g)
{
	struct row **at = &g->rows, *row;

	while ((row = *at)) {
		struct gil_thread *t = &row->public.t;

		if (t->state == GIL_THREAD_GONE) {
			*at = row->next;
			free_row(r, row);
			continue;
		}
		memset(&t->fig, 0, sizeof(t->fig));
		t->state = GIL_THREAD_UNSEEN;
		row->listed = false;
		r->found_tid |= (pid_t)t->tid == r->only_tid;
		at = &row->next;
	}
	g->rows_end = at;
}

static void reset_gil(struct replay *r, struct gil *g, __u64 ts)
{
	struct gil_lock *l = &g->public.g.lock;
	int held = l->state == GIL_LOCK_HELD ? 1 : l->state == GIL_LOCK_FREE ? 0 : -1;
	__u64 address = l->address, gap_end = g->gap_end;

	memset(l, 0, sizeof(*l));
	gil_lock_begin(l, (__u32)g->program->p.pid, address, ts);
	g->public.g.locked_at_start = held;
	reset_rows(r, g);
	free_sums(r, g);
	replay__reset_samples(r, g);
	replay__give(r, g->folded, sizeof(*g->folded));
	g->folded = NULL;
	g->nr_folded = g->gaps = 0;
	g->died = 0;
	g->lost_edges = g->gap_ns = g->gap_end = 0;
	if (gap_end > ts)
		gil__gap(g, ts, gap_end);
}

static void reset_program(struct replay *r, struct program *pg, __u64 ts)
{
	for (size_t i = 0; i < pg->nr_gils; i++)
		reset_gil(r, pg->gils[i], ts);
	if (pg->p.start_ns < ts)
		pg->p.start_ns = ts;
	r->found_pid |= !pg->left_out;
}

bool replay__is_filtered(const struct replay *r)
{
	return r->filtered;
}

void replay__reset(struct replay *r, __u64 ts)
{
	struct program *pg, *next;

	r->found_pid = r->rest->nr_unobserved;
	r->found_tid = false;

	/* After the last edge, the replay already knows about ends that are still in the future. */
	for (pg = r->past; pg; pg = next) {
		next = pg->next;
		if (pg->p.end_ns > ts)
			reset_program(r, pg, ts);
		else
			replay__drop_program(r, pg);
	}
	for (pg = r->alive; pg; pg = pg->next)
		reset_program(r, pg, ts);
	r->ranged = true;
	r->lost_edges = r->hits = 0;
	r->start = r->now = ts;
}

void replay__free_state(struct replay *r)
{
	r->nr_slots = 0;
	/* clang-tidy does not see that the dropped program leaves its list. */
	while (r->past)
		replay__drop_program(r, r->past); /* NOLINT(clang-analyzer-unix.Malloc) */
	while (r->alive)
		replay__drop_program(r, r->alive); /* NOLINT(clang-analyzer-unix.Malloc) */
	free(r->slots);
	replay__free_names(r);
	snapshot__free(r->rest);
	snapshot__free(r->figures);
}
