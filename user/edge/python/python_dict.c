// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A dictionary has a table of indexes, and after it the entries in the order in which they were made.
 * Here the entries are looked at one after the other, because the place of a key in the table of
 * indexes depends on a secret of the process.
 *
 * Objects of one class share the keys of their attributes. Each has only the values then.
 */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "edge/proc/proc_maps.h"
#include "edge/python/python_dict.h"
#include "edge/python/python_memory.h"

#define MAX_ENTRIES 65536
#define CHUNK       64 /* entries, and keys, that one system call reads */
#define MAX_KEY     16 /* bytes of a key that is looked for */
#define MAX_TEXT    72 /* bytes before the characters of a string */

/* In the flags of a type */
#define INLINE_VALUES (1UL << 2)
#define MANAGED_DICT  (1UL << 4)

/* ---- the heads ---- */

/* Up to 3.10: a count of references, the size of the table of indexes, a function, how many more
 * entries fit, and how many there are. */
static int read_old_keys(pid_t pid, uint64_t keys, struct python_dict *d)
{
	uint64_t word[5], width;
	int err = proc_mem__read(pid, keys, word, sizeof(word));

	if (err)
		return err;
	if (word[1] > 4 * MAX_ENTRIES || word[4] > MAX_ENTRIES)
		return -EFAULT;
	width = word[1] <= 0xff ? 1 : word[1] <= 0xffff ? 2 : 4;
	d->entries = keys + sizeof(word) + word[1] * width;
	d->nr = (uint32_t)word[4];
	d->entry = 24;
	d->key = 8;
	return 0;
}

/* From 3.11 on: a count of references, some bytes, how many more entries fit, and how many there are. */
static int read_new_keys(pid_t pid, uint64_t keys, struct python_dict *d)
{
	unsigned char head[32];
	uint64_t nr;
	int err = proc_mem__read(pid, keys, head, sizeof(head));

	if (err)
		return err;
	memcpy(&nr, head + 24, sizeof(nr));
	if (head[9] > 20 || head[10] > 2 || nr > MAX_ENTRIES)
		return -EFAULT;
	d->entries = keys + sizeof(head) + (1ULL << head[9]);
	d->nr = (uint32_t)nr;
	/* If all keys are strings, an entry has no hash. */
	d->entry = head[10] ? 16 : 24;
	d->key = head[10] ? 0 : 8;
	return 0;
}

static int read_keys(pid_t pid, const struct python *py, uint64_t keys, struct python_dict *d)
{
	if (!keys || keys & 7)
		return -EFAULT;
	return (py->objects.old_keys ? read_old_keys : read_new_keys)(pid, keys, d);
}

/* From 3.13 on, values begin with their number and the like. */
static uint64_t values_in(const struct python *py, uint64_t values)
{
	return py->objects.attributes == PYTHON_VALUES_INSIDE ? values + 8 : values;
}

int python_dict__read(pid_t pid, const struct python *py, uint64_t object, struct python_dict *d)
{
	int err = python_memory__is(pid, py, object, PYTHON_IS_DICT);

	/* The number of entries in use, one word, the keys, the values. */
	memset(d, 0, sizeof(*d));
	d->from = object + py->objects.head;
	err = err ?: proc_mem__read(pid, d->from, d->word, sizeof(d->word));
	if (err)
		return err;
	d->values = d->word[3] ? values_in(py, d->word[3]) : 0;
	return read_keys(pid, py, d->word[2], d);
}

bool python_dict__is_same(pid_t pid, const struct python_dict *d)
{
	uint64_t word[4];

	return !proc_mem__read(pid, d->from, word, sizeof(word)) &&
	       !memcmp(word, d->word, sizeof(word));
}

/* ---- attributes ---- */

static int read_dict_at(pid_t pid, const struct python *py, uint64_t place, struct python_dict *d)
{
	uint64_t dict;
	int err = python_memory__word(pid, place, &dict);

	return err ?: dict ? python_dict__read(pid, py, dict, d) : -ENOENT;
}

static int read_values(pid_t pid, const struct python *py, uint64_t type, uint64_t values,
		       struct python_dict *d)
{
	uint64_t keys;
	int err = python_memory__word(pid, type + py->objects.type_cached_keys, &keys);

	memset(d, 0, sizeof(*d));
	d->values = values;
	return err ?: read_keys(pid, py, keys, d);
}

static int read_inside(pid_t pid, const struct python *py, uint64_t object, uint64_t type,
		       uint64_t flags, struct python_dict *d)
{
	unsigned char head[4];
	uint64_t dict, size;
	int err = python_memory__word(pid, object + (uint64_t)(int64_t)py->objects.managed, &dict);

	if (err || dict || !(flags & INLINE_VALUES))
		return err ?: dict ? python_dict__read(pid, py, dict, d) : -ENOENT;
	err = python_memory__word(pid, type + py->objects.type_basic_size, &size);
	if (!err && (size > 4096 || size & 7))
		err = -EFAULT;
	err = err ?: proc_mem__read(pid, object + size, head, sizeof(head));
	/* The last of these bytes says whether they are valid. */
	return err ?: head[3] ? read_values(pid, py, type, object + size + 8, d) : -ENOENT;
}

