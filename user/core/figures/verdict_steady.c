// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/figures/verdict_steady.h"

/* A verdict that has been found for so long is shown. */
#define HOLDS_NS 3000000000ULL

static bool same_threads(const struct verdict_threads *a, const struct verdict_threads *b)
{
	return a->tid == b->tid && (a->count > 1) == (b->count > 1) && a->passing == b->passing &&
	       a->in_turn == b->in_turn;
}

/* True if both say the same, apart from figures. */
static bool says_the_same(const struct verdict *a, const struct verdict *b)
{
	return a->kind == b->kind && a->answer == b->answer && a->pid == b->pid &&
	       a->asleep == b->asleep && same_threads(&a->waiting, &b->waiting) &&
	       same_threads(&a->front, &b->front);
}

const struct verdict *verdict_steady__next(struct verdict_steady *s, const struct verdict *v,
					   __u64 id, __u64 now)
{
	bool goes_on = s->now && s->id == id && now >= s->now;

	if (!goes_on)
		s->begin_ns = now;
	s->id = id;
	s->now = now;
	if (now - s->begin_ns < HOLDS_NS || says_the_same(&s->shown, v) ||
	    s->shown.kind == VERDICT_NOTHING_SEEN) {
		s->shown = s->next = *v;
		s->since_ns = now;
		return &s->shown;
	}
	if (says_the_same(&s->shown, &s->next) || !says_the_same(&s->next, v))
		s->since_ns = now;
	s->next = *v;
	if (now - s->since_ns >= HOLDS_NS)
		s->shown = s->next;
	return &s->shown;
}
