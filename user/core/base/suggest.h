/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* "Did you mean ...?": finds the candidate nearest to a word. */
#ifndef SUGGEST_H
#define SUGGEST_H

#include <stddef.h>

#define SUGGEST_LENGTH 64 /* longer words are not compared */

struct suggestion {
	const char *word; /* the word that was written; need not end in a zero byte */
	size_t length;
	size_t distance;           /* of the best candidate so far */
	char best[SUGGEST_LENGTH]; /* empty: no candidate is near */
};

/* Begins a search for the candidate nearest to the word. */
struct suggestion suggest__begin(const char *word, size_t length);
/* Offers a candidate. Of several that are equally near, the first one wins. */
void suggest__offer(struct suggestion *s, const char *candidate, size_t length);

/* The number of letters to insert, delete, change or swap with their neighbour. */
size_t suggest__distance(const char *a, size_t a_length, const char *b, size_t b_length);

#endif
