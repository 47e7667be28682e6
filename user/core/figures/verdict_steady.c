// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/figures/verdict_steady.h"

/* A verdict that has been found for so long is shown. */
#define HOLDS_NS 6000000000ULL
/* Until then each is shown at once. */
#define FOLLOWS_NS 3000000000ULL

static bool same_threads(const struct verdict_threads *a, const struct verdict_threads *b)
{
	return a->tid == b->tid && (a->count > 1) == (b->count > 1) && a->passing == b->passing &&
	       a->in_turn == b->in_turn;
}

/* True if both say the same, apart from figures. */
static bool says_the_same(const struct verdict *a, const struct verdict *b)
{
	return a->kind == b->kind && a->answer == b->answer && a->pid == b->pid &&
	       a->asleep == b->asleep && a->stopped == b->stopped &&
	       same_threads(&a->waiting, &b->waiting) && same_threads(&a->front, &b->front);
}

/* Chooses the words of the verdict that is shown. `anew`: it is another one than before. */
static void keep_words(struct verdict_steady *s, bool anew)
{
	struct verdict *v = &s->shown;
	unsigned int found = verdict__choices(v, anew ? 0 : s->choices);

	if (found != s->next_choices)
		s->choices_ns = s->now;
	s->next_choices = found;
	if (anew || s->now - s->choices_ns >= HOLDS_NS)
		s->choices = found;
	if (found & VERDICT_TELLS_BRIEF)
		s->brief = v->brief;
	if (found & VERDICT_TELLS_OTHERS)
		s->others = v->others;
	v->choices = s->choices;
	v->brief = s->brief;
	v->others = s->others;
}

/* The verdict to show, with words as v has them. Returns true if it is another one than before. */
static bool choose(struct verdict_steady *s, const struct verdict *v, bool follows)
{
	if (follows || says_the_same(&s->shown, v) || s->shown.kind == VERDICT_NOTHING_SEEN) {
		bool anew = follows || !says_the_same(&s->shown, v);

		s->shown = s->next = *v;
		s->since_ns = s->now;
		return anew;
	}
	if (says_the_same(&s->shown, &s->next) || !says_the_same(&s->next, v))
		s->since_ns = s->now;
	s->next = *v;
	if (s->now - s->since_ns < HOLDS_NS)
		return false;
	s->shown = s->next;
	return true;
}

const struct verdict *verdict_steady__next(struct verdict_steady *s, const struct verdict *v,
					   __u64 id, __u64 now)
{
	bool goes_on = s->now && s->id == id && now >= s->now;

	if (!goes_on)
		s->begin_ns = now;
	s->id = id;
	s->now = now;
	keep_words(s, choose(s, v, now - s->begin_ns < FOLLOWS_NS));
	return &s->shown;
}
