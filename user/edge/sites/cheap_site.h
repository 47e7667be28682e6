/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A probe costs some 10 µs a hit on an instruction that the kernel has to single-step, and less
 * than 1 µs on one that it can emulate (on x86 a push, call, jump or nop; on arm64 a branch, a call
 * or adr). So a probe at the start of a function is moved to the first instruction that can be
 * emulated, provided that no instruction before it leaves the path or loses the function's first
 * argument.
 */
#ifndef CHEAP_SITE_H
#define CHEAP_SITE_H

#include "edge/elf/elf_file.h"
#include "edge/sites/probe_site.h"

/* Returns the site at that instruction, for the function at this file offset. If there is none, or
 * an unknown instruction comes before it, returns the function's start. */
struct probe_site cheap_site(struct elf_file *e, uint64_t offset, enum gil_site_kind kind);

#endif
