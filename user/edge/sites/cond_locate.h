/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finding functions of a C library that is linked into an interpreter, by what calls them. */
#ifndef COND_LOCATE_H
#define COND_LOCATE_H

#include "edge/elf/elf_file.h"

/*
 * The addresses, before the load bias, of the pthread_cond_signal and the pthread_cond_timedwait
 * that the GIL's functions call. Nothing in the file is trusted. 0, -ENOENT if the code does not
 * tell, or tells two different things; -ENOTSUP on an architecture that is not known; -EBADMSG.
 */
int cond_locate(struct elf_file *e, uint64_t *signal, uint64_t *timedwait);

#endif
