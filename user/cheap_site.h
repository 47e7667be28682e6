/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A probe on an instruction that the kernel cannot emulate is single-stepped: some 10 µs a hit, and
 * below 1 µs on one that it can (on x86 a push, a call, a jump, a nop). So a probe at the start of a
 * function goes to the first of those, if nothing before it changes the function's first argument
 * or leaves the path.
 */
#ifndef CHEAP_SITE_H
#define CHEAP_SITE_H

#include "elf_file.h"

/* The offset in the file of that instruction, for the function at this offset; the same one if
 * there is none, or what is before it is not known. */
uint64_t cheap_site(struct elf_file *e, uint64_t offset);

#endif
