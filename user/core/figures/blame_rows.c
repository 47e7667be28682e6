// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/figures/blame_private.h"

/* ---- how the figures of a GIL are divided ---- */

/* The figures that are divided among the threads at the places. */
enum figure {
	ONCPU,   /* in ticks */
	WAIT,    /* on a CPU: in ticks times waiters */
	BLOCKED, /* the other three in ns */
	PREEMPTED,
	GAP_WAIT,
	FIGURES,
};

static __u64 figure_of(const struct blame_count *c, enum figure f)
{
	const __u64 value[FIGURES] = {
		[ONCPU] = c->sum.ticks,        [WAIT] = c->sum.weight,
		[BLOCKED] = c->sum.blocked_ns, [PREEMPTED] = c->sum.preempted_ns,
		[GAP_WAIT] = c->sum.wait_ns,
	};

	return value[f];
}

/* What a thread at a place has of the figures of a GIL, in ns. */
struct share {
	__u64 oncpu_ns, blocked_ns, preempted_ns, wait_ns;
};

static __u64 *share_figure(struct share *s, enum figure f)
{
	return f == WAIT || f == GAP_WAIT ? &s->wait_ns
	       : f == BLOCKED             ? &s->blocked_ns
	       : f == PREEMPTED           ? &s->preempted_ns
					  : &s->oncpu_ns;
}

/*
 * Divides `total` in proportion to the figures of the counts, to the nanosecond. Each gets what follows from
 * the sum of the figures up to its own, so that no remainder is left. Figures in ns are not
 * stretched: what they do not reach is returned. So is everything if all figures are 0.
 */
