/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* "Did you mean ...?": the nearest of some words. */
#ifndef SUGGEST_H
#define SUGGEST_H

#include <stddef.h>

#define SUGGEST_LENGTH 64 /* longer words are not compared */

struct suggestion {
	const char *word; /* what was meant to be written; need not end in a zero byte */
	size_t length;
	size_t distance;           /* of the best one so far */
	char best[SUGGEST_LENGTH]; /* empty: none is near */
};

/* Begins the search for what is near so many characters. */
struct suggestion suggest__begin(const char *word, size_t length);
/* Offers a candidate. The first one of several that are as near stays. */
void suggest__offer(struct suggestion *s, const char *candidate, size_t length);

/* How many letters must be put in, left out, changed or swapped with their neighbour. */
size_t suggest__distance(const char *a, size_t a_length, const char *b, size_t b_length);

#endif
