// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/base/utf8.h"

__u32 utf8__decode(const char *s, size_t *length)
{
	static const __u32 smallest[] = {0, 0x80, 0x800, 0x10000};
	const unsigned char *b = (const unsigned char *)s;
	unsigned int more;
	__u32 c;

	*length = 1;
	if (b[0] < 0x80)
		return b[0];
	if (b[0] >= 0xf0 && b[0] < 0xf8)
		more = 3;
	else if (b[0] >= 0xe0 && b[0] < 0xf0)
		more = 2;
	else if (b[0] >= 0xc0 && b[0] < 0xe0)
		more = 1;
	else
		return UTF8_INVALID;
	c = b[0] & (0x3fU >> more);
	for (unsigned int i = 1; i <= more; i++) {
		/* A zero byte fails this test, too, so decoding stops at the string's end. */
		if ((b[i] & 0xc0) != 0x80)
			return UTF8_INVALID;
		c = c << 6 | (b[i] & 0x3f);
	}
	if (c < smallest[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		return UTF8_INVALID;
	*length = more + 1;
	return c;
}

struct range {
	__u32 first;
	__u32 last;
	int columns;
};

/*
 * The few ranges that matter for a name in a table, sorted; wcwidth would depend on the locale.
 * Characters outside all ranges take one column.
 */
static const struct range ranges[] = {
	{0x0000, 0x001f, -1},      {0x007f, 0x009f, -1},  {0x0300, 0x036f, 0},
	{0x061c, 0x061c, -1}, /* a mark of direction */
	{0x1100, 0x115f, 2},       {0x200b, 0x200d, 0},   {0x200e, 0x200f, -1},
	{0x2028, 0x202e, -1}, /* line ends, overrides of direction */
	{0x2060, 0x2064, 0},       {0x2066, 0x206f, -1},  {0x2e80, 0xa4cf, 2},
	{0xac00, 0xd7a3, 2},       {0xd800, 0xf8ff, -1}, /* surrogates, private use */
	{0xf900, 0xfaff, 2},       {0xfe00, 0xfe0f, 0},   {0xfe30, 0xfe6f, 2},
	{0xfeff, 0xfeff, 0},       {0xff00, 0xff60, 2},   {0xffe0, 0xffe6, 2},
	{0xfff9, 0xffff, -1},      {0x1f300, 0x1faff, 2}, {0x20000, 0x3fffd, 2},
	{0xe0000, 0xffffffff, -1},
};

int utf8__columns(__u32 c)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(*ranges); i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return ranges[i].columns;
	}
	return 1;
}
