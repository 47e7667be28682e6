/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* See cheap_site.h. */
#ifndef CHEAP_SITE_ARM64_H
#define CHEAP_SITE_ARM64_H

#include <stdint.h>

/*
 * Looks through n instructions from the start of a function. Returns the index of the first one
 * that is cheap to probe, and in *argument the register that holds the function's first argument
 * there. Returns 0 with register 0 if there is none. No branch may lead back to before that
 * instruction, so n should cover the whole function.
 */
uint64_t cheap_site__arm64(const uint8_t *code, uint64_t n, unsigned int *argument);

#endif
