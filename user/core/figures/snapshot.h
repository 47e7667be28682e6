/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A snapshot: everything that is known about the observed processes at one moment. Live, target.c
 * fills it from the kernel's records. Renderers and the verdict see nothing else.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/base/format.h"
#include "core/base/program.h"
#include "core/figures/blame.h"
#include "gil_integral.h"
#include "gil_sum.h"

#define SNAPSHOT_CALL_SIZE 24 /* the longest name of a system call has 22 characters */

/* A GIL. `lock` and `threads` are consistent copies. */
struct snapshot_gil {
	struct gil_lock lock;
	struct gil_figures fig; /* the sum over the threads, after snapshot__finish */
	bool sampled;           /* samples of code are taken of it */
	bool main;              /* it belongs to the main interpreter */
	long interpreter;       /* its interpreter's number; 0: the main one; -1: unknown */
	__u64 end_ns;           /* end of its observation; 0: its process's end */
	/* The system call in which the holder sleeps at the end; "": it does not sleep, or that is
	 * not known. */
	char holder_call[SNAPSHOT_CALL_SIZE];
	int locked_at_start;     /* the lock's own word at the start: 1, 0, or -1 if unknown */
	long switch_interval_us; /* -1: unknown */
	bool waits_only;         /* only waits were seen, and no holds */
	bool requests_unknown;   /* requested and voluntary releases are not told apart */
	/* From a file of an earlier version: how many of the last counters it does not have. */
	unsigned int missing_thread_counters;
	unsigned int missing_lock_counters;
	struct gil_thread *threads; /* owned; after snapshot__finish by time held, longest first */
	size_t nr_threads;
	size_t nr_folded; /* exited threads summed up in one row, with tid 0 and comm "(exited)" */
	struct gil_sum *sums; /* owned; by kind, and in each the most frequent first */
	size_t nr_sums;
	/* Which code had it: see blame__rows. Owned; NULL if no samples were taken. */
	struct blame_row *functions;
	size_t nr_functions;
	struct blame *samples; /* what they are made of; owned; NULL if no samples were taken */
	/* For a recording: the edges that it lost, in how many places, and how long these lasted.
	 * That time does not count as observed, and intervals cut by it are in no distribution. */
	__u64 lost_edges;
	__u64 gaps;
	__u64 gap_ns;
};

struct snapshot_process {
	pid_t pid;
	char comm[16];
	char command[PROGRAM_NAME]; /* core/base/program.h; empty: unknown */
	char python[32];            /* "3.11.2"; empty: unknown (so far) */
	char source[16];            /* "uprobe", "usdt" */
	char source_why[256];       /* why that one: a clause without a full stop; may be empty */
	char note[192];             /* a sentence about what was not observed; may be empty */
	bool free_threaded; /* a free-threaded build whose GIL was off when last looked at */
	bool free_threaded_build;
	bool gil_turned_on; /* the GIL was off when first looked at, and no longer is */
	bool exited;
	__u64 start_ns; /* start of the observation */
	__u64 end_ns;   /* its end: when the process exited, or the observation ended */
	__u64 late_ns;  /* how long a process born under observation ran unobserved */
	struct snapshot_gil *gils;
	size_t nr_gils;
};

/* So many ended processes keep a row in any case, at some 30 KiB each, as do so many exited threads
 * of a GIL; of the others, snapshot__keeps_row decides. And so many that could not be observed are
 * listed. */
#define SNAPSHOT_PAST 1024

/* A process that should have been observed, but was not. */
struct snapshot_unobserved {
	pid_t pid;
	char comm[16];
	char why[160];
};

/* What was missed, by cause. A new row goes to the end. */
#define SNAPSHOT_LOSSES(X)                                                                         \
	X(edges) /* a table had no room, or a program did not run */                               \
	/* scheduler edges that met a record during an update; each makes a split wrong */         \
	X(switches)                                                                                \
	X(handoffs)  /* handoffs not entered into the table of from -> to */                       \
	X(events)    /* process events */                                                          \
	X(requests)  /* releases not told apart into requested and voluntary */                    \
	X(recording) /* edges for which a recording had no room */                                 \
	X(gaps)      /* times that a process lost its probes together with one of its threads */   \
	X(gils)      /* times that a GIL found no room in the table of GILs */                     \
	X(processes) /* times that a process found no room in the table of processes */            \
	X(torn)      /* records that were copied while the kernel was writing them */

#define SNAPSHOT_LOSS_FIELD(name) __u64 name;

/* All fields are 0 in a good run. */
struct snapshot_lost {
	SNAPSHOT_LOSSES(SNAPSHOT_LOSS_FIELD)
};

struct snapshot {
	__u64 start_ns; /* CLOCK_MONOTONIC */
	__u64 end_ns;
	__u64 probe_hits;
	__u64 usdt_hits;       /* hits of the interpreters' own probes, included in probe_hits */
	long probe_ns_per_hit; /* mean, measured on this machine; -1: not measured */
	int exit_status; /* of the command, as a shell reports it; -1: none, or still running */
	struct snapshot_lost lost;
	bool not_whole;                     /* a recording that lacks a piece, or its end */
	char note[400];                     /* what a recording lacks, in sentences; may be empty */
	struct snapshot_process *processes; /* in order of appearance */
	size_t nr_processes;
	struct snapshot_unobserved *unobserved;
	size_t nr_unobserved;
	size_t nr_unlisted; /* ended processes beyond the limit of these two lists */
	/* The sum of those among them that were observed, with one GIL, whose time begins at 0, and
	 * one thread; and their number. If that is 0, there is no GIL. */
	struct snapshot_process folded;
	size_t nr_folded;
};

