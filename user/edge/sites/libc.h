/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds the C library that a process has mapped, and in it the two functions that a GIL calls. */
#ifndef LIBC_H
#define LIBC_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/failure.h"
#include "edge/sites/probe_site.h"

#define LIBC_SITES 2

struct libc {
	int fd;              /* the file in which the functions were found */
	char path[PATH_MAX]; /* as named in the process's map; for messages */
	uint16_t machine;    /* EM_X86_64 or EM_AARCH64 */
	dev_t dev;
	ino_t ino;
	/* pthread_cond_signal, pthread_cond_timedwait: the default version of each */
	struct probe_site site[LIBC_SITES];
};

/*
 * Finds the library in the map of process pid that defines both functions: libc.so.6 from glibc
 * 2.34 on, libpthread.so.0 before that. For pid 0, which is this process, it can also be the
 * program itself. Returns 0, and the caller closes
 * libc->fd; or with f filled -ESRCH, -EPERM, -ENOENT (statically linked, or not mapped yet), -ENOTSUP (musl on a machine where its
 * types differ from the known ones) or another -errno.
 */
int libc__find(pid_t pid, struct libc *libc, struct failure *f);

/* True if the library at this path is musl, and not glibc. */
bool libc__is_musl(const char *path);

/* True if a GIL has the layout in gil_python.h, with the library at this path and this ELF
 * machine. */
bool libc__has_known_layout(const char *path, uint16_t machine);

#endif
