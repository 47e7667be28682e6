/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The names that a program has given its threads: threading.Thread.name. They are read from the
 * module's dictionary of active threads, in the memory of the process, which is hostile.
 */
#ifndef PYTHON_THREADS_H
#define PYTHON_THREADS_H

#include <stddef.h>
#include <sys/types.h>

#include "edge/python/python.h"

#define PYTHON_THREAD_NAME 64 /* a longer name is cut, with "..." at its end */

struct python_thread_name {
	pid_t tid;                     /* as gettid() says in the process's pid namespace */
	char name[PYTHON_THREAD_NAME]; /* valid UTF-8 */
};

/*
 * Lists the names of the process's threads, at most max, in any order. Returns their number, 0 if the
 * program does not use the module; -ENOTSUP if the objects of this version are not known; -EAGAIN if
 * the dictionary was changing; -E2BIG if it takes more work than any real program; -ESRCH if the process
 * has ended; or another -errno.
 */
int python_threads__names(pid_t pid, const struct python *py, struct python_thread_name *list,
			  size_t max);

#endif