/* A zeroed snapshot; NULL if there is no memory. */
struct snapshot *snapshot__new(void);
/* Frees it with everything it owns. NULL is fine. */
void snapshot__free(struct snapshot *s);

/* Appends a zeroed element and returns it, or NULL if there is no memory. The pointer is valid
 * until the next append to the same list. */
struct snapshot_process *snapshot__add_process(struct snapshot *s);
struct snapshot_unobserved *snapshot__add_unobserved(struct snapshot *s);
struct snapshot_gil *snapshot_process__add_gil(struct snapshot_process *p);
struct gil_thread *snapshot_gil__add_thread(struct snapshot_gil *g);
struct gil_sum *snapshot_gil__add_sum(struct snapshot_gil *g);

/* What people know the process by: its command, or, if that is not known, the kernel's name. Not yet
 * fit for a terminal; *size is the most that it may have. */
const char *snapshot_process__known_as(const struct snapshot_process *p, size_t *size);
/* The same, fit for a terminal. */
struct format snapshot_process__name(const struct snapshot_process *p, bool ascii);

/* What people know the thread by: the name that the program has given it, or, if there is none, the
 * kernel's. As above. */
const char *snapshot_thread__known_as(const struct gil_thread *t, size_t *size);
struct format snapshot_thread__name(const struct gil_thread *t, bool ascii);

/* True if something that has ended keeps its row, although there are so many rows already: it was
 * held or waited for `weight` ns of the `total`, which includes it. */
bool snapshot__keeps_row(size_t rows, __u64 weight, __u64 total);
/* For how long its GILs were held, and waited for, in ns. */
__u64 snapshot_process__weight(const struct snapshot_process *p);
/* Adds an ended process, or the sum of n processes, to s->folded. 0 or -ENOMEM. */
int snapshot__fold(struct snapshot *s, const struct snapshot_process *p, size_t n);

/* Frees what the process owns, and zeroes it. */
void snapshot_process__clear(struct snapshot_process *p);

/* A deep copy; NULL if there is no memory. */
struct snapshot *snapshot__copy(const struct snapshot *from);
/* Appends deep copies of the processes and of the unobserved processes of `from`. 0 or -ENOMEM. */
int snapshot__append(struct snapshot *s, const struct snapshot *from);

/* Notes that this many of the last counters are missing: *missing keeps the largest number. */
static inline void counters__miss(unsigned int *missing, unsigned int n)
{
	*missing = n > *missing ? n : *missing;
}

/* Adds the figures of a to `sum`, count by count. */
void gil_figures__add(struct gil_figures *sum, const struct gil_figures *a);
/* Sets `sum` to the sum of the n threads' figures. */
void gil_figures__sum(struct gil_figures *sum, const struct gil_thread *threads, size_t n);

/* When the observation of g, a GIL of p, ended, in ns. */
static inline __u64 snapshot_gil__end(const struct snapshot_process *p,
				      const struct snapshot_gil *g)
{
	return g->end_ns ? g->end_ns : p->end_ns;
}

/* How long (ns) a thread has held or waited up to `now`, including the open hold or wait. `now` is
 * the end of its GIL's observation. A thread that died waiting has waited until then. */
__u64 snapshot_gil__thread_held(const struct snapshot_gil *g, const struct gil_thread *t,
				__u64 now);
__u64 snapshot_gil__thread_waited(const struct gil_thread *t, __u64 now);
/* True if t has the GIL, or had it when it died. */
bool snapshot_gil__holds(const struct snapshot_gil *g, const struct gil_thread *t);
/* The row of the thread with the GIL, or NULL: it is free, or not known who has it. */
const struct gil_thread *snapshot_gil__holder(const struct snapshot_gil *g);
/* The thread's row, or NULL. */
const struct gil_thread *snapshot_gil__thread(const struct snapshot_gil *g, __u32 tid);

/* The sums of this kind, after snapshot__finish; *n is how many. NULL if there are none. */
const struct gil_sum *snapshot_gil__sums(const struct snapshot_gil *g, enum gil_sum_kind kind,
					 size_t *n);

/* Sums up the threads' figures, and sorts threads and keyed sums as described above. Call it once, when
 * the snapshot is complete. */
void snapshot__finish(struct snapshot *s);

/* The sum of all losses. */
__u64 snapshot_lost__total(const struct snapshot_lost *l);

/* Adds the values of a to `sum`. */
void gil_hist__add(struct gil_hist *sum, const struct gil_hist *a);

/* The slot that certainly contains the percentile, cut at the exact maximum, so that both ends are
 * possible values. ppm is the percentile in millionths: 990000 is p99. The percentile is the value
 * of rank ceil(ppm / 10^6 * count). {0, 0} if the histogram is empty. */
struct gil_range {
	__u64 low;
	__u64 high;
};
struct gil_range gil_hist__percentile(const struct gil_hist *h, __u32 ppm);

/* The histogram's value at q (0..1]: the middle of the slot that contains it, but never above the
 * exact maximum. The relative error is at most 1/32. 0 if the histogram is empty. */
__u64 gil_hist__quantile(const struct gil_hist *h, double q);

#endif
