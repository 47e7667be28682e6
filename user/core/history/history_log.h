/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Used by history_*.c only: differences, logged tick by tick.
 *
 * A log is a sequence of entries, as bytes. Each begins with an entry_header. For a thread, a
 * row_delta and the differences of its two histograms follow; for a lock, a lock_delta and those of
 * its own two; for a keyed sum, a gil_sum_value; for a place in the code, its blame_sums. The difference of a histogram is a hist_head
 * and its slots.
 */
#ifndef HISTORY_LOG_H
#define HISTORY_LOG_H

#include "core/figures/snapshot.h"

struct log {
	char *data;
	size_t used;
	size_t size;
	bool failed; /* memory ran out: entries are missing */
};

enum entry_kind {
	ENTRY_ROW,
	ENTRY_LOCK,
	ENTRY_SUM,
	ENTRY_PLACE,
};

struct entry_header {
	__u16 kind;
	__u16 gil;
	__u32 process;
	__u32 row; /* for a thread, a sum or a place */
	__u32 pad;
};

/* Time is included as it passes: an open hold or wait counts up to the tick. */
struct row_delta {
	__u64 counter[GIL_NR_THREAD_COUNTERS];
	__u64 hold[GIL_PARTS];
	__u64 wait[GIL_PARTS];
};

struct lock_delta {
	__u64 held;
	__u64 contended;
	__u64 waiting;
	__u64 counter[GIL_NR_LOCK_COUNTERS];
	__u64 gap; /* time not observed */
};

struct hist_head {
	__u64 count;
	__u64 sum;
	__u32 slots;
	__u32 pad;
};

struct hist_slot {
	__u32 slot;
	__u32 count;
};

void log__put(struct log *l, const void *what, size_t size);
void log__clear(struct log *l);

/* now - before; if the counter went back, it has started anew, and the difference is `now`. */
__u64 counter_delta(__u64 now, __u64 before);

/* Appends the difference of two states of a histogram; both arguments may be the same object. */
void log__put_hist(struct log *l, const struct gil_hist *now, const struct gil_hist *before);
/* Adds the difference at `at` to h, or subtracts it; returns its end. Leaves the maximum alone. */
const char *hist__apply(struct gil_hist *h, const char *at, bool off);
/* Returns the end of the difference without using it. */
const char *hist__skip(const char *at);
/* The upper end of the highest slot in use, but at most `limit`; 0 if the histogram is empty. */
__u64 hist__bound(const struct gil_hist *h, __u64 limit);

#endif
