/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of threads and processes are bytes of somebody else's choosing. This tells what is in
 * them. */
#ifndef UTF8_H
#define UTF8_H

#include <stddef.h>
#include <linux/types.h>

#define UTF8_INVALID (~0U)

/* The character at s, which must not be at its end, and how many bytes it takes. Bytes that are not
 * UTF-8 (overlong forms, surrogates, cut sequences) are UTF8_INVALID, one at a time. */
__u32 utf8__decode(const char *s, size_t *length);

/* The columns that a character takes on a terminal: 0, 1 or 2; -1 if it must not get there
 * (controls, and what changes the direction of writing). */
int utf8__columns(__u32 c);

#endif
