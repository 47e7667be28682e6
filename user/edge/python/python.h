/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finding the GIL of a running CPython, from its memory map, its ELF files and its memory. The only
 * file that knows an interpreter version. Nothing is written to the process and it is not stopped.
 */
#ifndef PYTHON_H
#define PYTHON_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/base/failure.h"
#include "gil_maps.h"
#include "edge/python/python_layout.h"

struct python {
	char version[32]; /* "3.11.2", or "3.9" where the micro version cannot be told */
	int major, minor;
	char path[PATH_MAX]; /* the file that holds _PyRuntime, as the process's map names it */
	bool free_threaded_build; /* its GIL can be turned off and on */
	bool free_threaded;       /* it is off, but for moments: while a module is imported */
	bool is_static;           /* its C library is linked into that file */
	__u64 runtime;            /* address of _PyRuntime in the process */
	__u64 gil;          /* address of the main interpreter's GIL; 0: Python 2, no thread yet */
	__u64 semaphore_at; /* Python 2: address of the pointer to its GIL, a semaphore; else 0 */
	int check_interval; /* Python 2: it gives its GIL away every so many bytecodes */
	struct gil_drop_request drop_request;
	long switch_interval_us;
	int locked; /* 1, 0 */
	struct python_layout layout;
};

/* An interpreter that has a GIL of its own. */
struct python_own_gil {
	__u64 address; /* as `gil` above */
	long interpreter;
};

/*
 * Looks into process pid. 0 with *py filled, or with f filled one of
 *   -ESRCH    no such process
 *   -ENOENT   no CPython in it (now: a library may be loaded later)
 *   -EAGAIN   a CPython that has not made its GIL yet; version, path and is_static are known
 *   -ENOTSUP  a CPython of a version that is not known here, named in f
 *   -EPROTO   what was read contradicts what is known of this version
 *   -EPERM    not permitted
 *   or another -errno.
 */
int python__inspect(pid_t pid, struct python *py, struct failure *f);

/* True if it is a free-threaded build, and its GIL is still, or again, turned off. */
bool python__is_free_threaded(pid_t pid, const struct python *py);
/* Reads the switch interval of the GIL at this address again (µs); -1 if it has none, or is no more. */
long python__switch_interval(pid_t pid, const struct python *py, __u64 gil);
/* Reads the GIL's `locked` word again: 1, 0, or -1 if it cannot be read. */
int python__locked(pid_t pid, const struct python *py);

/* How often another thread than the last holder has taken the GIL, or -1 if it cannot be read. */
long python__switches(pid_t pid, const struct python *py);

/*
 * The sub-interpreters with a GIL of their own that there are now, at most max. Their number, or
 * -errno if the list could not be read to its end: it may just have been changing.
 */
int python__own_gils(pid_t pid, const struct python *py, struct python_own_gil *list, size_t max);

#endif
