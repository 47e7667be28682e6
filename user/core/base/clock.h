/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef CLOCK_H
#define CLOCK_H

#include <linux/types.h>
#include <time.h>

/* The current time in ns of CLOCK_MONOTONIC, the clock of all edges. */
static inline __u64 clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

#endif
