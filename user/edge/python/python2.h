/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Python 2.7's GIL: a semaphore, to which a static variable of the interpreter points once a first
 * thread was started. Where that variable is, and which functions take and release the semaphore.
 * Pure functions over a file that is not trusted.
 */
#ifndef PYTHON2_H
#define PYTHON2_H

#include "edge/elf/elf_file.h"
#include "edge/sites/probe_site.h"

/* The most that there are. */
#define PYTHON2_SITES 4

/* The variable's address, before the load bias. 0; -ENOENT if that is no Python 2.7; -ENOTSUP if it
 * is one, stripped, of which the code is of another shape than is known. */
int python2__find(struct elf_file *e, uint64_t *semaphore_at);
/* Where a thread is about to take a lock, where it has taken one, and where it releases one. How many
 * sites these are, or -errno. */
int python2__sites(struct elf_file *e, struct probe_site site[PYTHON2_SITES]);

#endif
