// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the samples say about the hold that is under way: which code had the GIL. It is written with the
 * end of the hold's slice. Samples come before the edges of the time after them, so those of a hold are
 * there when it ends, but for one of its last moment.
 */
#include <stdlib.h>
#include <string.h>

#include "core/base/format.h"
#include "core/export/timeline.h"

/* The place that has, or may have, most of the hold: by Boyer and Moore, weighted by time. */
struct hold_code {
	__u64 samples, weight;
	__u64 key;
	char function[128], line[160], native[128];
	char stack[2048]; /* "main (app.py:9) → render (views.py:212)" */
};

/* What a tick weighs beside a gap, in ns. */
#define TICK_NS 1000000ULL

static __u64 key_of(const struct blame_place *at)
{
	__u64 h = 0xcbf29ce484222325ULL + at->line;

	for (const char *s = at->function; s && *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	for (const char *s = at->file; s && *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	return h;
}

static void put_text(char *to, size_t size, const char *text)
{
	struct format_long clean = format_sentence(text, strlen(text), false);

	snprintf(to, size, "%.*s", (int)size - 1, clean.s);
}

#define ARROW " \u2192 "

/* "render (views.py:212)" */
struct frame_text {
	char s[192];
};

static struct frame_text frame_text(const char *function, const char *file, unsigned int line)
{
	const char *slash = file ? strrchr(file, '/') : NULL, *name = slash ? slash + 1 : file;
	struct frame_text t;

	if (!function || !*function)
		snprintf(t.s, sizeof(t.s), "(%s)", blame_kind__name(BLAME_UNREADABLE));
	else if (!name || !*name)
		put_text(t.s, sizeof(t.s), function);
	else
		snprintf(t.s, sizeof(t.s), "%s (%s:%u)",
			 format_name(function, strlen(function), false).s,
			 format_name(name, strlen(name), false).s, line);
	return t;
}

/* The outermost frame comes first. Where there is no room for all, or some are not known, "…" stands. */
static void set_stack(struct hold_code *c, const struct blame_place *at)
{
	size_t room = sizeof(c->stack) - 3 * sizeof(struct frame_text), used = 0;
	unsigned int n = 0;

	while (n < at->nr_callers && used < room - sizeof(struct frame_text)) {
		const struct blame_frame *f = &at->callers[n++];

		used += strlen(frame_text(f->function, f->file, f->line).s) + strlen(ARROW);
	}
	used = 0;
	c->stack[0] = '\0';
	if (n < at->nr_callers)
		used += (size_t)sprintf(c->stack, "\u2026" ARROW);
	while (n-- > 0) {
		const struct blame_frame *f = &at->callers[n];

		if (at->cut == n + 1)
			used += (size_t)sprintf(c->stack + used, "\u2026" ARROW);
		used += (size_t)sprintf(c->stack + used, "%s" ARROW,
					frame_text(f->function, f->file, f->line).s);
	}
	if (at->kind == BLAME_FUNCTION)
		sprintf(c->stack + used, "%s", frame_text(at->function, at->file, at->line).s);
}

static void set_place(struct hold_code *c, const struct blame_place *at)
{
	const char *file = at->file ? at->file : "";

	c->function[0] = c->line[0] = c->native[0] = '\0';
	if (at->kind != BLAME_FUNCTION)
		snprintf(c->function, sizeof(c->function), "(%s)", blame_kind__name(at->kind));
	else if (at->function)
		put_text(c->function, sizeof(c->function), at->function);
	if (file[0])
		snprintf(c->line, sizeof(c->line), "%.140s:%u",
			 format_sentence(file, strlen(file), false).s, at->line);
	if (at->native)
		put_text(c->native, sizeof(c->native), at->native);
	set_stack(c, at);
}

static void count(struct hold_code *c, const struct blame_sample *s)
{
	__u64 key = key_of(&s->at), weight = TICK_NS;

	if (s->kind != BLAME_TICK)
		weight = s->blocked_ns + s->preempted_ns;
	c->samples++;
	if (c->samples > 1 && c->key == key) {
		c->weight += weight;
		return;
	}
	if (c->samples > 1 && c->weight >= weight) {
		c->weight -= weight;
		return;
	}
	c->weight = weight - c->weight;
	c->key = key;
	set_place(c, &s->at);
}

int timeline__sample(struct timeline *x, const struct replay_gil *g, const struct blame_sample *s)
{
	const struct gil_tracks *gt = g->follower;
	const struct replay_thread *t = gt ? gt->owner : NULL;
	struct thread_tracks *tt = t ? t->follower : NULL;

	(void)x;
	if (!tt || !tt->open || tt->kind != PERFETTO_HOLD || t->t.tid != s->tid ||
	    s->ts < tt->since)
		return 0;
	if (!tt->code)
		tt->code = calloc(1, sizeof(*tt->code));
	if (tt->code)
		count(tt->code, s);
	return 0;
}

void timeline__take_code(struct thread_tracks *tt, struct perfetto_event *e)
{
	const struct hold_code *c = tt->code;

	if (!c || !c->samples)
		return;
	e->args[PERFETTO_FUNCTION] = c->function;
	e->args[PERFETTO_LINE] = c->line;
	e->args[PERFETTO_NATIVE] = c->native;
	e->args[PERFETTO_STACK] = c->stack;
	tt->code->samples = 0;
	tt->code->weight = 0;
}
