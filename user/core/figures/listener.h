/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who wants to hear, while it happens, what a snapshot tells afterwards: a recording. */
#ifndef LISTENER_H
#define LISTENER_H

#include "core/figures/snapshot.h"

struct listener {
	/* An entry of the ring of edges (gil_stream.h). 0, or -errno: no more for now. */
	int (*entry)(void *ctx, void *entry, size_t size);
	/*
	 * A process is known, and is told of again whenever something of it may have changed. Its GILs
	 * have no rows of threads.
	 */
	void (*process)(void *ctx, const struct snapshot_process *p);
	/* It has ended, or its program was replaced; `listed`: snapshots will have it. All its entries
	 * have been delivered. */
	void (*ended)(void *ctx, const struct snapshot_process *p, bool listed);
	/* The row of the exited thread with this record has been folded into a shared one. */
	void (*folded)(void *ctx, unsigned int thread);
	void (*unobserved)(void *ctx, const struct snapshot_unobserved *u);
	/* Something could not be told. */
	void (*failed)(void *ctx, int err);
	void *ctx;
};

#endif
