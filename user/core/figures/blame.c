// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/figures/blame_private.h"

/* What a tick weighs among the native places of a row, in ns: about the time from one to the next. */
#define TICK_NS 1000000ULL
/* Different frames of callers that are kept for one GIL. */
#define CALLERS_MOST 8192

struct blame *blame__new(void)
{
	return calloc(1, sizeof(struct blame));
}

void blame__free(struct blame *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->nr; i++)
		free(b->places[i].callers);
	free(b->places);
	free(b->callers);
	free(b->counts);
	free(b);
}

static size_t room_for(size_t nr)
{
	size_t room = 1;

	while (room < nr)
		room *= 2;
	return room;
}

/* Makes room for one more after nr elements of a list, which has room for a power of two. False if
 * memory ran out. */
static bool has_room(void **list, size_t nr, size_t size)
{
	void *more;

	if (nr & (nr - 1))
		return true;
	more = reallocarray(*list, nr ? 2 * nr : 1, size);
	if (more)
		*list = more;
	return more != NULL;
}

/* A copy of nr elements with room for a power of two; NULL if memory ran out. */
static void *copy_list(const void *list, size_t nr, size_t size)
{
	void *copy = calloc(room_for(nr), size);

	if (copy && nr)
		memcpy(copy, list, nr * size);
	return copy;
}

/* Gives each place a list of its own, in place of that of the original. */
static bool copy_callers(struct blame *copy)
{
	bool whole = true;

	for (size_t i = 0; i < copy->nr; i++) {
		struct blame_tally *p = &copy->places[i];
		size_t size = p->nr_callers * sizeof(*p->callers);
		__u32 *own = size && whole ? malloc(size) : NULL;

		if (own)
			memcpy(own, p->callers, size);
		whole = whole && (own || !size);
		p->callers = own;
	}
	return whole;
}

struct blame *blame__copy(const struct blame *b)
{
	struct blame *copy = b ? blame__new() : NULL;

	if (!copy)
		return NULL;
	*copy = *b;
	copy->places = copy_list(b->places, b->nr, sizeof(*b->places));
	copy->callers = copy_list(b->callers, b->nr_callers, sizeof(*b->callers));
	copy->counts = copy_list(b->counts, b->nr_counts, sizeof(*b->counts));
	if (!copy->places)
		copy->nr = 0;
	if (!copy_callers(copy) || !copy->places || !copy->callers || !copy->counts) {
		blame__free(copy);
		return NULL;
	}
	return copy;
}

/* ---- callers ---- */

static __u64 mix(__u64 key, const char *text)
{
	for (; text && *text; text++)
		key = (key ^ (unsigned char)*text) * 0x100000001b3ULL;
	return (key ^ 0xff) * 0x100000001b3ULL;
}

static const char *text(const char *s)
{
	return s ? s : "";
}

static __u64 frame_hash(const struct blame_frame *f)
{
	return mix(mix(0xcbf29ce484222325ULL, f->function), f->file) +
	       f->line * 0x9e3779b97f4a7c15ULL;
}

static bool is_caller(const struct blame_caller *c, const struct blame_frame *f, __u64 hash)
{
	return c->hash == hash && c->line == f->line &&
	       !strncmp(c->function, text(f->function), sizeof(c->function) - 1) &&
	       !strncmp(c->file, text(f->file), sizeof(c->file) - 1);
}

/* The number of a frame, which is entered if it is new; -1 if there is no room. */
static long caller_number(struct blame *b, const struct blame_frame *f)
{
	__u64 hash = frame_hash(f);
	__u32 *chain = &b->caller_chain[(hash ^ hash >> 32) % BLAME_CHAINS];
	struct blame_caller *c;

	for (__u32 i = *chain; i; i = b->callers[i - 1].next)
		if (is_caller(&b->callers[i - 1], f, hash))
			return (long)i - 1;
	if (b->nr_callers == CALLERS_MOST)
		return -1;
	if (!has_room((void **)&b->callers, b->nr_callers, sizeof(*c)))
		return -1;
	c = &b->callers[b->nr_callers];
	memset(c, 0, sizeof(*c));
	c->hash = hash;
	c->line = f->line;
	snprintf(c->function, sizeof(c->function), "%s", text(f->function));
	snprintf(c->file, sizeof(c->file), "%s", text(f->file));
	c->next = *chain;
	*chain = (__u32)++b->nr_callers;
	return (long)b->nr_callers - 1;
}

