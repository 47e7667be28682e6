/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The C libraries that targets have mapped, each opened once for all who share it. */
#ifndef LIBC_FILE_H
#define LIBC_FILE_H

#include "libc.h"

/* A library, held open: the path in `libc` stays good when the process that had it mapped is
 * gone. */
struct libc_file {
	struct libc libc;
	int fd;
	struct libc_file *next;
};

/* The library of process pid (0: this one), from the list or added to it. NULL with errno set and f
 * filled. */
struct libc_file *libc_file__of(struct libc_file **list, pid_t pid, struct failure *f);
/* Closes and frees all. */
void libc_file__free_all(struct libc_file *list);

#endif
