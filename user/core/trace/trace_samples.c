// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <zlib.h>

#include "core/trace/trace_samples.h"

/* ---- records ---- */

static void put_text(struct bytes *b, const char *text, size_t room)
{
	bytes__string(b, text ? text : "", room);
}

void trace_code_object__put(struct bytes *b, const char *function, const char *file)
{
	put_text(b, function, sizeof(((struct trace_code_object *)NULL)->function) - 1);
	put_text(b, file, sizeof(((struct trace_code_object *)NULL)->file) - 1);
}

bool trace_code_object__get(struct span *s, struct trace_code_object *c)
{
	span__string(s, c->function, sizeof(c->function));
	span__string(s, c->file, sizeof(c->file));
	return !s->bad;
}

void trace_place__put(struct bytes *b, const struct blame_place *at, const __u32 *codes)
{
	bytes__number(b, at->kind);
	bytes__number(b, at->native != NULL);
	put_text(b, at->native, sizeof(((struct trace_place *)NULL)->native) - 1);
	bytes__number(b, at->function ? 1 + at->nr_callers : 0);
	if (!at->function)
		return;
	bytes__number(b, codes[0]);
	bytes__number(b, at->line);
	for (unsigned int i = 0; i < at->nr_callers; i++) {
		bytes__number(b, codes[1 + i]);
		bytes__number(b, at->callers[i].line);
	}
	bytes__number(b, at->cut);
}

bool trace_place__get(struct span *s, struct trace_place *p)
{
	__u64 kind = span__number(s), frames, cut;

	p->kind = kind <= BLAME_UNREADABLE ? (enum blame_kind)kind : BLAME_UNREADABLE;
	p->native_known = span__number(s);
	span__string(s, p->native, sizeof(p->native));
	frames = span__number(s);
	if (frames > TRACE_FRAMES_MOST)
		return false;
	p->nr_frames = (__u32)frames;
	for (__u32 i = 0; i < p->nr_frames; i++) {
		p->code[i] = (__u32)span__number(s);
		p->line[i] = (__u32)span__number(s);
	}
	cut = frames ? span__number(s) : 0;
	p->cut = cut < frames ? (__u32)cut : 0;
	return !s->bad;
}

void trace_sample__put(struct bytes *b, const struct blame_sample *s, __u32 place,
		       struct trace_last_sample *last)
{
	bytes__number(b, s->kind);
	bytes__signed(b, (__s64)(s->ts - last->ts));
	bytes__signed(b, (__s64)s->tid - last->tid);
	bytes__number(b, place);
	if (s->kind == BLAME_TICK) {
		bytes__number(b, s->waiters);
	} else {
		bytes__number(b, s->blocked_ns);
		bytes__number(b, s->preempted_ns);
		bytes__number(b, s->wait_ns);
	}
	*last = (struct trace_last_sample){s->ts, s->tid};
}

/* Times whose sums cannot overflow. */
static __u64 get_time(struct span *s)
{
	__u64 ns = span__number(s);

	s->bad |= ns >> 48;
	return ns;
}

bool trace_sample__get(struct span *s, struct blame_sample *sample, __u32 *place,
		       struct trace_last_sample *last)
{
	__u64 kind = span__number(s);

	*sample = (struct blame_sample){.kind = (enum blame_sample_kind)kind};
	sample->ts = last->ts + (__u64)span__signed(s);
	sample->tid = last->tid + (__u32)span__signed(s);
	*place = (__u32)span__number(s);
	if (kind == BLAME_TICK) {
		sample->waiters = (__u32)span__number(s) & 0xffffff;
	} else {
		sample->blocked_ns = get_time(s);
		sample->preempted_ns = get_time(s);
		sample->wait_ns = get_time(s);
	}
	*last = (struct trace_last_sample){sample->ts, sample->tid};
	return !s->bad && kind < BLAME_SAMPLES;
}

static void put_row(struct bytes *b, const struct blame_row *r)
{
	bytes__number(b, r->kind);
	bytes__string(b, r->function, sizeof(r->function));
	bytes__string(b, r->file, sizeof(r->file));
	bytes__string(b, r->native, sizeof(r->native));
	bytes__number(b, r->line);
	bytes__number(b, r->hold_ns);
	bytes__number(b, r->blocked_ns);
	bytes__number(b, r->preempted_ns);
	bytes__number(b, r->wait_ns);
	bytes__number(b, r->samples);
}

struct trace_functions_check trace_functions__check(const struct blame_row *rows, size_t n)
{
	struct trace_functions_check c = {.nr = n};
	struct bytes b = {0};

	for (size_t i = 0; i < n; i++) {
		b.size = 0;
		put_row(&b, &rows[i]);
		c.crc = (__u32)crc32(c.crc, b.data, (uInt)b.size);
	}
	bytes__free(&b);
	return c;
}

void trace_functions__put(struct bytes *b, const struct trace_functions_check *c)
{
	bytes__number(b, c->nr);
	bytes__number(b, c->crc);
}

bool trace_functions__get(struct span *s, struct trace_functions_check *c)
{
	c->nr = span__number(s);
	c->crc = (__u32)span__number(s);
	return !s->bad;
}

/* ---- numbers ---- */

struct trace_name {
	__u64 hash;
	size_t at, size; /* in the content */
};

#define TABLE (2 * TRACE_NAMES_MOST)

static __u64 hash_of(const struct bytes *what)
{
	__u64 h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < what->size; i++)
		h = (h ^ what->data[i]) * 0x100000001b3ULL;
	return h ^ h >> 29;
}

static bool make_room(struct trace_names *n)
{
	__u32 room = n->room ? 2 * n->room : 64;
	struct trace_name *list;

	if (!n->table)
		n->table = calloc(TABLE, sizeof(*n->table));
	if (n->table && n->nr < n->room)
		return true;
	list = n->table ? reallocarray(n->list, room, sizeof(*list)) : NULL;
	if (!list)
		return false;
	n->list = list;
	n->room = room;
	return true;
}

int trace_names__number(struct trace_names *n, const struct bytes *what, bool *is_new)
{
	__u64 hash = hash_of(what);
	__u32 slot = hash % TABLE;

	*is_new = false;
	if (what->failed || !make_room(n))
		return -1;
	for (; n->table[slot]; slot = (slot + 1) % TABLE) {
		const struct trace_name *name = &n->list[n->table[slot] - 1];

		if (name->hash == hash && name->size == what->size &&
		    !memcmp(n->content.data + name->at, what->data, what->size))
			return (int)n->table[slot] - 1;
	}
	if (n->nr == TRACE_NAMES_MOST || !bytes__reserve(&n->content, what->size))
		return -1;
	n->list[n->nr] = (struct trace_name){hash, n->content.size, what->size};
	bytes__append(&n->content, what->data, what->size);
	n->table[slot] = ++n->nr;
	*is_new = true;
	return (int)n->nr - 1;
}

void trace_names__clear(struct trace_names *n)
{
	if (n->nr)
		memset(n->table, 0, TABLE * sizeof(*n->table));
	n->nr = 0;
	n->content.size = 0;
}

void trace_names__free(struct trace_names *n)
{
	free(n->list);
	free(n->table);
	bytes__free(&n->content);
	*n = (struct trace_names){0};
}
