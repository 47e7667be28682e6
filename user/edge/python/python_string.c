// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/python/python_text.h"
#include "edge/python/python_string.h"

/* In what follows `interned` in the state word: the width of a character, in bytes, in 3 bits, and two
 * flags. What follows these can be anything. */
#define COMPACT 8U
#define ASCII   16U

/*
 * The state word begins with `interned`, which is at most 3. It has 2 bits; in the free-threaded builds
 * of the first releases of 3.14 it has 8, and in later ones of any build 16. A string that belongs to a
 * code object is always compact, and where that flag is tells which form it is.
 */
static unsigned int bits_of_state(uint32_t state)
{
	if (state >> 2 & COMPACT)
		return state >> 2;
	return state >> 8 & COMPACT ? state >> 8 : state >> 16;
}

bool python_string__get(const struct gil_frame_layout *l, uint32_t state, uint64_t length,
			const unsigned char *bytes, size_t n, char *to, size_t size)
{
	unsigned int bits = bits_of_state(state), width = bits & 7;
	bool compact = bits & COMPACT, ascii = bits & ASCII;
	size_t from = ascii ? 0 : (size_t)(l->text_other - l->text_ascii);

	*to = '\0';
	if (!compact || (width != 1 && width != 2 && width != 4) || (ascii && width != 1) ||
	    from > n || l->text_other < l->text_ascii)
		return false;
	if (length > (n - from) / width)
		length = (n - from) / width;
	python_text__utf8(bytes + from, length, width, to, size);
	return true;
}
