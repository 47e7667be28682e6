/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Callbacks that report, while it happens, what snapshots contain afterwards. Recordings use
 * them. */
#ifndef LISTENER_H
#define LISTENER_H

#include "core/figures/snapshot.h"

struct listener {
	/* An entry of the ring of edges (gil_stream.h). Returns 0, or -errno to stop for now. */
	int (*entry)(void *ctx, void *entry, size_t size);
	/*
	 * A process is known. Called again whenever something about it may have changed. Its GILs
	 * have no rows of threads.
	 */
	void (*process)(void *ctx, const struct snapshot_process *p);
	/* The process has ended, or executed another program; `listed` says that snapshots will
	 * include it. All its entries have been delivered. */
	void (*ended)(void *ctx, const struct snapshot_process *p, bool listed);
	/* What the program calls the thread with this record: again and again, though it may be the same. */
	void (*named)(void *ctx, unsigned int thread, const struct gil_thread *t);
	/* The exited thread with this record no longer has a row of its own, but is in a shared
	 * one. */
	void (*folded)(void *ctx, unsigned int thread);
	/* A sample of the code that has this GIL, of which the key is set: pid, address and start. NULL:
	 * they are not wanted. */
	void (*sample)(void *ctx, const struct gil_lock *gil, const struct blame_sample *s);
	void (*unobserved)(void *ctx, const struct snapshot_unobserved *u);
	/* An event could not be delivered. */
	void (*failed)(void *ctx, int err);
	void *ctx;
};

#endif
