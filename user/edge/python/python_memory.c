// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/python/python_text.h"
#include "edge/proc/proc_maps.h"
#include "edge/python/python_memory.h"

/* The most characters of a text that are read. */
#define MAX_CHARACTERS 1024
#define MAX_LENGTH     (1 << 30)

/* In the word of a string's state, in all builds that python_frames.c knows. */
#define STATE_KIND(s)    ((s) >> 2 & 7)
#define STATE_COMPACT(s) ((s) >> 5 & 1)
#define STATE_ASCII(s)   ((s) >> 6 & 1)

int python_memory__word(pid_t pid, uint64_t address, uint64_t *word)
{
	return proc_mem__read(pid, address, word, sizeof(*word));
}

int python_memory__type(pid_t pid, const struct python *py, uint64_t object, uint64_t *type,
			uint64_t *flags)
{
	int err;

	if (!object || object & 7)
		return -EFAULT;
	err = python_memory__word(pid, object + py->objects.head - 8, type);
	return err ?: python_memory__word(pid, *type + py->objects.type_flags, flags);
}

int python_memory__is(pid_t pid, const struct python *py, uint64_t object, uint64_t flags)
{
	uint64_t type, has;
	int err = python_memory__type(pid, py, object, &type, &has);

	return err ?: has & flags ? 0 : -EFAULT;
}

/* Where a string's characters are, how many there are, and of how many bytes each. */
struct text {
	uint64_t at, length;
	unsigned int kind;
};

static int find_text(pid_t pid, const struct python *py, uint64_t object, struct text *t)
{
	const struct gil_frame_layout *l = &py->frames;
	uint32_t state;
	int err = python_memory__is(pid, py, object, PYTHON_IS_TEXT);

	err = err ?: python_memory__word(pid, object + l->text_length, &t->length);
	err = err ?: proc_mem__read(pid, object + l->text_state, &state, sizeof(state));
	if (err)
		return err;
	t->kind = STATE_KIND(state);
	t->at = object + (STATE_ASCII(state) ? l->text_ascii : l->text_other);
	/* A string of a class of the program's own has its characters somewhere else. */
	if (!STATE_COMPACT(state))
		err = python_memory__word(pid, object + l->text_other, &t->at);
	if (t->length > MAX_LENGTH || (t->kind != 1 && t->kind != 2 && t->kind != 4))
		return -EFAULT;
	return err;
}

int python_memory__text(pid_t pid, const struct python *py, uint64_t object, enum python_cut cut,
			char *to, size_t room)
{
	unsigned char characters[4 * MAX_CHARACTERS];
	struct text t;
	size_t n, dots;
	int err = find_text(pid, py, object, &t);

	to[0] = '\0';
	if (err)
		return err;
	n = t.length < MAX_CHARACTERS ? t.length : MAX_CHARACTERS;
	if (n >= room && cut == PYTHON_CUT_START)
		n = room - 1;
	dots = n < t.length ? 3 : 0;
	if (dots && cut == PYTHON_CUT_START)
		t.at += (t.length - n) * t.kind;
	err = proc_mem__read(pid, t.at, characters, n * t.kind);
	if (err)
		return err;
	if (cut == PYTHON_CUT_END) {
		if (!python_text__utf8(characters, n, t.kind, to, room - 3) || dots)
			strcat(to, "...");
		return 0;
	}
	/* The start is left out until the rest fits. */
	for (size_t skip = dots;; skip++) {
		dots = skip ? 3 : 0;
		memcpy(to, "...", dots);
		if (skip >= n || python_text__utf8(characters + skip * t.kind, n - skip, t.kind,
						   to + dots, room - dots))
			return 0;
	}
}

int python_memory__bytes(pid_t pid, const struct python *py, uint64_t object, uint64_t *content,
			 uint64_t *size)
{
	int err = python_memory__is(pid, py, object, PYTHON_IS_BYTES);

	/* After the head come the length and the hash. */
	*content = object + py->objects.head + 16;
	err = err ?: python_memory__word(pid, object + py->objects.head, size);
	return err ?: *size > MAX_LENGTH ? -EFAULT : 0;
}
