/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keyed sums: how often something happened at a GIL, and how long it took, for each key. The kind
 * says what is summed and what a key is. Table, trace, replay, snapshot and history do not look
 * into keys, so a new kind needs only what counts it, what shows it, and a type of record
 * (trace_figures.c). If its key names a thread, replay_snapshot.c must know for --thread.
 */
#ifndef GIL_SUM_H
#define GIL_SUM_H

#ifdef __BPF__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

enum gil_sum_kind {
	/* Handoffs. Key: from which thread to which (gil_pair). Time: how long the second one had
	 * waited. */
	GIL_SUM_HANDOFFS = 0,
	GIL_SUM_KINDS,
};

/* Key and value of the kernel's table. */
struct gil_sum_key {
	__u32 lock; /* index of the GIL's record */
	__u32 kind; /* enum gil_sum_kind */
	__u64 key;
};

struct gil_sum_value {
	__u64 count;
	__u64 ns;
};

/* A sum of a GIL. */
struct gil_sum {
	__u64 key;
	__u32 kind; /* enum gil_sum_kind */
	__u32 pad;
	__u64 count;
	__u64 ns;
};

/* The key of a pair of threads, and its parts. Keys are in the order of `from`, then of `to`. */
static inline __u64 gil_pair(__u32 from, __u32 to)
{
	return (__u64)from << 32 | to;
}

static inline __u32 gil_pair_from(__u64 key)
{
	return (__u32)(key >> 32);
}

static inline __u32 gil_pair_to(__u64 key)
{
	return (__u32)key;
}

#endif
