/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Used by history_*.c only: what is kept besides the three snapshots. These (what was fed last, and
 * the two spans) have the same processes, GILs, rows and sums at the same indexes, and
 * so do the lists here.
 */
#ifndef HISTORY_TRACK_H
#define HISTORY_TRACK_H

#include "core/history/history.h"
#include "core/history/history_log.h"

/* The time held and waited within a span, including the open hold or wait. */
struct accrued {
	__u64 hold[GIL_PARTS];
	__u64 wait[GIL_PARTS];
};

struct row_track {
	__u32 tid;
	__u32 seq;
	__u32 refs; /* entries of the log for this row */
	bool used;
	bool gone;   /* the thread has exited */
	bool folded; /* gone, and now part of the row of tid 0 */
	bool seen;   /* in this tick */
	bool fed;    /* its record was fed in this tick */
	bool known;  /* its record was fed at some time */
	bool dirty;  /* the spans' rows have to be settled */
	struct accrued accrued[HISTORY_SPANS];
};

/* The sums of each place in the code: as last fed, and of the spans. */
struct samples_track {
	struct blame *names; /* owned; the places, in this order; NULL: no samples came */
	struct blame_sums *raw, *span[HISTORY_SPANS];
	size_t room;
};

struct gil_track {
	bool fed;   /* in this tick */
	__u64 at;   /* where its last tick ended */
	__u64 past; /* where the tick before that ended */
	struct row_track *rows;
	size_t size;
	size_t next; /* where the search for the next thread begins */
	int sum;     /* the row of tid 0, or -1 */
	struct accrued accrued[HISTORY_SPANS];
	struct lock_delta lock[HISTORY_SPANS];
	__u64 hold_max; /* since the start */
	__u64 wait_max;
	__u32 *sums; /* hash table from kind and key to index + 1; 0: unused */
	size_t sums_size;
	struct samples_track samples;
	/* the curves */
	struct history_point *points;
	__u64 nr_points; /* all points so far */
	__u64 forgotten; /* so many of them */
	__u64 point_ns;  /* where the next one begins */
	struct lock_delta at_point;
};

struct process_track {
	struct gil_track *gils;
	size_t size;
	__u64 at; /* the end_ns of the last tick */
	bool seen;
	bool fed;   /* in this tick, even if nothing was taken from it */
	bool ended; /* it will not be fed any more */
	bool free;  /* ended and forgotten: another process may take its place */
	__u64 last; /* the tick in which its end was noticed */
};

struct tick {
	__u64 begin;
	__u64 end;
	__u64 hits;
	__u64 usdt_hits;
	struct log log;
};

struct history {
	struct snapshot *raw; /* as last fed */
	struct snapshot *span[HISTORY_SPANS];
	struct process_track *tracks;
	size_t size;
	size_t next;
	__u64 window_ns;
	__u64 begin[HISTORY_SPANS]; /* where the spans begin */
	__u64 now;
	__u64 nr_ticks;
	bool was_reset;
	/* the log, oldest tick first; the window begins at `tail` */
	struct tick *ticks;
	size_t nr;
	size_t room;
	size_t tail;
};

static inline struct gil_track *track_of(const struct history *h, size_t process, size_t gil)
{
	return &h->tracks[process].gils[gil];
}

static inline struct snapshot_gil *gil_of(struct snapshot *s, size_t process, size_t gil)
{
	return &s->processes[process].gils[gil];
}

static inline struct log *present_log(struct history *h)
{
	return &h->ticks[h->nr - 1].log;
}

/* history.c: makes room for element `nr` of a list whose elements start as zeroes, 0 or -ENOMEM; and
 * frees what is kept about a process. */
int history__grow(void **list, size_t *size, size_t nr, size_t element);
void history__clear_track(struct history *h, size_t process);
/* history.c: the curve of a GIL begins anew where its last tick ended; `raw` is as last fed. */
void history__forget_points(struct gil_track *track, const struct snapshot_gil *raw);

/* history_samples.c: feeds the samples of a GIL, or NULL: 0 or -ENOMEM; applies an entry of the log about
 * a place; makes the rows of functions of a span; forgets what a span has, or frees all. */
int history__samples(struct history *h, int process, int gil, const struct blame *samples);
void history__apply_place(struct samples_track *t, enum history_span span, __u32 place,
			  const char *at, bool off);
void history__settle_samples(struct samples_track *t, enum history_span span,
			     const struct snapshot_process *p, struct snapshot_gil *g);
void history__forget_samples(struct samples_track *t, enum history_span span);
void history__free_samples(struct samples_track *t);

/* history_tick.c: false if there was no memory for the present tick. */
bool history__has_begun(const struct history *h);

/* history_rows.c: ends the rows of threads that were not fed; and forgets a log. */
void history__end_rows(struct history *h, int process, int gil);
void history__forget(struct history *h, struct log *l);

/* history_span.c: reads the head of an entry and returns the next entry; applies a log to a span,
 * or removes it again; and then settles everything that depends on it. */
const char *history__next_entry(const char *at, struct entry_header *e);
void history__apply(struct history *h, enum history_span span, const struct log *l, bool off);
void history__settle(struct history *h);

#endif