/* Notes the callers of a new place. False if there is no room; then it has none. */
static bool set_callers(struct blame *b, struct blame_tally *p, const struct blame_place *at)
{
	size_t size = at->nr_callers * sizeof(*p->callers);

	p->callers = size ? malloc(size) : NULL;
	for (unsigned int i = 0; i < at->nr_callers && p->callers; i++) {
		long number = caller_number(b, &at->callers[i]);

		if (number < 0) {
			free(p->callers);
			p->callers = NULL;
			return false;
		}
		p->callers[i] = (__u32)number;
	}
	if (size && !p->callers)
		return false;
	p->nr_callers = at->nr_callers;
	p->cut = at->cut;
	b->callers_memory += size;
	return true;
}

/* ---- places ---- */

static __u64 key_of(const struct blame_place *at)
{
	__u64 key = mix(0xcbf29ce484222325ULL + at->kind, at->function);

	key = mix(key, at->file) + at->line * 0x9e3779b97f4a7c15ULL;
	for (unsigned int i = 0; i < at->nr_callers; i++)
		key = (key ^ key >> 29 ^ frame_hash(&at->callers[i])) * 0xd6e8feb86659fd93ULL;
	return key + at->cut;
}

static bool is_at(const struct blame *b, const struct blame_tally *p, const struct blame_place *at,
		  __u64 key)
{
	const struct blame_row *r = &p->row;

	if (p->key != key || r->kind != at->kind || r->line != at->line ||
	    p->nr_callers != at->nr_callers || p->cut != at->cut ||
	    strncmp(r->function, text(at->function), sizeof(r->function) - 1) != 0 ||
	    strncmp(r->file, text(at->file), sizeof(r->file) - 1) != 0)
		return false;
	for (unsigned int i = 0; i < p->nr_callers; i++) {
		const struct blame_caller *c = &b->callers[p->callers[i]];

		if (!is_caller(c, &at->callers[i], c->hash))
			return false;
	}
	return true;
}

static __u32 *chain_of(struct blame *b, __u64 key)
{
	return &b->place_chain[(key ^ key >> 32) % BLAME_CHAINS];
}

static struct blame_tally *add(struct blame *b, const struct blame_place *at, __u64 key)
{
	struct blame_tally *p;

	if (!has_room((void **)&b->places, b->nr, sizeof(*p)))
		return NULL;
	p = &b->places[b->nr];
	memset(p, 0, sizeof(*p));
	if (!set_callers(b, p, at))
		return NULL;
	p->key = key;
	p->row.kind = at->kind;
	p->row.line = at->line;
	snprintf(p->row.function, sizeof(p->row.function), "%s", text(at->function));
	snprintf(p->row.file, sizeof(p->row.file), "%s", text(at->file));
	p->next = *chain_of(b, key);
	*chain_of(b, key) = (__u32)++b->nr;
	return p;
}

static struct blame_tally *known(struct blame *b, const struct blame_place *at, __u64 key)
{
	for (__u32 i = *chain_of(b, key); i; i = b->places[i - 1].next)
		if (is_at(b, &b->places[i - 1], at, key))
			return &b->places[i - 1];
	return NULL;
}

/* The place's sums, made if they do not exist; NULL if memory ran out. */
static struct blame_tally *find(struct blame *b, const struct blame_place *at)
{
	static const struct blame_place others = {.kind = BLAME_OTHERS};
	struct blame_place alone = *at;
	__u64 key = key_of(at);
	struct blame_tally *p = known(b, at, key);

