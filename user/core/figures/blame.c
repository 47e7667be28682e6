// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/figures/blame.h"

/* Different native places that are kept for one place in Python code. */
#define NATIVES 4
/* What a tick weighs among the native places of a row, in ns: about the time from one to the next. */
#define TICK_NS 1000000ULL

/* A native place that has, or may have, most of a row's weight (Misra and Gries): whatever has more
 * than a fifth of it is among those that are kept. */
struct native {
	char name[sizeof(((struct blame_row *)NULL)->native)];
	__u64 weight;
};

struct place {
	struct blame_row row; /* without the figures */
	__u64 key;
	__u64 ticks;
	__u64 weight;         /* the sum over the ticks of the number of waiters */
	__u64 weight_squared; /* the sum of its square */
	__u64 gaps;
	__u64 blocked_ns, preempted_ns, wait_ns; /* of gaps */
	struct native native[NATIVES];
};

struct blame {
	size_t nr;
	struct place *places; /* owned; in order of appearance, with room for a power of two */
};

struct blame *blame__new(void)
{
	return calloc(1, sizeof(struct blame));
}

void blame__free(struct blame *b)
{
	if (!b)
		return;
	free(b->places);
	free(b);
}

static size_t room_for(size_t nr)
{
	size_t room = 1;

	while (room < nr)
		room *= 2;
	return room;
}

struct blame *blame__copy(const struct blame *b)
{
	struct blame *copy = b ? blame__new() : NULL;

	if (!copy)
		return NULL;
	copy->places = calloc(room_for(b->nr), sizeof(*copy->places));
	if (!copy->places) {
		free(copy);
		return NULL;
	}
	copy->nr = b->nr;
	if (b->nr)
		memcpy(copy->places, b->places, b->nr * sizeof(*copy->places));
	return copy;
}

/* ---- places ---- */

static __u64 mix(__u64 key, const char *text)
{
	for (; text && *text; text++)
		key = (key ^ (unsigned char)*text) * 0x100000001b3ULL;
	return (key ^ 0xff) * 0x100000001b3ULL;
}

static __u64 key_of(const struct blame_place *at)
{
	__u64 key = mix(0xcbf29ce484222325ULL + at->kind, at->function);

	return mix(key, at->file) + at->line * 0x9e3779b97f4a7c15ULL;
}

static const char *text(const char *s)
{
	return s ? s : "";
}

static bool is_at(const struct place *p, const struct blame_place *at, __u64 key)
{
	const struct blame_row *r = &p->row;

	return p->key == key && r->kind == at->kind && r->line == at->line &&
	       !strncmp(r->function, text(at->function), sizeof(r->function) - 1) &&
	       !strncmp(r->file, text(at->file), sizeof(r->file) - 1);
}

static struct place *add(struct blame *b, const struct blame_place *at, __u64 key)
{
	struct place *p;

	if (!(b->nr & (b->nr - 1))) {
		p = reallocarray(b->places, b->nr ? 2 * b->nr : 1, sizeof(*p));
		if (!p)
			return NULL;
		b->places = p;
	}
	p = &b->places[b->nr++];
	memset(p, 0, sizeof(*p));
	p->key = key;
	p->row.kind = at->kind;
	p->row.line = at->line;
	snprintf(p->row.function, sizeof(p->row.function), "%s", text(at->function));
	snprintf(p->row.file, sizeof(p->row.file), "%s", text(at->file));
	return p;
}

/* The place's sums, made if they do not exist; NULL if memory ran out. */
static struct place *find(struct blame *b, const struct blame_place *at)
{
	static const struct blame_place others = {.kind = BLAME_OTHERS};
	__u64 key = key_of(at);

	for (size_t i = 0; i < b->nr; i++)
		if (is_at(&b->places[i], at, key))
			return &b->places[i];
	if (b->nr < BLAME_PLACES)
		return add(b, at, key);
	if (at->kind == BLAME_OTHERS)
		return b->nr == BLAME_PLACES ? add(b, at, key) : NULL;
	return find(b, &others);
}

