/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A probe on an instruction that the kernel cannot emulate is single-stepped: some 10 µs a hit, and
 * below 1 µs on one that it can (on x86 a push, a call, a jump, a nop; on arm64 a branch, a call,
 * adr). So a probe at the start of a function goes to the first of those, if nothing before it
 * leaves the path or loses the function's first argument.
 */
#ifndef CHEAP_SITE_H
#define CHEAP_SITE_H

#include "edge/elf/elf_file.h"
#include "edge/sites/probe_site.h"

/* The site at that instruction, for the function at this offset in the file; at the function's
 * start if there is none, or what is before it is not known. */
struct probe_site cheap_site(struct elf_file *e, uint64_t offset, enum gil_site_kind kind);

#endif
