/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What has happened so far, for callers that look again and again: a snapshot since the start, a
 * snapshot of the last seconds, and the contention of the GILs over the last minutes.
 *
 * The history is fed in ticks. Only what has changed since the last tick needs to be fed. It is
 * kept as the difference from the tick before: a handful of slots of a thread's histograms, not all
 * 9 KiB of them. The window of the last seconds advances by adding the newest differences and
 * subtracting the oldest ones, so a tick costs no more than what has changed.
 *
 * The two spans are snapshots like any other: they can be rendered, judged, and used for metrics.
 * If a span begins later than the observation, four things are special:
 *  - start_ns of a process, and `start` of a GIL, are where the span begins.
 *  - Sums and parts of holds and waits cover the time within the span. Counts and histograms cover
 *    the holds and waits that ended in it, with their whole length.
 *  - The maximum of a histogram is not known exactly: it is the upper end of the highest slot, at
 *    most 1/16 too large. history__exact_max says whether it is exact.
 *  - Rows are in no particular order, and some may be empty: tid 0 and no acquisitions.
 */
#ifndef HISTORY_H
#define HISTORY_H

#include "core/figures/snapshot.h"

enum history_span {
	HISTORY_ALL,    /* since the start or the last reset */
	HISTORY_WINDOW, /* the last seconds */
	HISTORY_SPANS,
};

#define HISTORY_POINT_NS   500000000ULL /* the time of one point of the curves below */
#define HISTORY_POINTS     600
#define HISTORY_WINDOW_MAX 30000000000ULL

/* One point: shares of its time, and the mean number of waiters. */
struct history_point {
	float held;
	float contended;
	float waiting;
};

struct history;

/* The window has window_ns, at most HISTORY_WINDOW_MAX. NULL if there is no memory. */
struct history *history__new(__u64 window_ns);
void history__free(struct history *h);

/* Changes the length of the window at once. */
void history__set_window(struct history *h, __u64 window_ns);
/* Forgets everything before the next tick: both spans, and the curves. */
void history__reset(struct history *h);

/* ---- feeding: begin; then processes, each with its GILs, each with their threads; then end
 * ---- */

void history__begin(struct history *h, __u64 now_ns);

/* Each returns an index for the calls below it, or -ENOMEM. The lists that the struct owns are
 * ignored, because they are fed separately; only the samples of a GIL come with it, and are copied. A process is identified by pid and start_ns, a GIL by
 * address and interpreter. */
int history__process(struct history *h, const struct snapshot_process *p);
int history__gil(struct history *h, int process, const struct snapshot_gil *g);

/* The row of a thread that is alive in this tick, or has exited (`gone`). A thread that was alive
 * and is no longer fed counts as gone. tid 0 stands for the sum of other exited threads, and is fed
 * last; it includes the threads that are no longer fed. */
int history__row(struct history *h, int process, int gil, __u32 tid, bool gone);
/* True if the row's record may have changed, because it was last fed with another `seq`. */
bool history__row_changed(const struct history *h, int process, int gil, int row, __u32 seq);
/* Feeds the record; needed only if it has changed. 0 or -ENOMEM. */
int history__thread(struct history *h, int process, int gil, int row, const struct gil_thread *t);
/* Feeds the sums that may have changed. 0 or -ENOMEM. */
int history__sums(struct history *h, int process, int gil, const struct gil_sum *sums, size_t n);

/* Ends the tick. `s` has what belongs to no process: times, losses, costs. 0 or -ENOMEM. */
int history__end(struct history *h, const struct snapshot *s);

/* Feeds a process with everything it owns. Returns its index, or -ENOMEM. */
int history__whole_process(struct history *h, const struct snapshot_process *p);

/* Feeds a whole tick from a whole snapshot, finished or not. 0 or -ENOMEM. */
int history__add(struct history *h, const struct snapshot *s);

/* ---- reading, between ticks ---- */

/* The span, owned by the history. Empty before the first tick. */
const struct snapshot *history__span(const struct history *h, enum history_span span);
/* A copy for renderers: finished, without empty rows, and with what belongs to no process. The
 * caller frees it. NULL if there is no memory. */
struct snapshot *history__copy(const struct history *h, enum history_span span);
/* What was fed last, since the start, whatever was reset. Its times and lists are not kept. */
const struct snapshot *history__now(const struct history *h);

bool history__exact_max(const struct history *h, enum history_span span);
/* Copies up to n points of the GIL at these indexes, the newest one last, and returns how many.
 * *first is the number of the first of them, counted from the start. */
size_t history__points(const struct history *h, size_t process, size_t gil,
		       struct history_point *points, size_t n, __u64 *first);
/* The functions of one thread of the GIL at these indexes: see blame__rows_of_thread. The caller frees
 * them. NULL if there are no samples, or no memory. */
struct blame_row *history__functions_of(const struct history *h, enum history_span span,
					size_t process, size_t gil, __u32 tid, size_t *n);
/* The number of ticks so far. */
__u64 history__ticks(const struct history *h);

#endif
