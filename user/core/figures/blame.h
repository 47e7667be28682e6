/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which code has a GIL while others wait: from samples to rows that add up to the figures of the GIL.
 *
 * A tick is a look at the holder at a moment that the holder does not choose. Ticks tell how the time
 * on a CPU is divided, and the ticks weighted by the number of waiters tell how the waiting meanwhile
 * is divided. Both sums are known exactly from the edges, so the ticks are scaled to them. A gap, in
 * which the holder had no CPU, is measured exactly and belongs to one place. What is nobody's is in
 * rows of its own.
 */
#ifndef BLAME_H
#define BLAME_H

#include <stddef.h>
#include <linux/types.h>

/* The number of different places that are kept for one GIL, each with all of its callers. Beyond it,
 * callers are left out; and so many places without callers have room. All others share a row. */
#define BLAME_STACKS 2048
#define BLAME_PLACES 512
/* So many times a thread at a place is kept apart for one GIL. Beyond it, places keep their figures,
 * and threads lose theirs. */
#define BLAME_COUNTS 8192
/* Frames of one stack besides the place itself. */
#define BLAME_CALLERS 127

enum blame_kind {
	BLAME_FUNCTION = 0,
	BLAME_NO_PYTHON,  /* native code that no Python code has called */
	BLAME_UNREADABLE, /* the frame could not be read */
	BLAME_OTHERS,     /* places beyond BLAME_PLACES */
	BLAME_UNSAMPLED,  /* there is no sample of it */
	BLAME_HANDOVER,   /* nobody had the GIL, and the next holder was about to take it */
};

struct blame_row {
	enum blame_kind kind;
	char function[128]; /* "Class.method"; "" if it is no function */
	char file[192];
	unsigned int line; /* 0: unknown */
	char native
		[128]; /* "libcrypto.so.3:sha256_block_data_order"; "" if it is the interpreter */
	__u64 hold_ns; /* with the two below; open holds are included */
	__u64 blocked_ns;
	__u64 preempted_ns;
	__u64 wait_ns; /* the waiting of all other threads meanwhile */
	__u64 samples;
	double error;      /* the standard error of its share of all waiting; NaN: unknown */
	double hold_error; /* the same of its share of all holding */
	/* How large the share of a place may be that no tick has met; the same in all rows. */
	double unmet, hold_unmet;
};

/* A caller. Texts that are NULL are unknown. */
struct blame_frame {
	const char *function, *file;
	unsigned int line;
};

/* A place in the code. A text that is NULL is unknown; `native` is "" if the interpreter itself runs. */
struct blame_place {
	enum blame_kind kind; /* BLAME_FUNCTION, BLAME_NO_PYTHON or BLAME_UNREADABLE */
	const char *function, *file, *native;
	unsigned int line;
	/* Who has called it, the innermost one first; at most BLAME_CALLERS. */
	const struct blame_frame *callers;
	unsigned int nr_callers;
	/* Before this one of the callers others are missing, because there are too many; nr_callers: at
	 * the outer end. 0: none are missing. */
	unsigned int cut;
};

/* What recordings keep: a tick or a gap, with its time and its thread. */
enum blame_sample_kind {
	BLAME_TICK,
	BLAME_GAP,
	BLAME_OPEN_GAP, /* at the end of an observation; it counts unless another gap follows */
	BLAME_SAMPLES,
};

struct blame_sample {
	enum blame_sample_kind kind;
	__u64 ts;
	__u32 tid;
	__u32 waiters;                           /* of a tick */
	__u64 blocked_ns, preempted_ns, wait_ns; /* of a gap */
	struct blame_place at;
};

/* The exact figures of a GIL, to which the rows add up. */
struct blame_totals {
	__u64 oncpu_ns, blocked_ns, preempted_ns; /* of holds, also of the one still going on */
	__u64 unknown_hold_ns;                    /* holds of which these parts are not known */
	__u64 wait_ns;                            /* threads waiting times time */
	__u64 free_wait_ns;                       /* the part while nobody had it */
	__u64 unseen_wait_ns;                     /* the part while nothing was known of it */
	__u64 lost_gap_wait_ns;                   /* the part in gaps that were lost */
};

struct blame;

/* NULL if memory ran out. */
struct blame *blame__new(void);
/* NULL is fine. */
void blame__free(struct blame *b);
/* A copy; NULL if memory ran out, or if b is NULL. */
struct blame *blame__copy(const struct blame *b);

/* A tick or a gap. The texts are copied. */
void blame__sample(struct blame *b, const struct blame_sample *s);

/* What a thread has at a place, for those who keep differences. These counts keep their numbers, from
 * 0 on. */
struct blame_sums {
	__u64 ticks;
	__u64 weight;         /* the sum over the ticks of the number of waiters */
	__u64 weight_squared; /* the sum of its square */
	__u64 gaps;
	__u64 blocked_ns, preempted_ns, wait_ns; /* of gaps */
};

size_t blame__counts(const struct blame *b);
struct blame_sums blame__sums(const struct blame *b, size_t count);
void blame__set_sums(struct blame *b, size_t count, const struct blame_sums *s);

/* How much memory it takes, about. */
size_t blame__memory(const struct blame *b);

/* Makes the rows: those of code, by wait_ns and then hold_ns, largest first, then the others. Returns
 * an array, which the caller frees, or NULL if memory ran out; *n is its length. */
struct blame_row *blame__rows(const struct blame *b, const struct blame_totals *totals, size_t *n);

/* The same, of what one thread has of it: the rows of all threads add up to the above, but for what is
 * nobody's. Their native part is the one with most of the place, whichever thread was there. */
struct blame_row *blame__rows_of_thread(const struct blame *b, const struct blame_totals *totals,
					__u32 tid, size_t *n);

/* Sums up the *n rows of each function: its line is then the one with most of it. Returns and sets *n
 * as blame__rows. */
struct blame_row *blame__by_function(const struct blame_row *rows, size_t *n);

/* A place with all its callers, and what it has. The texts belong to the struct blame, which must not
 * change meanwhile. */
struct blame_stack {
	struct blame_place at; /* its callers belong to the list */
	/* As in a row. */
	__u64 hold_ns, blocked_ns, preempted_ns, wait_ns;
	__u64 samples;
	size_t first; /* in the order in which they appeared */
};

/* Makes the stacks, which add up as the rows do, and are in the same order. What is nobody's has a kind
 * and nothing else. Returns an array, or NULL if memory ran out; free it by
 * blame_stacks__free. *n is its length. */
struct blame_stack *blame__stacks(const struct blame *b, const struct blame_totals *totals,
				  size_t *n);
void blame_stacks__free(struct blame_stack *list, size_t n);

/* The name of a kind in JSON: "not sampled"; NULL for BLAME_FUNCTION. */
const char *blame_kind__name(enum blame_kind kind);

#endif
