// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <limits.h>
#include <stdbool.h>

#include "core/python/lines.h"

/* A table, and the range of instructions that was decoded last. Lines are counted in unsigned numbers,
 * which a hostile table may let wrap. */
struct table {
	const unsigned char *at, *end;
	__u64 line;      /* counted so far */
	__u64 range_end; /* in bytes of the bytecode */
	bool has_line;
};

static unsigned int byte(struct table *t)
{
	return t->at < t->end ? *t->at++ : 0;
}

/* Up to 3.9 a pair is a step to the next instruction that begins a line, and the step of the line
 * there. So the line found so far belongs to what is before that instruction. */
static bool next_pair(struct table *t, __u64 *step)
{
	t->line += *step;
	t->has_line = true;
	if (t->end - t->at < 2) {
		t->at = t->end;
		t->range_end = ULLONG_MAX;
		return false;
	}
	t->range_end += byte(t);
	*step = (__u64)(__s64)(signed char)byte(t);
	return true;
}

static void find_pair(struct table *t, __u64 at)
{
	__u64 step = 0;

	while (next_pair(t, &step) && at >= t->range_end)
		;
}

/* 3.10: the size of a range in bytes, and the step to its line; -128: it has none. */
static void next_range(struct table *t)
{
	signed char step;

	t->range_end += byte(t);
	step = (signed char)byte(t);
	t->has_line = step != -128;
	if (t->has_line)
		t->line += (__u64)(__s64)step;
}

/* Six bits a byte, lowest first; bit 6 says that more follow. */
static __u64 varint(struct table *t)
{
	unsigned int shift = 0, b;
	__u64 v = 0;

	do {
		b = byte(t);
		if (shift < 64)
			v |= (__u64)(b & 63) << shift;
		shift += 6;
	} while (b & 64 && t->at < t->end);
	return v;
}

/* From 3.11 on: bit 7 begins an entry. The next four bits are its kind, the last three the number of
 * code units less one. Kinds below 10 stay on the line, those below 13 go 0 to 2 lines ahead, and 13
 * and 14 as far as a number says, of which bit 0 is the sign; 15 has no line. */
static void next_location(struct table *t)
{
	unsigned int head = byte(t), kind = head >> 3 & 15;
	__u64 step;

	t->range_end += 2 * ((head & 7) + 1);
	t->has_line = kind != 15;
	if (kind == 13 || kind == 14) {
		step = varint(t);
		t->line += step & 1 ? -(step >> 1) : step >> 1;
	} else if (kind >= 10 && kind < 13) {
		t->line += kind - 10;
	}
	while (t->at < t->end && !(*t->at & 128))
		t->at++;
}

int lines__at(enum lines_kind kind, const void *table, size_t size, int first_line, long at)
{
	struct table t = {.at = table, .line = (__u64)first_line};

	if (at < 0)
		return first_line;
	t.end = size ? t.at + size : t.at;
	if (kind == LINES_PAIRS)
		find_pair(&t, (__u64)at);
	else
		while (t.at < t.end && (__u64)at >= t.range_end)
			(kind == LINES_RANGES ? next_range : next_location)(&t);
	return t.has_line && (__u64)at < t.range_end && t.line <= INT_MAX ? (int)t.line : 0;
}
