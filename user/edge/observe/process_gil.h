/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One GIL of a process, from the kernel's record of it to its row in the snapshot. The main
 * interpreter's lives as long as the process; a sub-interpreter's may end before, and then its
 * record is used for another.
 */
#ifndef PROCESS_GIL_H
#define PROCESS_GIL_H

#include <stdbool.h>
#include <sys/types.h>

#include "edge/kernel/probe.h"
#include "core/figures/snapshot.h"

struct process_gil {
	int lock; /* index of its record; -1: given back, `past` has it all */
	__u64 address;
	long interpreter; /* its interpreter's number, 0: the main one */
	int locked_at_start;
	long switch_interval_us;  /* -1: not known */
	unsigned int missed;      /* looks in a row at which its interpreter was not there */
	__u64 end_ns;             /* its interpreter is gone since; 0: it is there */
	struct snapshot_gil past; /* threads that have exited */
	size_t fed;               /* feed.c's own note: so many of these it has read, */
	__u64 fed_hits;           /* with so many hits */
};

/* Reads the threads' records of process pid that have exited into the past of those of the n GILs
 * that they used, and gives them back. True if no record of the process's threads is left. */
bool process_gil__harvest(struct process_gil *gils, size_t n, struct probe *probe, pid_t pid);

/* Appends the GIL, as it is now, to sp; `is_live`: its threads' present names can be asked for. The
 * caller fills in what is the process's. NULL if there is no memory. */
struct snapshot_gil *process_gil__snapshot(const struct process_gil *g, struct probe *probe,
					   pid_t pid, bool is_live, struct snapshot_process *sp);

/* The same without rows of threads and handoffs. */
void process_gil__describe(const struct process_gil *g, struct probe *probe,
			   struct snapshot_gil *to);

/* The GIL's interpreter is gone: no edge comes any more. Once its threads' records are harvested,
 * `retire` moves all the rest into its past; false: they are not yet. */
void process_gil__end(struct process_gil *g, struct probe *probe, pid_t pid, __u64 now);
bool process_gil__retire(struct process_gil *g, struct probe *probe, pid_t pid);

/* The edges seen, and those of them that are acquisitions. */
__u64 process_gil__hits(const struct process_gil *g, struct probe *probe, pid_t pid);

__u64 process_gil__acquisitions(const struct process_gil *g, struct probe *probe, pid_t pid);

/* Gives its record back and frees what it has. */
void process_gil__clear(struct process_gil *g, struct probe *probe);

#endif
