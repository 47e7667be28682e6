/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Python 2.7's GIL is a semaphore. A static variable of the interpreter points to it once the first
 * thread has been started. This finds the variable, and the functions that take and release the
 * semaphore. These are pure functions over a file that is not trusted.
 */
#ifndef PYTHON2_H
#define PYTHON2_H

#include "edge/elf/elf_file.h"
#include "edge/sites/probe_site.h"

/* The largest number of sites. */
#define PYTHON2_SITES 4

/* Finds the variable's address, without the load bias. Returns 0; -ENOENT if the file is not a
 * Python 2.7; or -ENOTSUP if it calls none of the functions to be probed, or is a stripped one whose
 * code has an unknown shape. */
int python2__find(struct elf_file *e, uint64_t *semaphore_at);
/* Finds the sites where a thread is about to take a lock, has taken one, and releases one. Returns
 * their number or -errno. */
int python2__sites(struct elf_file *e, struct probe_site site[PYTHON2_SITES]);

#endif
