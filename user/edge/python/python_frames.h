/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where each version of CPython keeps the frames of its threads, the code objects of the frames, and
 * the names of the threads. These are pure functions over bytes that come from a process, and that
 * are not trusted.
 */
#ifndef PYTHON_FRAMES_H
#define PYTHON_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#include "core/python/lines.h"
#include "edge/python/python_layout.h"
#include "gil_frames.h"

/* How an object finds its attributes. */
enum python_attributes {
	PYTHON_DICT_AT,   /* up to 3.10: a pointer to a dictionary, where its type says */
	PYTHON_VALUES_AT, /* 3.11: before the object, a pointer to values, or else to a dictionary */
	PYTHON_VALUES_TAGGED, /* 3.12: one pointer to either, of which bit 0 says to which */
	PYTHON_VALUES_INSIDE, /* from 3.13 on: values in the object, while they are valid */
};

/* Offsets in bytes, in the kinds of objects that lead to the name of a thread. */
struct python_objects {
	uint32_t modules; /* in an interpreter: pointer to sys.modules */
	enum lines_kind lines;
	enum python_attributes attributes;
	uint8_t old_keys; /* up to 3.10: a dictionary's keys begin with words only */
	uint8_t head;     /* the size of an object without content */
	int8_t managed; /* from 3.11 on: where, before an object, the pointer to its dictionary is */
	/* In a type */
	uint16_t type_basic_size, type_flags, type_dict_offset, type_cached_keys;
};

/*
 * Fills what is known of an interpreter of version v whose _PyRuntime is at `runtime` and begins with
 * `head`. Returns 0; -ENOTSUP if it is not known; or -EPROTO if the table in head makes no sense.
 * layout->known is 0 then.
 */
int python_frames__get(const struct python_version *v, uint64_t runtime, const void *head,
		       size_t size, struct gil_frame_layout *layout,
		       struct python_objects *objects);

#endif
