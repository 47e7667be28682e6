/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A log-linear histogram with 16 slots in each octave. A value is known to within 1/16 of itself
 * (3.13 % from the middle of its slot); count, sum and maximum are exact. Compiled for BPF and for
 * the host.
 *
 * Values 0..15 have a slot each. Above them, every octave [2^e, 2^(e+1)) is cut into 16 equal
 * slots. The last slot ends at 2^36 (68.7 s if the unit is a nanosecond) and also takes everything
 * larger; the maximum stays exact.
 */
#ifndef GIL_HIST_H
#define GIL_HIST_H

#ifdef __BPF__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif
#include "gil_verifier.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* Moves code that hardly ever runs out of the path of what runs at every edge. BPF programs run on
 * cold caches, so each cache line of code counts. */
#define gil_rarely(condition) __builtin_expect(!!(condition), 0)

#define GIL_HIST_SUB_BITS 4
#define GIL_HIST_SUB      (1U << GIL_HIST_SUB_BITS)
#define GIL_HIST_TOP_BIT  35 /* highest bit of a value that still has a slot of its own */
#define GIL_HIST_SLOTS    ((GIL_HIST_TOP_BIT - GIL_HIST_SUB_BITS + 2) * GIL_HIST_SUB) /* 528 */

struct gil_hist {
	__u64 count;
	__u64 sum;
	__u64 max;
	__u64 slot[GIL_HIST_SLOTS];
};

/* The highest bit set in a byte: 0 for 0 and 1, 1 for 2 and 3, ... 7 from 128 on. */
#define GIL_ROW(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
static const __u8 gil_hist_byte_log2[256] = {
	0,          0,          1,          1,          2,          2,          2,
	2,          3,          3,          3,          3,          3,          3,
	3,          3,          GIL_ROW(4), GIL_ROW(5), GIL_ROW(5), GIL_ROW(6), GIL_ROW(6),
	GIL_ROW(6), GIL_ROW(6), GIL_ROW(7), GIL_ROW(7), GIL_ROW(7), GIL_ROW(7), GIL_ROW(7),
	GIL_ROW(7), GIL_ROW(7), GIL_ROW(7),
};
#undef GIL_ROW

/*
 * Index of the highest bit set in v, which must not be 0. BPF has no count-leading-zeros. The byte
 * that has the bit hardly changes from one value to the next, so branches on it are predicted well.
 * The bit within the byte changes often, so it comes from a table.
 */
static __always_inline __u32 gil_hist_log2(__u64 v)
{
	__u32 e = 0;

	if (gil_rarely(v >> 32)) {
		v >>= 32;
		e += 32;
	}
	if (v >> 16) {
		v >>= 16;
		e += 16;
	}
	if (v >> 8) {
		v >>= 8;
		e += 8;
	}
	return e + gil_hist_byte_log2[v & 0xff];
}

/* The slot of a value, always below GIL_HIST_SLOTS. */
static __always_inline __u32 gil_hist_slot(__u64 v)
{
	__u32 e, i;

	if (gil_rarely(v < GIL_HIST_SUB))
		return (__u32)v;
	e = gil_hist_log2(v);
	i = (e - GIL_HIST_SUB_BITS + 1) * GIL_HIST_SUB +
	    (__u32)((v >> (e - GIL_HIST_SUB_BITS)) & (GIL_HIST_SUB - 1));
	return i < GIL_HIST_SLOTS ? i : GIL_HIST_SLOTS - 1;
}

/* The smallest value of a slot. gil_hist_lo(i + 1) is its exclusive end, even for the last slot. */
static __always_inline __u64 gil_hist_lo(__u32 i)
{
	__u32 octave = i / GIL_HIST_SUB;

	if (octave == 0)
		return i;
	return (__u64)(GIL_HIST_SUB + i % GIL_HIST_SUB) << (octave - 1);
}

static __always_inline void gil_hist_add(struct gil_hist *h, __u64 v)
{
	__u64 i = gil_hist_slot(v);

	h->count++;
	h->sum += v;
	if (v > h->max)
		h->max = v;
	GIL_VERIFIER_BELOW(i, GIL_HIST_SLOTS); /* always true, but the verifier cannot know */
	h->slot[i]++;
}

#endif
