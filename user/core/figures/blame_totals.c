// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "core/figures/blame_totals.h"
#include "core/figures/open.h"

struct blame_totals blame_totals__of(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	__u64 now = snapshot_gil__end(p, g), open = 0, part[GIL_PARTS] = {0};
	struct blame_totals t = {
		.wait_ns = gil_lock_waiting_until(&g->lock, now),
		.free_wait_ns = gil_lock_free_waiting_until(&g->lock, now),
		.unseen_wait_ns = gil_lock_unseen_waiting_until(&g->lock, now),
		.lost_gap_wait_ns = g->lock.bpf.lost_gap_wait,
	};

	for (size_t i = 0; i < g->nr_threads; i++) {
		struct open_interval o = open_hold(p, g, &g->threads[i]);

		gil_parts_add(part, g->threads[i].fig.hold_part);
		gil_parts_add(part, o.part);
		open += o.ns;
	}
	t.oncpu_ns = part[GIL_PART_ONCPU];
	t.preempted_ns = part[GIL_PART_RUNNABLE];
	t.blocked_ns = part[GIL_PART_BLOCKED];
	/* Whose thread has no row keeps the GIL all the same. */
	if (!open)
		now = gil_lock_held_until(&g->lock, g->locked_at_start, now);
	else
		now = g->lock.held_ns + open;
	t.unknown_hold_ns = gil_elapsed(t.oncpu_ns + t.preempted_ns + t.blocked_ns, now);
	return t;
}

int blame_totals__functions(const struct snapshot_process *p, struct snapshot_gil *g)
{
	struct blame_totals totals;

	if (!g->samples)
		return 0;
	totals = blame_totals__of(p, g);
	free(g->functions);
	g->functions = blame__rows(g->samples, &totals, &g->nr_functions);
	return g->functions ? 0 : -ENOMEM;
}
