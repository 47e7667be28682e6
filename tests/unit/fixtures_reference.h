/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The reference: the figures of a run, computed from the definitions in the documentation, not from
 * the model. It has all edges at once, and searches through them repeatedly.
 */
#ifndef FIXTURES_REFERENCE_H
#define FIXTURES_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#include "gil_integral.h"

#define RUN_THREADS 10
#define RUN_EDGES   400

struct run {
	__u64 start;
	__u64 end;
	bool attached;       /* the program began before the observation */
	int locked_at_start; /* 1, 0, -1 */
	__u32 threads;       /* tids are 0..threads-1 */
	size_t nr;
	struct gil_edge edges[RUN_EDGES];
};

/* What is compared. The reference fills in only the figures of `lock` and `threads`. */
struct outcome {
	struct gil_lock lock;
	struct gil_figures
		fig; /* the GIL's; the reference does not compute them from the threads */
	struct gil_thread threads[RUN_THREADS];
	__u64 held_ns;
	__u64 contended_ns;
	__u64 waiter_ns;
	__u64 free_wait_ns;
	__u64 unseen_wait_ns;
	__u64 pairs[RUN_THREADS][RUN_THREADS];
	__u64 pair_wait_ns;
	__u64 given_up; /* waits that were given up; run_model only */
};

void reference_run(const struct run *run, struct outcome *o);

#endif
