/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* See cheap_site.h. */
#ifndef CHEAP_SITE_ARM64_H
#define CHEAP_SITE_ARM64_H

#include <stdint.h>

/*
 * In n instructions from the start of a function on: the index of the one that is cheap to probe,
 * and the register that then has the function's first argument. 0 and register 0 if there is none.
 * Nothing may branch back to what comes before it, so n should cover the function.
 */
uint64_t cheap_site__arm64(const uint8_t *code, uint64_t n, unsigned int *argument);

#endif
