/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The columns of the tables on the screen: each column is a row of the tables below. */
#ifndef COLUMN_H
#define COLUMN_H

#include "core/base/format.h"
#include "core/figures/snapshot.h"

/* The subject of a row: a GIL, one of its threads, or one of its functions. */
struct subject {
	const struct snapshot_process *process;
	const struct snapshot_gil *gil;
	const struct gil_thread *thread;  /* NULL: the GIL */
	const struct blame_row *function; /* NULL: it is none */
	double all_wait_ns, all_hold_ns;  /* for a function: of all */
	__u64 id;                         /* the same in every frame; never 0 */
	bool exact_max;
};

enum column_kind {
	COLUMN_ID, /* tid or pid */
	COLUMN_NAME,
	COLUMN_FILE,   /* of a function, with its line */
	COLUMN_NATIVE, /* what of it runs in native code */
	COLUMN_STATE,
	COLUMN_PYTHON,
	COLUMN_WHY,      /* the verdict, in a word */
	COLUMN_WAITERS,  /* now */
	COLUMN_THREADS,  /* how many */
	COLUMN_HELD,     /* share of the time */
	COLUMN_WAITED,   /* the same; for a GIL, mean number of waiters */
	COLUMN_SHARE,    /* a metric that is a share of the time */
	COLUMN_RATE,     /* a metric, per second */
	COLUMN_TOTAL,    /* a metric */
	COLUMN_RATIO,    /* a metric, divided by another one */
	COLUMN_QUANTILE, /* a quantile of a distribution; 1: its maximum */
	COLUMN_BLAME,    /* of a function: its share of all waiting, */
	COLUMN_ERROR,    /* the error of that, */
	COLUMN_HOLDING,  /* its share of all holds, */
	COLUMN_ASLEEP,   /* and the part of that for which it slept */
	COLUMN_CURVE,    /* contention over the last minutes; as wide as there is room */
};

struct column {
	const char *title;
	int width;    /* negative: right-aligned */
	int priority; /* columns with the smallest one get their place first */
	enum column_kind kind;
	const char *metric; /* a name in the metric table */
	const char *of;
	double q;
	const char *help;
};

/* The tables. Each ends with a column without a title. */
extern const struct column thread_columns[];
extern const struct column gil_columns[];
extern const struct column function_columns[];

struct format column__text(const struct column *c, const struct subject *s, bool ascii);
/* Negative if a comes before b. Larger figures and alphabetically lower names come first (io-2
 * before io-10), unknown values last. */
int column__compare(const struct column *c, const struct subject *a, const struct subject *b);

/* True if its smallest values come first. */
bool column__ascends(const struct column *c);

/* What the thread is doing now, in a word. */
const char *thread__doing(const struct snapshot_gil *g, const struct gil_thread *t);

#endif
