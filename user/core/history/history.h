/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What has happened so far, for something that looks again and again: the snapshot since the start,
 * the snapshot of the last seconds, and how much the GILs were contended over the last minutes.
 *
 * It is fed in ticks. Only what has changed since the last tick needs to be fed, and it is kept as
 * the difference to the tick before: a handful of slots of a thread's histograms, not all 9 KiB of
 * them. The window of the last seconds is moved on by adding the newest differences and taking off
 * the oldest ones, so a tick costs what has changed and no more.
 *
 * The two spans are snapshots like any other, and can be rendered, judged and asked for metrics. In
 * a span that does not begin with the observation, four things are special:
 *  - start_ns of a process, and `start` of a GIL, are where the span begins.
 *  - Sums and parts of holds and waits are the time within the span. Counts and histograms are of
 *    those that ended in it, with their whole length.
 *  - The maximum of a histogram is not known exactly: it is the upper end of the highest slot, at
 *    most 1/16 too large. history__exact_max tells whether it is exact.
 *  - Rows are in no order, and some may be empty: tid 0 and no acquisition.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "core/figures/snapshot.h"

enum history_span {
	HISTORY_ALL,    /* since the start, or the last reset */
	HISTORY_WINDOW, /* the last seconds */
	HISTORY_SPANS,
};

#define HISTORY_POINT_NS   500000000ULL /* one point of the curves below */
#define HISTORY_POINTS     600
#define HISTORY_WINDOW_MAX 30000000000ULL

/* One point: shares of its time, and waiters on average. */
struct history_point {
	float held;
	float contended;
	float waiting;
};

struct history;

/* With a window of so many ns, HISTORY_WINDOW_MAX at most. NULL if there is no memory. */
struct history *history__new(__u64 window_ns);
void history__free(struct history *h);

/* Another length of the window, at once. */
void history__set_window(struct history *h, __u64 window_ns);
/* Everything before the next tick is forgotten, in both spans; the curves stay. */
void history__reset(struct history *h);

/* ---- feeding: begin, then processes with their GILs with their threads, then end ---- */

void history__begin(struct history *h, __u64 now_ns);

/* Each returns an index for the calls below it, or -ENOMEM. What the struct owns is not looked at:
 * lists are fed on their own. A process is known by pid and start_ns, a GIL by address and interpreter. */
int history__process(struct history *h, const struct snapshot_process *p);
int history__gil(struct history *h, int process, const struct snapshot_gil *g);

/* The row of a thread, which is alive in this tick; or of one that has exited (gone). A thread that
 * was alive and is fed no more is gone. tid 0: the sum of other exited threads, the last row to be
 * fed; threads that are fed no more are then in it. */
int history__row(struct history *h, int process, int gil, __u32 tid, bool gone);
/* True if the row's record may have changed: it was fed with another `seq`. */
bool history__row_changed(const struct history *h, int process, int gil, int row, __u32 seq);
/* The record. Needed only if it has changed. 0 or -ENOMEM. */
int history__thread(struct history *h, int process, int gil, int row, const struct gil_thread *t);
/* The name alone, which may change at any time. */
void history__rename(struct history *h, int process, int gil, int row, const char comm[16]);
/* The handoffs from -> to that may have changed. 0 or -ENOMEM. */
int history__edges(struct history *h, int process, int gil, const struct gil_handoff *edges,
		   size_t n);

/* The tick is complete; `s` tells what is not of a process: times, losses, costs. 0 or -ENOMEM. */
int history__end(struct history *h, const struct snapshot *s);

/* A process with all it owns. Returns as above. */
int history__whole_process(struct history *h, const struct snapshot_process *p);

/* A whole tick from a whole snapshot, finished or not. 0 or -ENOMEM. */
int history__add(struct history *h, const struct snapshot *s);

/* ---- reading, between ticks ---- */

/* Owned by the history. Before the first tick it is empty. */
const struct snapshot *history__span(const struct history *h, enum history_span span);
/* A copy for renderers, without empty rows and finished, with all that is not of a process. The
 * caller frees it. NULL: no memory. */
struct snapshot *history__copy(const struct history *h, enum history_span span);
/* What was fed last: since the start, whatever was reset. Its times and lists are not kept. */
const struct snapshot *history__now(const struct history *h);

bool history__exact_max(const struct history *h, enum history_span span);
/* Up to n points of the GIL at these indexes, the newest one last; returns how many there are.
 * *first is the number of the first of them, counted from the start. */
size_t history__points(const struct history *h, size_t process, size_t gil,
		       struct history_point *points, size_t n, __u64 *first);
/* How many ticks have been taken. */
__u64 history__ticks(const struct history *h);

#endif
