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

/* Takes an entry of the ring that is about this GIL, of process pid. */
void process_blame__entry(struct process_blame *b, struct looker *l, pid_t pid, const void *entry,
			  size_t size);

/* Sets the rows of g, a GIL of p, which is complete but for its sums over threads. `gap` is one
 * that is still open, of thread t; or NULL. Returns 0 or -ENOMEM. */
int process_blame__rows(struct process_blame *b, struct looker *l, pid_t pid,
			const struct gil_blame_gap *gap, const struct gil_thread *t,
			const struct snapshot_process *p, struct snapshot_gil *g);

#endif
