/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Waits and holds that had not ended when their thread, or the observation, did. They are in no
 * distribution, because how long they would have become is not known. But they took place, so
 * whatever adds up time counts them with the time up to their end.
 */
#ifndef OPEN_H
#define OPEN_H

#include "core/figures/snapshot.h"

struct open_interval {
	__u64 ns; /* 0: there is none */
	__u64 part[GIL_PARTS];
	__u64 stopped_ns; /* what of the blocked part the thread was stopped for, not asleep */
	__u64 unsplit_ns; /* the time that is in no part, because it is not known where it went */
};

static inline __u64 open_interval__asleep(const struct open_interval *o)
{
	return o->part[GIL_PART_BLOCKED] - o->stopped_ns;
}

/* The open wait of t, a thread of g, up to the thread's end or to `end`, that of g's observation. */
struct open_interval open_wait(const struct gil_thread *t, __u64 end);
/* Likewise its open hold. A thread that dies with the GIL keeps it until the process ends. */
struct open_interval open_hold(const struct snapshot_process *p, const struct snapshot_gil *g,
			       const struct gil_thread *t);

/* What the model counts at the end of a hold, as if the open hold of t, which has one, had ended. */
struct open_cost {
	__u64 waited_for_ns;
	__u64 waited_for_asleep_ns;
	__u64 overdue_ns;
};
struct open_cost open_hold__cost(const struct snapshot_process *p, const struct snapshot_gil *g,
				 const struct gil_thread *t);

/* The time in all holds of the GIL as far as its parts are known, including the open one and one whose
 * beginning was not seen. What of the latter was not asleep counts as on a CPU. */
struct open_interval open_holds__all(const struct snapshot_process *p,
				     const struct snapshot_gil *g);

/* The threads that waited at the end of the observation: of a process that was killed, those that
 * waited until then. */
__u32 open_waiters(const struct snapshot_gil *g);

#endif
