// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>
#include <linux/types.h>

#include "core/python/python_text.h"

#define REPLACEMENT 0xfffd

static __u32 character(const unsigned char *at, unsigned int kind)
{
	__u32 four;
	__u16 two;

	switch (kind) {
	case 1:
		return at[0];
	case 2:
		memcpy(&two, at, sizeof(two));
		return two;
	default:
		memcpy(&four, at, sizeof(four));
		return four;
	}
}

/* Returns the number of bytes. */
static size_t encode(__u32 c, unsigned char to[4])
{
	if (!c || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
		c = REPLACEMENT;
	if (c < 0x80) {
		to[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		to[0] = (unsigned char)(0xc0 | c >> 6);
		to[1] = (unsigned char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		to[0] = (unsigned char)(0xe0 | c >> 12);
		to[1] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
		to[2] = (unsigned char)(0x80 | (c & 0x3f));
		return 3;
	}
	to[0] = (unsigned char)(0xf0 | c >> 18);
	to[1] = (unsigned char)(0x80 | (c >> 12 & 0x3f));
	to[2] = (unsigned char)(0x80 | (c >> 6 & 0x3f));
	to[3] = (unsigned char)(0x80 | (c & 0x3f));
	return 4;
}

bool python_text__utf8(const void *characters, size_t n, unsigned int kind, char *to, size_t room)
{
	const unsigned char *at = characters;
	unsigned char bytes[4];
	size_t used = 0;

	for (size_t i = 0; i < n; i++, at += kind) {
		size_t size = encode(character(at, kind), bytes);

		if (used + size >= room) {
			to[used] = '\0';
			return false;
		}
		memcpy(to + used, bytes, size);
		used += size;
	}
	to[used] = '\0';
	return true;
}
