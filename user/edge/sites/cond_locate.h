/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds functions of a C library that is linked into an interpreter, by the code that calls
 * them. */
#ifndef COND_LOCATE_H
#define COND_LOCATE_H

#include "edge/elf/elf_file.h"

/*
 * Finds the addresses, without the load bias, of the pthread_cond_signal and pthread_cond_timedwait
 * that the GIL's functions call. Nothing in the file is trusted. Returns 0; -ENOENT if the code
 * does not show them, or is ambiguous; -ENOTSUP for an unknown architecture; or -EBADMSG.
 */
int cond_locate(struct elf_file *e, uint64_t *signal, uint64_t *timedwait);

#endif