static int read_managed(pid_t pid, const struct python *py, uint64_t object, uint64_t type,
			uint64_t flags, struct python_dict *d)
{
	uint64_t place = object + (uint64_t)(int64_t)py->objects.managed, values;
	int err;

	if (py->objects.attributes == PYTHON_VALUES_INSIDE)
		return read_inside(pid, py, object, type, flags, d);
	if (py->objects.attributes == PYTHON_VALUES_TAGGED) {
		err = python_memory__word(pid, place, &values);
		if (err || !(values & 1))
			return err ?: read_dict_at(pid, py, place, d);
		return read_values(pid, py, type, values + 1, d);
	}
	err = python_memory__word(pid, place - 8, &values);
	if (err || !values)
		return err ?: read_dict_at(pid, py, place, d);
	return read_values(pid, py, type, values, d);
}

int python_dict__attributes(pid_t pid, const struct python *py, uint64_t object,
			    struct python_dict *d)
{
	uint64_t type, flags, offset;
	int err = python_memory__type(pid, py, object, &type, &flags);

	if (err)
		return err;
	if (py->objects.attributes != PYTHON_DICT_AT && flags & MANAGED_DICT)
		return read_managed(pid, py, object, type, flags, d);
	err = python_memory__word(pid, type + py->objects.type_dict_offset, &offset);
	if (!err && (!offset || offset > 4096 || offset & 7))
		err = -EFAULT;
	return err ?: read_dict_at(pid, py, object + offset, d);
}

/* ---- the entries ---- */

/* Reads `size` bytes at each address to its place in `to`. What cannot be read becomes zeroes. */
static int read_each(pid_t pid, const uint64_t *address, int n, unsigned char *to, size_t size)
{
	struct iovec its[CHUNK];
	int i = 0;

	memset(to, 0, (size_t)n * size);
	while (i < n) {
		struct iovec own = {to + (size_t)i * size, (size_t)(n - i) * size};
		ssize_t got;

		for (int k = i; k < n; k++)
			its[k - i] = (struct iovec){(void *)(uintptr_t)address[k], size};
		got = process_vm_readv(pid ? pid : getpid(), &own, 1, its, (unsigned long)(n - i),
				       0);
		if (got < 0 && errno != EFAULT && errno != EINVAL)
			return -errno;
		/* The first one that failed may have been read in part. */
		i += got > 0 ? (int)((size_t)got / size) : 0;
		if (i < n)
			memset(to + (size_t)i++ * size, 0, size);
	}
	return 0;
}

/* True if these first bytes of an object are those of a compact ASCII string that is the key. */
static bool is_key(const struct gil_frame_layout *l, const unsigned char *text, const char *key)
{
	uint64_t length;
	uint32_t state;

	memcpy(&length, text + l->text_length, sizeof(length));
	memcpy(&state, text + l->text_state, sizeof(state));
	return length == strlen(key) && (state >> 2 & 0x1f) == 0x19 &&
	       !memcmp(text + l->text_ascii, key, length);
}

/* Finds the key among n entries. Returns its index, n, or -errno. */
static int find_in(pid_t pid, const struct python *py, const struct python_dict *d, int n,
		   const unsigned char *entries, const char *key)
{
	unsigned char texts[CHUNK * (MAX_TEXT + MAX_KEY)];
	size_t size = py->frames.text_ascii + strlen(key);
	uint64_t at[CHUNK];
	int err;

	for (int i = 0; i < n; i++)
		memcpy(&at[i], entries + i * d->entry + d->key, sizeof(at[i]));
	err = size > MAX_TEXT + MAX_KEY ? -EINVAL : read_each(pid, at, n, texts, size);
	if (err)
		return err;
	for (int i = 0; i < n; i++)
		if (is_key(&py->frames, texts + (size_t)i * size, key))
			return i;
	return n;
}

int python_dict__find(pid_t pid, const struct python *py, const struct python_dict *d,
		      const char *key)
{
	unsigned char entries[CHUNK * 24];

	for (uint32_t i = 0; i < d->nr; i += CHUNK) {
		int n = d->nr - i < CHUNK ? (int)(d->nr - i) : CHUNK;
		int err = proc_mem__read(pid, d->entries + (uint64_t)i * d->entry, entries,
					 (size_t)n * d->entry);
		int found = err ?: find_in(pid, py, d, n, entries, key);

		if (found < 0)
			return found;
		if (found < n)
			return (int)i + found;
	}
	return -ENOENT;
}

int python_dict__value(pid_t pid, const struct python_dict *d, uint32_t index, uint64_t *value)
{
	uint64_t at = d->values ? d->values + 8ULL * index
				: d->entries + (uint64_t)index * d->entry + d->key + 8;

	return python_memory__word(pid, at, value);
}

int python_dict__get(pid_t pid, const struct python *py, const struct python_dict *d,
		     const char *key, uint64_t *value)
{
	int index = python_dict__find(pid, py, d, key);

	if (index < 0)
		return index;
	return python_dict__value(pid, d, (uint32_t)index, value) ?: *value ? 0 : -ENOENT;
}
