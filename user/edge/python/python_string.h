/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A string object of CPython, as UTF-8. It comes from a process, and may hold anything. */
#ifndef PYTHON_STRING_H
#define PYTHON_STRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gil_frames.h"

/*
 * Decodes a string of `length` characters with this state word. `bytes` are the `n` bytes of the
 * object from text_ascii of the layout on. What does not fit, or is not there, is cut. Returns false if
 * this is no string.
 */
bool python_string__get(const struct gil_frame_layout *l, uint32_t state, uint64_t length,
			const unsigned char *bytes, size_t n, char *to, size_t size);

#endif
