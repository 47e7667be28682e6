// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/format.h"
#include "core/figures/blame_totals.h"
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

static void add_python(struct stacks *s, const char *function, const char *file, unsigned int line)
{
	if (function && *function)
		add_frame(s, STACK_PYTHON, function, file ? file : "", line);
	else
		add_frame(s, STACK_NOBODY, "(not readable)", "", 0);
}

static void add_stack(struct stacks *s, const struct blame_stack *b)
{
	const struct blame_place *at = &b->at;
	char words[64];

	s->list[s->nr] = (struct stack){.first = s->nr_frames,
					.hold_ns = b->hold_ns,
					.wait_ns = b->wait_ns,
					.samples = b->samples};
	for (unsigned int i = at->nr_callers; i-- > 0;) {
		if (at->cut && at->cut == i + 1)
			add_frame(s, STACK_NOBODY, "(frames left out)", "", 0);
		add_python(s, at->callers[i].function, at->callers[i].file, at->callers[i].line);
	}
	if (at->kind == BLAME_FUNCTION) {
		add_python(s, at->function, at->file, at->line);
	} else {
		snprintf(words, sizeof(words), "(%s)", blame_kind__name(at->kind));
		add_frame(s, STACK_NOBODY, words, "", 0);
	}
	if (at->native && at->native[0])
		add_frame(s, STACK_NATIVE, at->native, "", 0);
	s->nr++;
}

int stacks__of(struct stacks *out, const struct snapshot_process *p, const struct snapshot_gil *g)
{
	struct blame_totals totals = blame_totals__of(p, g);
	size_t n, frames = 1;
	struct blame_stack *list = blame__stacks(g->samples, &totals, &n);

	*out = (struct stacks){0};
	if (!list)
		return -ENOMEM;
	/* The place, its callers, a mark where some are left out, and the native part. */
	for (size_t i = 0; i < n; i++)
		frames += 3 + list[i].at.nr_callers;
	out->list = calloc(n + 1, sizeof(*out->list));
	out->frames = calloc(frames, sizeof(*out->frames));
	for (size_t i = 0; i < n && out->list && out->frames; i++)
		add_stack(out, &list[i]);
	blame_stacks__free(list, n);
	return out->list && out->frames ? 0 : -ENOMEM;
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
