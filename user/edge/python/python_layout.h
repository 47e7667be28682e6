/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is known about each version of CPython: where its GIL is, and what valid contents look like.
 * These are pure functions over bytes that python.c reads from a process and that are not trusted.
 * python_layout.c is the only file that knows about versions of Python 3.
 */
#ifndef PYTHON_LAYOUT_H
#define PYTHON_LAYOUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gil_python.h"

#define PYTHON_OLDEST "3.7"
#define PYTHON_NEWEST "3.15"

/* Bytes at the start of _PyRuntime that give its layout; from 3.13 on it begins with a table of
 * offsets. */
#define PYTHON_LAYOUT_HEAD 1024

struct python_version {
	int major, minor;
	char text[32]; /* "3.13.0rc1"; "3.9" if the rest is unknown */
};

/* Where the word is that asks the GIL's holder to drop the GIL. */
enum python_drop_request {
	PYTHON_DROP_IN_RUNTIME, /* at an offset in _PyRuntime */
	PYTHON_DROP_IN_INTERPRETER,
	PYTHON_DROP_IN_THREAD,
};

/* A free-threaded build's struct _gil_runtime_state begins with `int enabled` and padding. */
#define PYTHON_FREE_THREADED_SHIFT 8

/* Offsets in one interpreter, in bytes. */
struct python_layout {
	/* In _PyRuntime: pointer to the main interpreter. The pointer to the newest one is right
	 * before it. */
	uint64_t main;
	uint64_t id;   /* in an interpreter: its 64-bit number; the main interpreter's is 0 */
	uint64_t next; /* in an interpreter: pointer to the next older one */
	uint64_t gil;  /* in _PyRuntime: the GIL; 0 if an interpreter points to it */
	uint64_t gil_pointer, own_gil; /* in an interpreter: pointer to its GIL; a GIL of its own */
	/* In struct _gil_runtime_state: where the fixed offsets in gil_python.h start to count.
	 * PYTHON_FREE_THREADED_SHIFT in a free-threaded build, else 0. */
	uint64_t gil_shift;
	enum python_drop_request drop_kind;
	uint64_t drop_request, thread_interpreter; /* the latter in a thread state */
};

/* Converts what sys.setswitchinterval() has stored to the µs that the interpreter uses: it stores 0
 * for less than 1 µs, and uses 1 µs. Returns -1 if the value in ns would not fit into 64 bits. */
static inline long python_interval(uint64_t us)
{
	return us > INT64_MAX / 1000 ? -1 : us ? (long)us : 1;
}

/* Bytes at the start of a GIL that are read, including `gil_shift`. */
#define PYTHON_GIL_HEAD 32

struct python_gil {
	long switch_interval_us;
	int locked;
	/* Address of a thread state, which may no longer exist if the GIL is not locked. 0: never
	 * held. */
	uint64_t last_holder;
	bool free_threaded; /* it can be turned off and on */
	bool enabled;       /* it is on for good, not just while a module is imported */
};

/* Value of `enabled` in a free-threaded build's GIL if the GIL is on for good. Other values count
 * the imports under way that need the GIL. */
#define PYTHON_GIL_ENABLED INT_MAX

/* Lists the supported minor versions of Python 3 by index. Returns 0, or -ENOENT past the last one.
 * `own_table` is set if most of the layout comes from the interpreter itself. */
int python_layout__known(size_t index, int *minor, bool *own_table);

/* Decodes the value of Py_Version. Returns 0, or -EPROTO if no CPython has such a version. */
int python_version__from_hex(uint64_t hex, struct python_version *v);

/*
 * Up to 3.10 there is no Py_Version. from_exports finds the minor version from the functions that
 * the interpreter exports. find_micro finds the rest in its read-only data, where the version is a
 * separate string; data may be NULL.
 */
typedef bool (*python_exports)(void *context, const char *function);
void python_version__from_exports(python_exports exports, void *context, struct python_version *v);
void python_version__find_micro(const char *data, size_t size, struct python_version *v);
/* For an interpreter that exports nothing: finds the version from the tag of its cached files
 * ("cpython-311") in its read-only data, and the micro version there. Returns 0 or -ENOENT. */
int python_version__from_tag(const char *data, size_t size, struct python_version *v);

/* Reads the version from the table at the start of _PyRuntime (from 3.13 on). Returns 0, or -ENOENT
 * if there is no table. */
int python_version__from_head(const void *head, size_t size, struct python_version *v);

/*
 * Gets the layout of an interpreter of version v whose _PyRuntime begins with `head`. Returns 0,
 * -ENOTSUP if the version is not supported, or -EPROTO if the table in head does not match it.
 */
int python_layout__get(const struct python_version *v, const void *head, size_t size,
		       struct python_layout *layout);

/* Decodes the start of a GIL. Returns 0, -EAGAIN if the GIL has not been created, or -EPROTO if
 * this is not a GIL. */
int python_layout__read_gil(const struct python_layout *layout, const void *head, size_t size,
			    struct python_gil *gil);

/* Tells the kernel how to recognise the GIL of a new sub-interpreter. `known` is 0 if all use the
 * main interpreter's GIL. */
struct gil_finder python_layout__finder(const struct python_layout *layout);

/* Tells the kernel how to find the drop request, with _PyRuntime at `runtime`. */
struct gil_drop_request python_layout__drop_request(const struct python_layout *layout,
						    uint64_t runtime);

#endif
