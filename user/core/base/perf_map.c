// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A line has the start and the size, both as hexadecimal numbers, and the name. What is no such line is
 * skipped: it may be just being written. */
#include <string.h>

#include "core/base/perf_map.h"

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number and the blank behind it. */
static bool read_number(const char **at, const char *end, uint64_t *n)
{
	const char *begin = *at;

	/* Some write them with a prefix. */
	if (end - begin > 2 && begin[0] == '0' && (begin[1] | 32) == 'x')
		begin += 2;
	*n = 0;
	for (*at = begin; *at < end && digit(**at) >= 0; ++*at)
		*n = *n << 4 | (uint64_t)digit(**at);
	if (*at == begin || *at - begin > 16 || *at == end || **at != ' ')
		return false;
	++*at;
	return true;
}

static bool read_line(const char *at, const char *end, struct perf_map_entry *e)
{
	uint64_t size;

	if (!read_number(&at, end, &e->start) || !read_number(&at, end, &size) || !size ||
	    size > UINT64_MAX - e->start || at == end)
		return false;
	e->end = e->start + size;
	e->name = at;
	e->length = (size_t)(end - at);
	return true;
}

bool perf_map__find(const char *text, size_t size, uint64_t address, struct perf_map_entry *found)
{
	const char *end = text + size, *line, *next;
	struct perf_map_entry e;
	bool any = false;

	/* A line without an end may be cut. */
	for (line = text; line < end && (next = memchr(line, '\n', (size_t)(end - line)));
	     line = next + 1) {
		if (!read_line(line, next, &e) || address < e.start || address >= e.end)
			continue;
		*found = e;
		any = true;
	}
	return any;
}
