/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is known of each CPython version: where its GIL is and what its words must look like. Pure
 * functions over bytes that were read from a process and are not trusted; python.c does the
 * reading. The only file that knows an interpreter version.
 */
#ifndef PYTHON_LAYOUT_H
#define PYTHON_LAYOUT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gil_maps.h"

#define PYTHON_OLDEST "3.7"
#define PYTHON_NEWEST "3.15"

/* So much of _PyRuntime tells its layout: from 3.13 on it begins with a table of offsets. */
#define PYTHON_LAYOUT_HEAD 1024

struct python_version {
	int major, minor;
	char text[32]; /* "3.13.0rc1"; "3.9" where the rest cannot be told */
};

/* Where the word is that asks the holder of the GIL to drop it. */
enum python_drop_request {
	PYTHON_DROP_IN_RUNTIME, /* at an offset in _PyRuntime */
	PYTHON_DROP_IN_INTERPRETER,
	PYTHON_DROP_IN_THREAD,
};

/* A free-threaded build's struct _gil_runtime_state begins with `int enabled` and padding. */
#define PYTHON_FREE_THREADED_SHIFT 8

/* Offsets of one interpreter. */
struct python_layout {
	/* In _PyRuntime: pointer to the main interpreter; that to the newest one is just before. */
	uint64_t main;
	uint64_t id;   /* in an interpreter: its 64-bit number; the main interpreter's is 0 */
	uint64_t next; /* in an interpreter: pointer to the next older one */
	uint64_t gil;  /* in _PyRuntime: the GIL; 0 if an interpreter points to it */
	uint64_t gil_pointer, own_gil; /* in an interpreter: pointer to its GIL; a GIL of its own */
	/* What the fixed offsets in gil_maps.h count from, in struct _gil_runtime_state:
	 * PYTHON_FREE_THREADED_SHIFT in a free-threaded build, else 0. */
	uint64_t gil_shift;
	enum python_drop_request drop_kind;
	uint64_t drop_request, thread_interpreter; /* the latter in a thread state */
};

/* What sys.setswitchinterval() has put there, as the interpreter takes it: 0, from less than a µs, is
 * 1 µs. -1: its nanoseconds cannot be told in 64 bits. */
static inline long python_interval(uint64_t us)
{
	return us > INT64_MAX / 1000 ? -1 : us ? (long)us : 1;
}

/* The words of a GIL that are looked at: its first bytes, `gil_shift` included. */
#define PYTHON_GIL_HEAD 32

struct python_gil {
	long switch_interval_us;
	int locked;
	/* A thread state; while it is not locked that may be one that is no more. 0: never held. */
	uint64_t last_holder;
	bool free_threaded; /* it can be turned off and on */
	bool enabled;       /* it is on, and not only while a module is imported */
};

/* What `enabled` in a free-threaded build's GIL is when it is on for good; else it counts the
 * imports under way that need it. */
#define PYTHON_GIL_ENABLED INT_MAX

/* The minor versions of Python 3 that are known, one at a time: 0, or -ENOENT past the last one.
 * `own_table`: most of the layout comes from the interpreter itself. */
int python_layout__known(size_t index, int *minor, bool *own_table);

/* From the value of Py_Version: 0 or -EPROTO if no CPython calls itself so. */
int python_version__from_hex(uint64_t hex, struct python_version *v);

/*
 * Up to 3.10, which has no Py_Version: from the functions that the interpreter exports and from its
 * read-only data, in which the version is a string of its own; data may be NULL.
 */
typedef bool (*python_exports)(void *context, const char *function);
void python_version__from_exports(python_exports exports, void *context, struct python_version *v);
void python_version__find_micro(const char *data, size_t size, struct python_version *v);
/* Of an interpreter that exports nothing: from the tag of its cached files ("cpython-311"), which is
 * in its read-only data, and the micro version there. 0 or -ENOENT. */
int python_version__from_tag(const char *data, size_t size, struct python_version *v);

/* From the table at the start of _PyRuntime, where there is one (3.13 on): 0 or -ENOENT. */
int python_version__from_head(const void *head, size_t size, struct python_version *v);

/*
 * The layout of an interpreter of version v of which _PyRuntime begins with `head`. 0, -ENOTSUP if
 * the version is not known, -EPROTO if the table in head is not what that version has.
 */
int python_layout__get(const struct python_version *v, const void *head, size_t size,
		       struct python_layout *layout);

/* 0, -EAGAIN if the GIL has not been created, -EPROTO if that is not a GIL. */
int python_layout__read_gil(const struct python_layout *layout, const void *head, size_t size,
			    struct python_gil *gil);

/* How the kernel is to tell the GIL of a new sub-interpreter; `known` is 0 where each uses the main
 * one's. */
struct gil_finder python_layout__finder(const struct python_layout *layout);

/* How the kernel is to find the drop request, with _PyRuntime at `runtime`. */
struct gil_drop_request python_layout__drop_request(const struct python_layout *layout,
						    uint64_t runtime);

#endif
