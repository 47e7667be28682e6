// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * How the rows of a GIL's page are shared out. The sentence is what people take away, so it has its
 * rows first; then come the figures, each as far as there is room for it. What the rows below say
 * when there are too few of them is on other pages, or in a larger window.
 */
#include "core/screen/screen_parts.h"

#define ALL (1 << 20)

struct step {
	enum screen_part part;
	int rows;    /* so many in all */
	bool partly; /* or as many as there are */
};

/* From the most important one to the least. */
static const struct step steps[] = {
	{PART_TABLE, 3, true},
	{PART_BAR, 1, false},
	{PART_WAITERS, 1, false},
	{PART_TABLE, 4, false},
	{PART_HISTS, SCREEN_HIST_LEAST, false},
	{PART_COST, 1, false},
	{PART_LEGEND, 1, false},
	{PART_TABLE, 6, true},
	{PART_HISTS, SCREEN_HIST_CHART, false},
	{PART_PAIRS, 2, false},
	{PART_TABLE, 9, true},
	{PART_GAPS, 4, false},
	{PART_HISTS, 10, true},
	{PART_PAIRS, 4, true},
	{PART_TABLE, 14, true},
	{PART_PAIRS, 7, true},
	{PART_HISTS, 14, true},
	{PART_TABLE, ALL, true},
	/* There are not enough threads for all rows. */
	{PART_WAITERS, 8, true},
	{PART_PAIRS, ALL, true},
	{PART_HISTS, 24, true},
	{PART_WAITERS, 12, true},
	{PART_HISTS, ALL, true},
};

static int least(int a, int b)
{
	return a < b ? a : b;
}

void screen__share_out(int rows, const int want[SCREEN_PARTS], bool missed, int got[SCREEN_PARTS])
{
	int left = rows;

	for (int i = 0; i < SCREEN_PARTS; i++)
		got[i] = 0;
	got[PART_SENTENCE] = least(want[PART_SENTENCE], rows - SCREEN_TABLE_LEAST);
	got[PART_COST] = missed && rows - got[PART_SENTENCE] > SCREEN_TABLE_LEAST;
	left -= got[PART_SENTENCE] + got[PART_COST];
	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		const struct step *s = &steps[i];
		int more = least(s->rows, want[s->part]) - got[s->part];

		if (more > left && s->partly)
			more = left;
		if (more <= 0 || more > left)
			continue;
		got[s->part] += more;
		left -= more;
	}
}
