/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the GIL of a running CPython from its memory map, its ELF files and its memory. This writes
 * nothing to the process, and does not stop it.
 */
#ifndef PYTHON_H
#define PYTHON_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "core/base/failure.h"
#include "gil_frames.h"
#include "gil_python.h"
#include "edge/python/python_frames.h"
#include "edge/python/python_layout.h"

struct python {
	char version[32]; /* "3.11.2", or "3.9" if the micro version is unknown */
	int major, minor;
	char path[PATH_MAX]; /* the file that contains _PyRuntime, as named in the process's map */
	bool free_threaded_build; /* its GIL can be turned off and on */
	bool free_threaded; /* its GIL is off, except for moments while a module is imported */
	bool is_static;     /* its C library is linked into that file */
	__u64 runtime;      /* address of _PyRuntime in the process */
	__u64 gil;          /* address of the main interpreter's GIL; 0: Python 2, no thread yet */
	__u64 semaphore_at; /* Python 2: address of the pointer to its GIL, a semaphore; else 0 */
	int check_interval; /* Python 2: bytecodes between releases of the GIL */
	__u64 current_at; /* Python 2: address of the pointer to the holder's thread state; else 0 */
	struct gil_drop_request drop_request;
	long switch_interval_us;
	int locked; /* 1, 0 */
	struct python_layout layout;
	struct gil_frame_layout frames; /* known is 0: gilscope cannot read its frames */
	struct python_objects objects;  /* only if frames.known */
};

/* A sub-interpreter with its own GIL. */
struct python_own_gil {
	__u64 address; /* as `gil` above */
	long interpreter;
};

/*
 * Examines process pid. Returns 0 with *py filled, or one of these with f filled:
 *   -ESRCH    no such process
 *   -ENOENT   no CPython in it, though a library may be loaded later
 *   -EAGAIN   a CPython that has not created its GIL yet; version, path and is_static are filled
 *   -ENOTSUP  an unsupported version of CPython, named in f
 *   -EPROTO   what was read does not match what is known about this version
 *   -EPERM    not permitted
 *   or another -errno.
 */
int python__inspect(pid_t pid, struct python *py, struct failure *f);

/* True if it is a free-threaded build whose GIL is off now. */
bool python__is_free_threaded(pid_t pid, const struct python *py);
/* Reads the switch interval of the GIL at this address again, in µs; -1 if it has none or no longer
 * exists. */
long python__switch_interval(pid_t pid, const struct python *py, __u64 gil);
/* Reads the GIL's `locked` word again: 1, 0, or -1 if it cannot be read. */
int python__locked(pid_t pid, const struct python *py);

/* The thread that has the GIL, by the number that it has in its own pid namespace; -1 if the GIL is
 * free, or this cannot be read. */
long python__holder(pid_t pid, const struct python *py);

/* How often the GIL was taken by a thread other than the last holder; -1 if it cannot be read. */
long python__switches(pid_t pid, const struct python *py);

/*
 * Lists the existing sub-interpreters that have their own GIL, at most max. Returns their number,
 * or -errno if the list could not be read to its end, perhaps because it was changing.
 */
int python__own_gils(pid_t pid, const struct python *py, struct python_own_gil *list, size_t max);

#endif