static __u64 divide(const struct blame *b, struct share *shares, enum figure f, __u64 total)
{
	bool in_ns = f >= BLOCKED;
	__u64 sum = 0, so_far = 0, given = 0, rest = 0;

	for (size_t i = 0; i < b->nr_counts; i++)
		sum += figure_of(&b->counts[i], f);
	if (!sum)
		return total;
	if (in_ns && sum < total) {
		rest = total - sum;
		total = sum;
	}
	for (size_t i = 0; i < b->nr_counts; i++) {
		__u64 upto;

		so_far += figure_of(&b->counts[i], f);
		upto = (__u64)((unsigned __int128)total * so_far / sum);
		*share_figure(&shares[i], f) += upto - given;
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

/* How everything is divided: among the threads at the places, and what is nobody's. */
struct division {
	struct share *shares; /* of each count; owned */
	struct share unsampled;
	__u64 handover_ns;
	__u64 estimated; /* the part of the waiting that ticks divide */
};

/* Returns false if memory ran out. */
static bool divide_all(const struct blame *b, const struct blame_totals *t, struct division *d)
{
	__u64 held_wait = less(less(t->wait_ns, t->free_wait_ns), t->unseen_wait_ns), in_gaps = 0;
	struct share *none = &d->unsampled;
	__u64 known_gaps;

	d->shares = calloc(b->nr_counts + 1, sizeof(*d->shares));
	if (!d->shares)
		return false;
	for (size_t i = 0; i < b->nr_counts; i++)
		in_gaps += b->counts[i].sum.wait_ns;
	known_gaps = in_gaps < held_wait ? in_gaps : held_wait;
	d->estimated = less(held_wait, known_gaps + t->lost_gap_wait_ns);
	none->oncpu_ns = divide(b, d->shares, ONCPU, t->oncpu_ns) + t->unknown_hold_ns;
	none->blocked_ns = divide(b, d->shares, BLOCKED, t->blocked_ns);
	none->preempted_ns = divide(b, d->shares, PREEMPTED, t->preempted_ns);
	none->wait_ns = divide(b, d->shares, WAIT, d->estimated);
	none->wait_ns += divide(b, d->shares, GAP_WAIT, known_gaps);
	d->handover_ns = t->free_wait_ns < t->wait_ns ? t->free_wait_ns : t->wait_ns;
	/* What is left: before the first edge, and in gaps that were lost. */
	none->wait_ns += t->wait_ns - d->handover_ns - known_gaps - d->estimated;
	return true;
}

/* ---- rows ---- */

/* A row while places are added up: those that differ only in their callers share it. */
struct sum {
	struct blame_row row;
	__u64 ticks, weight;
	struct blame_native native[BLAME_NATIVES];
};

static bool is_same(const struct blame_row *r, const struct blame_row *s)
{
	return r->kind == s->kind && r->line == s->line && !strcmp(r->function, s->function) &&
	       !strcmp(r->file, s->file);
}

static void add_share(struct blame_row *r, const struct share *s)
{
	r->hold_ns += s->oncpu_ns + s->blocked_ns + s->preempted_ns;
	r->blocked_ns += s->blocked_ns;
	r->preempted_ns += s->preempted_ns;
	r->wait_ns += s->wait_ns;
}

static void add_count(struct sum *to, const struct blame_count *c, const struct share *s)
{
	add_share(&to->row, s);
	to->row.samples += c->sum.ticks + c->sum.gaps;
	to->ticks += c->sum.ticks;
	to->weight += c->sum.weight;
}

static void add_natives(struct sum *to, const struct blame_tally *p)
{
	for (int i = 0; i < BLAME_NATIVES; i++)
		if (p->native[i].weight)
			blame_native__add(to->native, p->native[i].name, p->native[i].weight);
}

/* Adds up the places of each row: of one thread, or of all if tid is 0. `row_of` has room for a number
 * of each place, and is 0. Returns how many rows there are. */
static size_t add_up(const struct blame *b, const struct division *d, __u32 tid, size_t *row_of,
		     struct sum *sums)
{
	size_t nr = 0;

	for (size_t i = 0; i < b->nr_counts; i++) {
		const struct blame_count *c = &b->counts[i];
		const struct blame_tally *p = &b->places[c->place];
		size_t j = row_of[c->place];

		if (tid && c->tid != tid)
			continue;
		if (!j) {
			while (j < nr && !is_same(&sums[j].row, &p->row))
				j++;
			if (j == nr)
				sums[nr++].row = p->row;
			add_natives(&sums[j], p);
			row_of[c->place] = ++j;
		}
		add_count(&sums[j - 1], c, &d->shares[i]);
	}
	return nr;
}

static const char *most_native(const struct blame_native native[BLAME_NATIVES])
{
	const struct blame_native *most = &native[0];

	for (int i = 1; i < BLAME_NATIVES; i++)
		if (native[i].weight > most->weight)
			most = &native[i];
	return most->weight ? most->name : "";
}

/* The errors of the rows' shares of all waiting and of all holding. Only what is on a CPU is estimated;
 * n_eff is the number of equal samples that would tell as much. */
static void add_errors(const struct blame *b, struct sum *sums, size_t nr,
		       const struct blame_totals *t, __u64 estimated)
{
	__u64 held = t->oncpu_ns + t->blocked_ns + t->preempted_ns + t->unknown_hold_ns;
	double sum = 0, squares = 0, ticks = 0, n;

	for (size_t i = 0; i < b->nr_counts; i++) {
		ticks += (double)b->counts[i].sum.ticks;
		sum += (double)b->counts[i].sum.weight;
		squares += (double)b->counts[i].sum.weight_squared;
	}
	n = sum > 0 ? sum * sum / squares : 0;
	for (size_t i = 0; i < nr; i++) {
		struct blame_row *r = &sums[i].row;

		r->unmet = unmet_of(n, estimated, t->wait_ns);
		r->hold_unmet = unmet_of(ticks, t->oncpu_ns, held);
		if (r->kind == BLAME_UNSAMPLED || r->kind == BLAME_HANDOVER)
			continue;
		r->error = error_of((double)sums[i].weight / sum, n, estimated, t->wait_ns);
		r->hold_error = error_of((double)sums[i].ticks / ticks, ticks, t->oncpu_ns, held);
	}
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

/* The rows of what is nobody's, as far as there is something of it. Returns how many there are now. */
static size_t add_nobodys(const struct division *d, struct sum *sums, size_t nr)
{
	const struct share *s = &d->unsampled;

	if (s->oncpu_ns || s->blocked_ns || s->preempted_ns || s->wait_ns) {
		sums[nr].row.kind = BLAME_UNSAMPLED;
		add_share(&sums[nr++].row, s);
	}
	if (d->handover_ns) {
		sums[nr].row.kind = BLAME_HANDOVER;
		sums[nr++].row.wait_ns = d->handover_ns;
	}
	return nr;
}

struct blame_row *blame__rows_of_thread(const struct blame *b, const struct blame_totals *t,
					__u32 tid, size_t *n)
{
	struct division d = {0};
	struct sum *sums = calloc(b->nr + 2, sizeof(*sums));
	size_t *row_of = calloc(b->nr + 1, sizeof(*row_of));
	struct blame_row *rows = NULL;
	size_t nr;

	if (sums && row_of && divide_all(b, t, &d)) {
		nr = add_up(b, &d, tid, row_of, sums);
		if (!tid)
			nr = add_nobodys(&d, sums, nr);
		add_errors(b, sums, nr, t, d.estimated);
		rows = calloc(nr + 1, sizeof(*rows));
		for (size_t i = 0; i < nr && rows; i++) {
			rows[i] = sums[i].row;
			snprintf(rows[i].native, sizeof(rows[i].native), "%s",
				 most_native(sums[i].native));
		}
		if (rows)
			qsort(rows, nr, sizeof(*rows), compare);
		*n = nr;
	}
	free(d.shares);
	free(row_of);
	free(sums);
	return rows;
}

struct blame_row *blame__rows(const struct blame *b, const struct blame_totals *t, size_t *n)
{
	return blame__rows_of_thread(b, t, 0, n);
}

/* ---- stacks ---- */

static bool set_frames(const struct blame *b, const struct blame_tally *p, struct blame_place *at)
{
	struct blame_frame *callers = calloc(p->nr_callers + 1, sizeof(*callers));

	if (!callers)
		return false;
	for (unsigned int i = 0; i < p->nr_callers; i++) {
		const struct blame_caller *c = &b->callers[p->callers[i]];

		callers[i] = (struct blame_frame){c->function, c->file, c->line};
	}
	at->callers = callers;
	at->nr_callers = p->nr_callers;
	at->cut = p->cut;
	return true;
}

static bool set_stack(const struct blame *b, const struct blame_tally *p, struct blame_stack *to)
{
	to->at = (struct blame_place){
		.kind = p->row.kind,
		.function = p->row.function,
		.file = p->row.file,
		.line = p->row.line,
		.native = most_native(p->native),
	};
	return set_frames(b, p, &to->at);
}

static void add_to_stack(struct blame_stack *to, const struct blame_count *c, const struct share *s)
{
	to->hold_ns += s->oncpu_ns + s->blocked_ns + s->preempted_ns;
	to->blocked_ns += s->blocked_ns;
	to->preempted_ns += s->preempted_ns;
	to->wait_ns += s->wait_ns;
	to->samples += c->sum.ticks + c->sum.gaps;
}

static int compare_stacks(const void *a, const void *b)
{
	const struct blame_stack *r = a, *s = b;
	bool special = r->at.kind > BLAME_UNREADABLE;

	if (special != (s->at.kind > BLAME_UNREADABLE))
		return special ? 1 : -1;
	if (r->wait_ns != s->wait_ns)
		return r->wait_ns < s->wait_ns ? 1 : -1;
	if (r->hold_ns != s->hold_ns)
		return r->hold_ns < s->hold_ns ? 1 : -1;
	return r->first < s->first ? -1 : r->first > s->first;
}

struct blame_stack *blame__stacks(const struct blame *b, const struct blame_totals *t, size_t *n)
{
	struct blame_stack *list = calloc(b->nr + 2, sizeof(*list));
	struct sum nobodys[2] = {0};
	struct division d = {0};
	bool whole = list && divide_all(b, t, &d);

	*n = 0;
	for (size_t i = 0; i < b->nr && whole; i++, ++*n)
		whole = set_stack(b, &b->places[i], &list[i]);
	for (size_t i = 0; i < b->nr_counts && whole; i++)
		add_to_stack(&list[b->counts[i].place], &b->counts[i], &d.shares[i]);
	for (size_t i = 0, nr = whole ? add_nobodys(&d, nobodys, 0) : 0; i < nr; i++) {
		const struct blame_row *r = &nobodys[i].row;

		list[(*n)++] = (struct blame_stack){.at = {.kind = r->kind},
						    .hold_ns = r->hold_ns,
						    .blocked_ns = r->blocked_ns,
						    .preempted_ns = r->preempted_ns,
						    .wait_ns = r->wait_ns};
	}
	free(d.shares);
	for (size_t i = 0; i < *n; i++)
		list[i].first = i;
	if (whole) {
		qsort(list, *n, sizeof(*list), compare_stacks);
		return list;
	}
	blame_stacks__free(list, *n);
	return NULL;
}

void blame_stacks__free(struct blame_stack *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((struct blame_frame *)list[i].at.callers);
	free(list);
}

/* ---- functions ---- */

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
