/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Dictionaries, and attributes of objects, in the memory of a process. See python_memory.h. */
#ifndef PYTHON_DICT_H
#define PYTHON_DICT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "edge/python/python.h"

/* A dictionary whose head has been read, or the attributes of an object. */
struct python_dict {
	uint64_t entries; /* address of the keys, and of the values where `values` is 0 */
	uint32_t nr;      /* entries, some of which may be empty */
	uint8_t entry;    /* bytes of one */
	uint8_t key;      /* where in an entry the key is; the value follows */
	uint64_t values;  /* address of the values, if they are apart */
	/* To see whether it has changed since */
	uint64_t from, word[4];
};

/* Returns 0, -EFAULT if this is no dictionary, or another -errno. */
int python_dict__read(pid_t pid, const struct python *py, uint64_t object, struct python_dict *d);
/* The attributes of an object, without those of its class. */
int python_dict__attributes(pid_t pid, const struct python *py, uint64_t object,
			    struct python_dict *d);
/* True if the dictionary is still as it was read. */
bool python_dict__is_same(pid_t pid, const struct python_dict *d);
/* The index of an ASCII key, or -ENOENT, or another -errno. */
int python_dict__find(pid_t pid, const struct python *py, const struct python_dict *d,
		      const char *key);
/* The value of the entry with this index; 0 if it is empty. */
int python_dict__value(pid_t pid, const struct python_dict *d, uint32_t index, uint64_t *value);
/* The value of a key, or -ENOENT. */
int python_dict__get(pid_t pid, const struct python *py, const struct python_dict *d,
		     const char *key, uint64_t *value);

#endif
