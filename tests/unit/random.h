/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Random numbers that are the same in every run (xorshift64*), so that a failure can be repeated
 * from its seed. */
#ifndef RANDOM_H
#define RANDOM_H

#include <linux/types.h>

static inline __u64 random_next(__u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 2685821657736338717ULL;
}

/* 0..n-1 */
static inline __u64 random_below(__u64 *state, __u64 n)
{
	return (random_next(state) >> 11) % n;
}

/* Small numbers are as likely as large ones: a random number of bits below `bits`. */
static inline __u64 random_size(__u64 *state, unsigned int bits)
{
	return random_next(state) >> (63 - random_below(state, bits));
}

static inline __u64 random_seed(__u64 n)
{
	__u64 state = n * 0x9e3779b97f4a7c15ULL + 0x2545f4914f6cdd1dULL;

	random_next(&state);
	return state;
}

#endif
