/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Frames of a fixture's history, as text. For the tests of screens. */
#ifndef FRAMES_H
#define FRAMES_H

#include "fixtures.h"
#include "test.h"
#include "core/screen/screen.h"

static struct screen_facts facts;

static const struct {
	int width;
	int height;
} sizes[] = {{60, 12}, {80, 24}, {120, 40}, {200, 60}};

static struct history *told;
static __u64 told_until;

__attribute__((unused)) static void feed(struct story *st)
{
	if (st->now < told_until + 250 * MS)
		return;
	told_until = st->now;
	st->process->end_ns = st->now;
	st->snapshot->start_ns = FIXTURE_START;
	st->snapshot->end_ns = st->now;
	history__add(told, st->snapshot);
}

__attribute__((unused)) static struct history *history_of(const char *fixture)
{
	struct snapshot *s;

	told = history__new(10 * S);
	told_until = FIXTURE_START;
	story_watch = feed;
	s = fixture__make(fixture);
	story_watch = NULL;
	history__add(told, s);
	snapshot__free(s);
	return told;
}

__attribute__((unused, noinline)) static char *frame(struct view *v, const struct history *h,
						     int width, int height, bool ascii, bool styles)
{
	struct grid *g = grid__new(width, height, ascii);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	screen__draw(g, v, h, &facts);
	grid__print(g, out, styles);
	fclose(out);
	grid__free(g);
	return text;
}

#endif
