/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * For history_*.c alone: differences, as they are logged tick by tick.
 *
 * A log is bytes, one entry after the other: an entry_header; for a thread a row_delta and the
 * differences of its two histograms; for a lock a lock_delta and the two of its own; for a pair of
 * threads a pair_delta. The difference of a histogram is a hist_head and so many slots.
 */
#ifndef HISTORY_LOG_H
#define HISTORY_LOG_H

#include "core/figures/snapshot.h"

struct log {
	char *data;
	size_t used;
	size_t size;
	bool failed; /* there was no memory: entries are missing */
};

enum entry_kind {
	ENTRY_ROW,
	ENTRY_LOCK,
	ENTRY_PAIR,
};

struct entry_header {
	__u16 kind;
	__u16 gil;
	__u32 process;
	__u32 row; /* of a thread, or of a pair */
	__u32 pad;
};

/* Time is taken on as it passes: with the part of an open hold or wait up to the tick. */
struct row_delta {
	__u64 acquisitions;
	__u64 contended;
	__u64 releases;
	__u64 requested_releases;
	__u64 hold[GIL_PARTS];
	__u64 wait[GIL_PARTS];
};

struct lock_delta {
	__u64 held;
	__u64 contended;
	__u64 waiting;
	__u64 wait_slices;
	__u64 partial_waits;
	__u64 partial_holds;
	__u64 anomalies;
	__u64 gap; /* not observed */
};

struct pair_delta {
	__u64 count;
	__u64 wait_ns;
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

/* now - before, at least 0: a counter that went back has begun anew. */
__u64 counter_delta(__u64 now, __u64 before);

/* Appends the difference of two histograms of the same thing, which may be the same one. */
void log__put_hist(struct log *l, const struct gil_hist *now, const struct gil_hist *before);
/* Adds the difference at `at` to h, or takes it off; returns its end. The maximum is left. */
const char *hist__apply(struct gil_hist *h, const char *at, bool off);
/* The same without a histogram. */
const char *hist__skip(const char *at);
/* The upper end of the highest slot in use, but at most `limit`. 0 if it is empty. */
__u64 hist__bound(const struct gil_hist *h, __u64 limit);

#endif
