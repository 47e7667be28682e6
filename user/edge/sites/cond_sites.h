/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Finds the two functions of the C library that a GIL calls in an interpreter that has its C
 * library linked in. Such an interpreter does not export them.
 */
#ifndef COND_SITES_H
#define COND_SITES_H

#include <sys/types.h>

#include "edge/elf/elf_file.h"
#include "core/base/failure.h"
#include "edge/sites/probe_site.h"

/* pthread_cond_signal, pthread_cond_timedwait */
#define COND_SITES 2

enum cond_sites_from {
	COND_SITES_SYMBOLS,    /* the file's own symbol table */
	COND_SITES_DEBUG_FILE, /* the symbol table of its separate debug file */
	COND_SITES_CODE,       /* the code around the GIL's error messages; must be verified */
};

/*
 * Finds them in e, the file `path` of process pid (0: of this machine). Returns 0 with both sites and *from set, or -ENOENT, -EBADMSG or -ENOTSUP
 * (musl on arm64) with f filled.
 */
int cond_sites__find(struct elf_file *e, pid_t pid, const char *path,
		     struct probe_site site[COND_SITES], enum cond_sites_from *from,
		     struct failure *f);

/* Completes a sentence that ends in "was found". */
const char *cond_sites__how(enum cond_sites_from from);

#endif