	if (!p && b->nr - b->nr_alone < BLAME_STACKS)
		p = add(b, at, key);
	if (p)
		return p;
	alone.callers = NULL;
	alone.nr_callers = alone.cut = 0;
	if (b->nr_alone >= BLAME_PLACES)
		alone = others;
	key = key_of(&alone);
	p = known(b, &alone, key);
	if (!p) {
		p = add(b, &alone, key);
		b->nr_alone += p != NULL;
	}
	return p;
}

void blame_native__add(struct blame_native native[BLAME_NATIVES], const char *name, __u64 weight)
{
	struct blame_native *least = &native[0];

	if (!name)
		return;
	for (int i = 0; i < BLAME_NATIVES; i++) {
		struct blame_native *n = &native[i];

		if (n->weight && !strncmp(n->name, name, sizeof(n->name) - 1)) {
			n->weight += weight;
			return;
		}
		if (n->weight < least->weight)
			least = n;
	}
	if (least->weight < weight) {
		__u64 less = least->weight;

		for (int i = 0; i < BLAME_NATIVES; i++)
			native[i].weight -= less;
		snprintf(least->name, sizeof(least->name), "%s", name);
		least->weight = weight - less;
	} else {
		for (int i = 0; i < BLAME_NATIVES; i++)
			native[i].weight -= weight;
	}
}

/* ---- samples ---- */

static struct blame_count *known_count(struct blame *b, __u32 first, __u32 place, __u32 tid)
{
	for (__u32 i = first; i; i = b->counts[i - 1].next)
		if (b->counts[i - 1].place == place && b->counts[i - 1].tid == tid)
			return &b->counts[i - 1];
	return NULL;
}

/* The thread's count at a place, made if it does not exist; NULL if memory ran out. */
static struct blame_count *count_of(struct blame *b, __u32 place, __u32 tid)
{
	__u32 *chain = &b->count_chain[(place * 0x9e3779b1u ^ tid * 0x85ebca6bu) % BLAME_CHAINS];
	struct blame_count *c = known_count(b, *chain, place, tid);

	if (c)
		return c;
	if (tid && b->nr_counts >= BLAME_COUNTS)
		return count_of(b, place, 0);
	if (!has_room((void **)&b->counts, b->nr_counts, sizeof(*c)))
		return NULL;
	c = &b->counts[b->nr_counts];
	*c = (struct blame_count){.next = *chain, .place = place, .tid = tid};
	*chain = (__u32)++b->nr_counts;
	return c;
}

static void add_tick(struct blame_sums *to, const struct blame_sample *s)
{
	to->ticks++;
	to->weight += s->waiters;
	to->weight_squared += (__u64)s->waiters * s->waiters;
}

static void add_gap(struct blame_sums *to, const struct blame_sample *s)
{
	to->gaps++;
	to->blocked_ns += s->blocked_ns;
	to->preempted_ns += s->preempted_ns;
	to->wait_ns += s->wait_ns;
}

void blame__sample(struct blame *b, const struct blame_sample *s)
{
	struct blame_tally *p = find(b, &s->at);
	struct blame_count *c = p ? count_of(b, (__u32)(p - b->places), s->tid) : NULL;

	if (!c)
		return;
	if (s->kind == BLAME_TICK) {
		add_tick(&c->sum, s);
		blame_native__add(p->native, s->at.native, TICK_NS);
		return;
	}
	add_gap(&c->sum, s);
	/* Where a thread loses its CPU is often the end of a system call, which is not the reason. */
	if (s->blocked_ns)
		blame_native__add(p->native, s->at.native, s->blocked_ns);
}

size_t blame__memory(const struct blame *b)
{
	return sizeof(*b) + (b->nr ? room_for(b->nr) : 0) * sizeof(*b->places) +
	       (b->nr_callers ? room_for(b->nr_callers) : 0) * sizeof(*b->callers) +
	       (b->nr_counts ? room_for(b->nr_counts) : 0) * sizeof(*b->counts) + b->callers_memory;
}

size_t blame__counts(const struct blame *b)
{
	return b->nr_counts;
}

struct blame_sums blame__sums(const struct blame *b, size_t count)
{
	return b->counts[count].sum;
}

void blame__set_sums(struct blame *b, size_t count, const struct blame_sums *s)
{
	b->counts[count].sum = *s;
}
