/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One GIL of a process, from the kernel's record to its row in the snapshot. The main interpreter's
 * GIL lives as long as the process. A sub-interpreter's GIL may end earlier, and its record is then
 * reused.
 */
#ifndef PROCESS_GIL_H
#define PROCESS_GIL_H

#include <stdbool.h>
#include <sys/types.h>

#include "edge/kernel/probe.h"
#include "core/figures/listener.h"
#include "core/figures/snapshot.h"
#include "edge/observe/process_blame.h"

struct process_gil {
	int lock; /* index of its record; -1: given back, everything is in `past` */
	__u64 address;
	long interpreter; /* number of its interpreter; 0: the main one */
	int locked_at_start;
	long holder;                 /* what python__holder said last */
	long switch_interval_us;     /* -1: not known */
	unsigned int missed;         /* how many looks in a row did not find its interpreter */
	__u64 end_ns;                /* when its interpreter ended; 0: it lives */
	struct process_blame *blame; /* owned; NULL if no samples are taken */
	struct snapshot_gil past;    /* threads that have exited */
	size_t folded_at;            /* the row of those that share one, if past.nr_folded */
	__u64 past_weight;           /* for how long all of these held or waited, ns */
	size_t fed;                  /* for feed.c: how many of `past` it has read, */
	__u64 fed_hits;              /* and how many hits they had */
};

/* Moves the records of exited threads of process pid into the past of the GIL each one used, if
 * that is among the n given, and gives the records back. Those with another GIL of `later`, a record of
 * the process or NULL, stay: that GIL will be given here once its event has been handled. Tells the
 * listener, unless it is NULL, which threads have no row of their own. Returns true if no other record
 * of the process's threads is left. */
bool process_gil__harvest(struct process_gil *gils, size_t n, struct probe *probe, pid_t pid,
			  const struct gil_process *later, const struct listener *to);

/* Appends the GIL in its current state to sp. `is_live` means that its threads' current names can
 * be read. The caller fills in what belongs to the process. Returns NULL if memory ran out. */
struct snapshot_gil *process_gil__snapshot(const struct process_gil *g, struct probe *probe,
					   pid_t pid, bool is_live, struct snapshot_process *sp);

/* Sets to->samples, of which `to` has the record of the GIL as of `now`. Returns 0 or -ENOMEM. */
int process_gil__samples_now(const struct process_gil *g, struct probe *probe, struct looker *l,
			     pid_t pid, __u64 now, struct snapshot_gil *to);
/* Adds the samples and the rows of functions to a GIL of p in the snapshot. The listener, unless it is
 * NULL, hears of a gap that is still open. Returns 0 or -ENOMEM. */
int process_gil__samples(const struct process_gil *g, struct probe *probe, struct looker *l,
			 pid_t pid, const struct snapshot_process *p, struct snapshot_gil *to,
			 const struct listener *listener);

/* Fills in the same without rows of threads and handoffs. */
void process_gil__describe(const struct process_gil *g, struct probe *probe,
			   struct snapshot_gil *to);

/* process_gil__end: its interpreter is gone, and no more edges come. process_gil__retire then moves
 * the rest into `past`; it returns false while its threads' records have not been harvested. */
void process_gil__end(struct process_gil *g, struct probe *probe, pid_t pid, __u64 now);
bool process_gil__retire(struct process_gil *g, struct probe *probe, pid_t pid);

/* The number of edges seen, and of the acquisitions among them. */
__u64 process_gil__hits(const struct process_gil *g, struct probe *probe, pid_t pid);

__u64 process_gil__acquisitions(const struct process_gil *g, struct probe *probe, pid_t pid);

/* Gives back its record and frees its memory. */
void process_gil__clear(struct process_gil *g, struct probe *probe);

#endif
