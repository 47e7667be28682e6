/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads objects of an interpreter from the memory of its process. Any pointer there may be wild, and
 * any length absurd. What is no object of the kind that is asked for is refused with -EFAULT; other
 * errors are those of proc_mem__read.
 */
#ifndef PYTHON_MEMORY_H
#define PYTHON_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "edge/python/python.h"

/* In the flags of a type; the same in all versions. */
#define PYTHON_IS_INT   (1UL << 24)
#define PYTHON_IS_BYTES (1UL << 27)
#define PYTHON_IS_TEXT  (1UL << 28)
#define PYTHON_IS_DICT  (1UL << 29)

enum python_cut {
	PYTHON_CUT_END,   /* a text that is too long ends in "..." */
	PYTHON_CUT_START, /* it begins with "..." */
};

int python_memory__word(pid_t pid, uint64_t address, uint64_t *word);
/* The address of the object's type, and the flags of that. */
int python_memory__type(pid_t pid, const struct python *py, uint64_t object, uint64_t *type,
			uint64_t *flags);
/* 0 if the object's type has these flags. */
int python_memory__is(pid_t pid, const struct python *py, uint64_t object, uint64_t flags);
/* A string, as valid UTF-8; at most `room` bytes with the final NUL, which must be 8 or more. */
int python_memory__text(pid_t pid, const struct python *py, uint64_t object, enum python_cut cut,
			char *to, size_t room);
/* A bytes object: its length, and where its content is. */
int python_memory__bytes(pid_t pid, const struct python *py, uint64_t object, uint64_t *content,
			 uint64_t *size);

#endif
