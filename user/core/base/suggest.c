// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "core/base/suggest.h"

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

size_t suggest__distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	/* The last three rows of the table of distances between prefixes of a and prefixes of b. */
	size_t rows[3][SUGGEST_LENGTH + 1];

	if (a_length > SUGGEST_LENGTH || b_length > SUGGEST_LENGTH)
		return SUGGEST_LENGTH;
	for (size_t j = 0; j <= b_length; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= a_length; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];

		row[0] = i;
		for (size_t j = 1; j <= b_length; j++) {
			row[j] = least(above[j], row[j - 1]) + 1;
			row[j] = least(row[j], above[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return rows[a_length % 3][b_length];
}

struct suggestion suggest__begin(const char *word, size_t length)
{
	/* A third of the letters may be wrong; in a short word, one letter. */
	return (struct suggestion){.word = word, .length = length, .distance = length / 3 + 2};
}

void suggest__offer(struct suggestion *s, const char *candidate, size_t length)
{
	size_t distance = suggest__distance(s->word, s->length, candidate, length);

	if (distance >= s->distance || length >= sizeof(s->best) || distance >= length)
		return;
	s->distance = distance;
	memcpy(s->best, candidate, length);
	s->best[length] = '\0';
}