static void add_native(struct place *p, const char *name, __u64 weight)
{
	struct native *least = &p->native[0];

	if (!name)
		return;
	for (int i = 0; i < NATIVES; i++) {
		struct native *n = &p->native[i];

		if (n->weight && !strncmp(n->name, name, sizeof(n->name) - 1)) {
			n->weight += weight;
			return;
		}
		if (n->weight < least->weight)
			least = n;
	}
	if (least->weight < weight) {
		__u64 less = least->weight;

		for (int i = 0; i < NATIVES; i++)
			p->native[i].weight -= less;
		snprintf(least->name, sizeof(least->name), "%s", name);
		least->weight = weight - less;
	} else {
		for (int i = 0; i < NATIVES; i++)
			p->native[i].weight -= weight;
	}
}

void blame__tick(struct blame *b, const struct blame_place *at, unsigned int waiters)
{
	struct place *p = find(b, at);

	if (!p)
		return;
	p->ticks++;
	p->weight += waiters;
	p->weight_squared += (__u64)waiters * waiters;
	add_native(p, at->native, TICK_NS);
}

void blame__gap(struct blame *b, const struct blame_place *at, __u64 blocked_ns, __u64 preempted_ns,
		__u64 wait_ns)
{
	struct place *p = find(b, at);

	if (!p)
		return;
	p->gaps++;
	p->blocked_ns += blocked_ns;
	p->preempted_ns += preempted_ns;
	p->wait_ns += wait_ns;
	/* Where a thread loses its CPU is often the end of a system call, which is not the reason. */
	if (blocked_ns)
		add_native(p, at->native, blocked_ns);
}

void blame__sample(struct blame *b, const struct blame_sample *s)
{
	if (s->kind == BLAME_TICK)
		blame__tick(b, &s->at, s->waiters);
	else
		blame__gap(b, &s->at, s->blocked_ns, s->preempted_ns, s->wait_ns);
}

size_t blame__memory(const struct blame *b)
{
	return sizeof(*b) + (b->nr ? room_for(b->nr) : 0) * sizeof(*b->places);
}

size_t blame__places(const struct blame *b)
{
	return b->nr;
}

struct blame_sums blame__sums(const struct blame *b, size_t place)
{
	const struct place *p = &b->places[place];

	return (struct blame_sums){p->ticks,      p->weight,       p->weight_squared, p->gaps,
				   p->blocked_ns, p->preempted_ns, p->wait_ns};
}

void blame__set_sums(struct blame *b, size_t place, const struct blame_sums *s)
{
	struct place *p = &b->places[place];

	p->ticks = s->ticks;
	p->weight = s->weight;
	p->weight_squared = s->weight_squared;
	p->gaps = s->gaps;
	p->blocked_ns = s->blocked_ns;
	p->preempted_ns = s->preempted_ns;
	p->wait_ns = s->wait_ns;
}

/* ---- rows ---- */

/* The figures that are divided among the rows. */
enum figure {
	ONCPU,   /* in ticks */
	WAIT,    /* on a CPU: in ticks times waiters */
	BLOCKED, /* the other three in ns */
	PREEMPTED,
	GAP_WAIT,
	FIGURES,
};

static __u64 figure_of(const struct place *p, enum figure f)
{
	const __u64 value[FIGURES] = {
		[ONCPU] = p->ticks,        [WAIT] = p->weight,
		[BLOCKED] = p->blocked_ns, [PREEMPTED] = p->preempted_ns,
		[GAP_WAIT] = p->wait_ns,
	};

	return value[f];
}

static __u64 *row_figure(struct blame_row *r, enum figure f)
{
	return f == WAIT || f == GAP_WAIT ? &r->wait_ns
	       : f == BLOCKED             ? &r->blocked_ns
	       : f == PREEMPTED           ? &r->preempted_ns
					  : &r->hold_ns;
}

