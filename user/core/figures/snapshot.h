/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A snapshot: everything that is known about the observed processes at one moment. Live, target.c
 * fills it from the kernel's records; it is all that the renderers and the verdict see.
 */
#ifndef SNAPSHOT_H
#define SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "gil_model.h"

/* A GIL. `lock` and `threads` are consistent copies; both own their memory. */
struct snapshot_gil {
	struct gil_lock lock;
	struct gil_figures fig;     /* the sum over the threads, after snapshot__finish */
	bool main;                  /* the main interpreter's */
	long interpreter;           /* its interpreter's number, 0: the main one; -1: not known */
	__u64 end_ns;               /* observed to; 0: to its process's end */
	int locked_at_start;        /* the lock's own word then: 1, 0, or -1 if not known */
	long switch_interval_us;    /* -1: not known */
	bool requests_unknown;      /* releases are not told apart into requested and voluntary */
	struct gil_thread *threads; /* by time held, longest first, after snapshot__finish */
	size_t nr_threads;
	size_t nr_folded; /* exited threads summed up in one row, with tid 0 and comm "(exited)" */
	struct gil_handoff *edges; /* handoffs from -> to, most frequent first */
	size_t nr_edges;
	/* Of a recording: edges that it has lost, in so many places, and the time that they took. That
	 * time does not count as observed, and what was under way then is in no distribution. */
	__u64 lost_edges;
	__u64 gaps;
	__u64 gap_ns;
};

struct snapshot_process {
	pid_t pid;
	char comm[16];
	char python[32];      /* "3.11.2"; empty: not known (yet) */
	char source[16];      /* "uprobe", "usdt" */
	char source_why[256]; /* why that one: a clause, without a full stop; may be empty */
	char note[160];       /* a sentence about what was not seen of it; may be empty */
	bool free_threaded;   /* a free-threaded build whose GIL is off, when last looked at */
	bool free_threaded_build;
	bool gil_turned_on; /* it was off when first looked at, and no longer is */
	bool exited;
	__u64 start_ns; /* observed from */
	__u64 end_ns;   /* to; when it exited or the observation ended */
	__u64 late_ns;  /* how long it ran unobserved, if it was born under observation */
	struct snapshot_gil *gils;
	size_t nr_gils;
};

/* So many processes that have ended are kept, of some 30 KiB each, and as many that could not be
 * observed. */
#define SNAPSHOT_PAST 1024

/* A process that should have been observed, and was not. */
struct snapshot_unobserved {
	pid_t pid;
	char comm[16];
	char why[160];
};

/* What was missed, by cause. All 0 in a good run. */
struct snapshot_lost {
	__u64 edges;     /* no room in a table, or a program did not run */
	__u64 switches;  /* scheduler edges that met a record in the middle of an update: a split is
			   off */
	__u64 handoffs;  /* from -> to pairs not entered */
	__u64 events;    /* process events */
	__u64 requests;  /* releases not told apart into requested and voluntary */
	__u64 recording; /* edges that a recording had no room for */
	__u64 gaps;      /* times that a process lost its probes with a thread of its own */
};

struct snapshot {
	__u64 start_ns; /* CLOCK_MONOTONIC */
	__u64 end_ns;
	__u64 probe_hits;
	__u64 usdt_hits;       /* of them, those of the interpreters' own probes */
	long probe_ns_per_hit; /* on average; measured on this machine; -1: not measured */
	int exit_status;       /* of the command, as a shell would say it; -1: none, or running */
	struct snapshot_lost lost;
	bool not_whole; /* of a recording: a piece of it, or what came after it, is missing */
	char note[400]; /* of a recording: what of it is not here, in sentences; may be empty */
	struct snapshot_process *processes; /* in order of appearance */
	size_t nr_processes;
	struct snapshot_unobserved *unobserved;
	size_t nr_unobserved;
	size_t nr_unlisted; /* have ended and are in neither list: these have a limit */
};

/* A zeroed snapshot; NULL if there is no memory. */
struct snapshot *snapshot__new(void);
/* Frees it with all it holds. NULL is fine. */
void snapshot__free(struct snapshot *s);

/* Appends a zeroed element and returns it, or NULL if there is no memory. The pointer is good until
 * the next append to the same list. */
struct snapshot_process *snapshot__add_process(struct snapshot *s);
struct snapshot_unobserved *snapshot__add_unobserved(struct snapshot *s);
struct snapshot_gil *snapshot_process__add_gil(struct snapshot_process *p);
struct gil_thread *snapshot_gil__add_thread(struct snapshot_gil *g);
struct gil_handoff *snapshot_gil__add_edge(struct snapshot_gil *g);

/* Frees what it holds, and zeroes it. */
void snapshot_process__clear(struct snapshot_process *p);

/* A deep copy. NULL: no memory. */
struct snapshot *snapshot__copy(const struct snapshot *from);
/* Appends deep copies of the processes and of the unobserved of `from`. 0 or -ENOMEM. */
int snapshot__append(struct snapshot *s, const struct snapshot *from);

/* Adds the figures of a to those of sum, count by count. */
void gil_figures__add(struct gil_figures *sum, const struct gil_figures *a);
/* Sets sum to the sum of the n threads' figures. */
void gil_figures__sum(struct gil_figures *sum, const struct gil_thread *threads, size_t n);

/* When the observation of g, a GIL of p, ended. */
static inline __u64 snapshot_gil__end(const struct snapshot_process *p,
				      const struct snapshot_gil *g)
{
	return g->end_ns ? g->end_ns : p->end_ns;
}

/* What a thread has held or waited up to `now`, with what is still going on; `now` is its GIL's
 * end. A thread that died while it waited has lost that last wait. */
__u64 snapshot_gil__thread_held(const struct snapshot_gil *g, const struct gil_thread *t,
				__u64 now);
__u64 snapshot_gil__thread_waited(const struct gil_thread *t, __u64 now);
/* True if t has the GIL, or had it when it died. */
bool snapshot_gil__holds(const struct snapshot_gil *g, const struct gil_thread *t);
/* The thread's row, or NULL. */
const struct gil_thread *snapshot_gil__thread(const struct snapshot_gil *g, __u32 tid);

/* Sums the threads' figures up and sorts threads and edges as said above. Call once, when all is
 * in. */
void snapshot__finish(struct snapshot *s);

/* All that was lost, as one number. */
__u64 snapshot_lost__total(const struct snapshot_lost *l);

/* Adds the values of a to those of sum. */
void gil_hist__add(struct gil_hist *sum, const struct gil_hist *a);

/* The slot that the percentile surely lies in, cut at the exact maximum: both ends are possible
 * values. ppm: 990000 is p99; the value meant is the one of rank ceil(ppm / 10^6 * count). {0, 0}
 * if the histogram is empty. */
struct gil_range {
	__u64 low;
	__u64 high;
};
struct gil_range gil_hist__percentile(const struct gil_hist *h, __u32 ppm);

/* The histogram's value at q (0..1]: the middle of the slot that holds it, never above the exact
 * maximum; the relative error is at most 1/32. 0 if the histogram is empty. */
__u64 gil_hist__quantile(const struct gil_hist *h, double q);

#endif
