/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The characters of a string object, which come from an observed process and may be any bytes. */
#ifndef PYTHON_TEXT_H
#define PYTHON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Writes n characters of `kind` (1, 2 or 4) bytes each, as they are in memory, as UTF-8 to `to`, which
 * has room for `room` bytes, with the final NUL. What is no character, such as half a pair of
 * surrogates or NUL, becomes U+FFFD. Returns false if not all fit; those that do are written.
 */
bool python_text__utf8(const void *characters, size_t n, unsigned int kind, char *to, size_t room);

#endif