/*
 * Divides `total` in proportion to the places' figures, to the nanosecond. Each gets what follows from
 * the sum of the figures up to its own, so that no remainder is left. Figures in ns are not
 * stretched: what they do not reach is returned. So is everything if all figures are 0.
 */
static __u64 divide(const struct blame *b, struct blame_row *rows, enum figure f, __u64 total)
{
	bool in_ns = f >= BLOCKED;
	__u64 sum = 0, so_far = 0, given = 0, rest = 0;

	for (size_t i = 0; i < b->nr; i++)
		sum += figure_of(&b->places[i], f);
	if (!sum)
		return total;
	if (in_ns && sum < total) {
		rest = total - sum;
		total = sum;
	}
	for (size_t i = 0; i < b->nr; i++) {
		__u64 upto;

		so_far += figure_of(&b->places[i], f);
		upto = (__u64)((unsigned __int128)total * so_far / sum);
		*row_figure(&rows[i], f) += upto - given;
		given = upto;
	}
	return rest;
}

static __u64 less(__u64 a, __u64 b)
{
	return a > b ? a - b : 0;
}

/* The standard error of a share that n equal samples have told, of what is `estimated` of `all`. */
static double error_of(double share, double n, __u64 estimated, __u64 all)
{
	if (all && n > 0)
		return sqrt(share * (1 - share) / n) * (double)estimated / (double)all;
	return all && !estimated ? 0 : NAN;
}

/* The upper end of Wilson's interval, of two standard errors, around none of n samples. */
static double unmet_of(double n, __u64 estimated, __u64 all)
{
	return all ? 4 / (n + 4) * (double)estimated / (double)all : 0;
}

/* The errors of the rows' shares of all waiting and of all holding. Only what is on a CPU is estimated;
 * n_eff is the number of equal samples that would tell as much. */
static void add_errors(const struct blame *b, struct blame_row *rows, size_t nr,
		       const struct blame_totals *t, __u64 estimated)
{
	__u64 held = t->oncpu_ns + t->blocked_ns + t->preempted_ns + t->unknown_hold_ns;
	double sum = 0, squares = 0, ticks = 0, n;

	for (size_t i = 0; i < b->nr; i++) {
		ticks += (double)b->places[i].ticks;
		sum += (double)b->places[i].weight;
		squares += (double)b->places[i].weight_squared;
	}
	n = sum > 0 ? sum * sum / squares : 0;
	for (size_t i = 0; i < b->nr; i++) {
		const struct place *p = &b->places[i];

		rows[i].error = error_of((double)p->weight / sum, n, estimated, t->wait_ns);
		rows[i].hold_error = error_of((double)p->ticks / ticks, ticks, t->oncpu_ns, held);
	}
	for (size_t i = 0; i < nr; i++) {
		rows[i].unmet = unmet_of(n, estimated, t->wait_ns);
		rows[i].hold_unmet = unmet_of(ticks, t->oncpu_ns, held);
	}
}

static void name_native(const struct place *p, struct blame_row *r)
{
	const struct native *most = &p->native[0];

	for (int i = 1; i < NATIVES; i++)
		if (p->native[i].weight > most->weight)
			most = &p->native[i];
	if (most->weight)
		memcpy(r->native, most->name, sizeof(r->native));
}

static int compare(const void *a, const void *b)
{
	const struct blame_row *r = a, *s = b;
	bool special = r->kind > BLAME_UNREADABLE;

	if (special != (s->kind > BLAME_UNREADABLE))
		return special ? 1 : -1;
	if (r->wait_ns != s->wait_ns)
		return r->wait_ns < s->wait_ns ? 1 : -1;
	if (r->hold_ns != s->hold_ns)
		return r->hold_ns < s->hold_ns ? 1 : -1;
	if (r->kind != s->kind)
		return r->kind < s->kind ? -1 : 1;
	if (strcmp(r->file, s->file) != 0)
		return strcmp(r->file, s->file);
	return r->line < s->line ? -1 : r->line > s->line;
}

