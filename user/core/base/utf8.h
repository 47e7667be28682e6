/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Decodes UTF-8. Other programs choose the names of threads and processes, so any bytes may
 * occur. */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>
#include <linux/types.h>

#define UTF8_INVALID (~0U)

/* Decodes the character at s, which must not be the string's end, and sets *length to its bytes.
 * Bytes that are not UTF-8 (overlong forms, surrogates, cut sequences) are UTF8_INVALID, one at a
 * time. */
__u32 utf8__decode(const char *s, size_t *length);

/* The number of columns that a character takes on a terminal: 0, 1 or 2; -1 if it must not be
 * printed (controls, and characters that change the direction of writing). */
int utf8__columns(__u32 c);

#endif
