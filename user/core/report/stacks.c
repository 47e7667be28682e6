// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/format.h"
#include "core/report/stacks.h"

bool stacks__are_in(const struct snapshot *s)
{
	for (size_t i = 0; i < s->nr_processes; i++)
		for (size_t j = 0; j < s->processes[i].nr_gils; j++)
			if (s->processes[i].gils[j].functions)
				return true;
	return false;
}

static void add_frame(struct stacks *s, enum stack_frame_kind kind, const char *function,
		      const char *file, unsigned int line)
{
	struct stack_frame *f = &s->frames[s->nr_frames++];

	memset(f, 0, sizeof(*f));
	f->kind = kind;
	f->line = line;
	snprintf(f->function, sizeof(f->function), "%.*s", (int)sizeof(f->function) - 1,
		 format_sentence(function, strlen(function), false).s);
	snprintf(f->file, sizeof(f->file), "%.*s", (int)sizeof(f->file) - 1,
		 format_sentence(file, strlen(file), false).s);
	s->list[s->nr].nr++;
}

static void add_row(struct stacks *s, const struct blame_row *r)
{
	struct stack *stack = &s->list[s->nr];
	char words[64];

	*stack = (struct stack){.first = s->nr_frames,
				.hold_ns = r->hold_ns,
				.wait_ns = r->wait_ns,
				.samples = r->samples};
	if (r->kind == BLAME_FUNCTION) {
		add_frame(s, STACK_PYTHON, r->function, r->file, r->line);
	} else {
		snprintf(words, sizeof(words), "(%s)", blame_kind__name(r->kind));
		add_frame(s, STACK_NOBODY, words, "", 0);
	}
	if (r->native[0])
		add_frame(s, STACK_NATIVE, r->native, "", 0);
	s->nr++;
}

int stacks__of(struct stacks *out, const struct snapshot_gil *g)
{
	*out = (struct stacks){
		.list = calloc(g->nr_functions + 1, sizeof(*out->list)),
		.frames = calloc(2 * g->nr_functions + 1, sizeof(*out->frames)),
	};
	if (!out->list || !out->frames)
		return -ENOMEM;
	for (size_t i = 0; i < g->nr_functions; i++)
		add_row(out, &g->functions[i]);
	return 0;
}

void stacks__free(struct stacks *s)
{
	free(s->list);
	free(s->frames);
	*s = (struct stacks){0};
}

struct stack_text stack_frame__text(const struct stack_frame *f)
{
	const char *slash = strrchr(f->file, '/'), *file = slash ? slash + 1 : f->file;
	struct stack_text t;

	if (!file[0])
		snprintf(t.s, sizeof(t.s), "%s", f->function);
	else if (f->line)
		snprintf(t.s, sizeof(t.s), "%s (%s:%u)", f->function, file, f->line);
	else
		snprintf(t.s, sizeof(t.s), "%s (%s)", f->function, file);
	return t;
}

struct stack_text stacks__gil_name(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	struct format name = snapshot_process__name(p, false);
	struct stack_text t;

	if (p->nr_gils < 2)
		snprintf(t.s, sizeof(t.s), "%s, process %d", name.s, p->pid);
	else if (g->main)
		snprintf(t.s, sizeof(t.s), "%s, process %d, main interpreter", name.s, p->pid);
	else if (g->interpreter > 0)
		snprintf(t.s, sizeof(t.s), "%s, process %d, interpreter %ld", name.s, p->pid,
			 g->interpreter);
	else
		snprintf(t.s, sizeof(t.s), "%s, process %d, a sub-interpreter", name.s, p->pid);
	return t;
}

/* ---- frames as numbers ---- */

static __u64 mix(__u64 hash, const char *text)
{
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ULL;
	return (hash ^ 0xff) * 0x100000001b3ULL;
}

static __u64 hash_of(const struct stack_frame *f, bool whole)
{
	__u64 hash = mix(mix(0xcbf29ce484222325ULL + f->kind, f->function), f->file);

	hash += whole ? f->line * 0x9e3779b97f4a7c15ULL : 0;
	return hash ^ hash >> 29;
}

static bool is_same(const struct stack_frame *a, const struct stack_frame *b, bool whole)
{
	return a->kind == b->kind && (!whole || a->line == b->line) &&
	       !strcmp(a->function, b->function) && !strcmp(a->file, b->file);
}

/* The slot of the frame, or the free one where it belongs. */
static __u32 *find(const struct stack_frames *t, const struct stack_frame *f, bool whole)
{
	size_t i = hash_of(f, whole) & (t->nr_slots - 1);

	while (t->slots[i] && !is_same(t->list[t->slots[i] - 1], f, whole))
		i = (i + 1) & (t->nr_slots - 1);
	return &t->slots[i];
}

/* Doubles the table, so that half of the slots are free. */
static int grow(struct stack_frames *t, bool whole)
{
	size_t nr_slots = t->nr_slots ? 2 * t->nr_slots : 64;
	const struct stack_frame **list = reallocarray(t->list, nr_slots / 2, sizeof(*list));
	__u32 *slots = calloc(nr_slots, sizeof(*slots));

	if (list)
		t->list = list;
	if (!list || !slots) {
		free(slots);
		return -ENOMEM;
	}
	free(t->slots);
	t->slots = slots;
	t->nr_slots = nr_slots;
	for (size_t i = 0; i < t->nr; i++)
		*find(t, t->list[i], whole) = (__u32)i + 1;
	return 0;
}

ssize_t stack_frames__number(struct stack_frames *t, const struct stack_frame *f, bool whole)
{
	__u32 *slot;

	if (t->nr >= t->nr_slots / 2 && grow(t, whole))
		return -1;
	slot = find(t, f, whole);
	if (!*slot) {
		t->list[t->nr++] = f;
		*slot = (__u32)t->nr;
	}
	return *slot - 1;
}

void stack_frames__free(struct stack_frames *t)
{
	free(t->list);
	free(t->slots);
	*t = (struct stack_frames){0};
}
