/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The samples of one GIL's holders, from the kernel's ring to sums by places in the code. Everything in
 * the samples has been read from the memory of a process, and is not trusted.
 */
#ifndef PROCESS_BLAME_H
#define PROCESS_BLAME_H

#include "core/figures/snapshot.h"
#include "edge/kernel/probe.h"
#include "edge/observe/looker.h"
#include "edge/python/python.h"

struct process_blame;

/* For an interpreter whose frames are known. NULL if memory ran out. */
struct process_blame *process_blame__new(const struct python *py);
/* NULL is fine. */
void process_blame__free(struct process_blame *b);

/* Takes an entry of the ring that is about this GIL, of process pid. If it is a sample, returns what is
 * now known of it; that is valid until the next call. */
const struct blame_sample *process_blame__entry(struct process_blame *b, struct looker *l,
						pid_t pid, const void *entry, size_t size);

/* A copy of all samples, which the caller owns, as of `now`, for the GIL g. `gap` is one that is still
 * open, of thread t, or NULL; if it counts, *open is that gap, valid until the next call. Returns 0 or
 * -ENOMEM. */
int process_blame__samples(struct process_blame *b, struct looker *l, pid_t pid,
			   const struct gil_blame_gap *gap, const struct gil_thread *t,
			   const struct snapshot_gil *g, __u64 now, struct blame **samples,
			   const struct blame_sample **open);

#endif