struct blame_row *blame__rows(const struct blame *b, const struct blame_totals *t, size_t *n)
{
	struct blame_row *rows = calloc(b->nr + 2, sizeof(*rows)), *unsampled, *handover;
	__u64 held_wait = less(less(t->wait_ns, t->free_wait_ns), t->unseen_wait_ns), in_gaps = 0;
	__u64 known_gaps, estimated;

	if (!rows)
		return NULL;
	unsampled = &rows[b->nr];
	handover = &rows[b->nr + 1];
	for (size_t i = 0; i < b->nr; i++) {
		rows[i] = b->places[i].row;
		rows[i].samples = b->places[i].ticks + b->places[i].gaps;
		name_native(&b->places[i], &rows[i]);
		in_gaps += b->places[i].wait_ns;
	}
	known_gaps = in_gaps < held_wait ? in_gaps : held_wait;
	estimated = less(held_wait, known_gaps + t->lost_gap_wait_ns);
	unsampled->kind = BLAME_UNSAMPLED;
	unsampled->hold_ns = divide(b, rows, ONCPU, t->oncpu_ns) + t->unknown_hold_ns;
	unsampled->blocked_ns = divide(b, rows, BLOCKED, t->blocked_ns);
	unsampled->preempted_ns = divide(b, rows, PREEMPTED, t->preempted_ns);
	unsampled->wait_ns = divide(b, rows, WAIT, estimated);
	unsampled->wait_ns += divide(b, rows, GAP_WAIT, known_gaps);
	handover->kind = BLAME_HANDOVER;
	handover->wait_ns = t->free_wait_ns < t->wait_ns ? t->free_wait_ns : t->wait_ns;
	/* What is left: before the first edge, and in gaps that were lost. */
	unsampled->wait_ns += t->wait_ns - handover->wait_ns - known_gaps - estimated;
	for (size_t i = 0; i < b->nr + 1; i++)
		rows[i].hold_ns += rows[i].blocked_ns + rows[i].preempted_ns;
	add_errors(b, rows, b->nr + 2, t, estimated);
	*n = b->nr + 2;
	if (!handover->wait_ns)
		--*n;
	if (!unsampled->wait_ns && !unsampled->hold_ns) {
		*unsampled = *handover;
		--*n;
	}
	qsort(rows, *n, sizeof(*rows), compare);
	return rows;
}

/* Adds r to a row of the same function. The rows are in order, so that the first one has most. The
 * shares of two lines exclude each other, so the error of the sum is no larger than this. */
static void add_row(struct blame_row *to, const struct blame_row *r)
{
	to->hold_ns += r->hold_ns;
	to->blocked_ns += r->blocked_ns;
	to->preempted_ns += r->preempted_ns;
	to->wait_ns += r->wait_ns;
	to->samples += r->samples;
	to->error = sqrt(to->error * to->error + r->error * r->error);
	to->hold_error = sqrt(to->hold_error * to->hold_error + r->hold_error * r->hold_error);
}

struct blame_row *blame__by_function(const struct blame_row *rows, size_t *n)
{
	struct blame_row *sums = calloc(*n + 1, sizeof(*sums));
	size_t nr = 0;

	for (size_t i = 0; sums && i < *n; i++) {
		size_t j = 0;

		while (j < nr && (sums[j].kind != rows[i].kind ||
				  strcmp(sums[j].function, rows[i].function) != 0 ||
				  strcmp(sums[j].file, rows[i].file) != 0))
			j++;
		if (j < nr)
			add_row(&sums[j], &rows[i]);
		else
			sums[nr++] = rows[i];
	}
	if (sums)
		qsort(sums, nr, sizeof(*sums), compare);
	*n = nr;
	return sums;
}

const char *blame_kind__name(enum blame_kind kind)
{
	static const char *const names[] = {
		[BLAME_NO_PYTHON] = "no Python code",
		[BLAME_UNREADABLE] = "not readable",
		[BLAME_OTHERS] = "others",
		[BLAME_UNSAMPLED] = "not sampled",
		[BLAME_HANDOVER] = "handing over",
	};

	return names[kind];
}
