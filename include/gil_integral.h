/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the record of a GIL says about any moment after its last edge. */
#ifndef GIL_INTEGRAL_H
#define GIL_INTEGRAL_H

#include "gil_model.h"

/*
 * The integrals up to `now`, including holds and waits that are still going on. `locked_at_start`
 * is the lock's own word at the beginning of the observation (1, 0, or -1 if not known). It matters
 * only while no edge has been seen.
 */
static __always_inline __u64 gil_lock_held_until(const struct gil_lock *l, int locked_at_start,
						 __u64 now)
{
	if (l->state == GIL_LOCK_HELD)
		return l->held_ns + gil_elapsed(l->since, now);
	if (l->state == GIL_LOCK_UNSEEN && locked_at_start == 1)
		return l->held_ns + gil_elapsed(l->since, now);
	return l->held_ns;
}

/* True if no edge of it has been seen. */
static __always_inline int gil_lock_is_untouched(const struct gil_lock *l)
{
	return l->state == GIL_LOCK_UNSEEN && !l->wait_slices;
}

/* The number of threads waiting now. */
static __always_inline __u32 gil_lock_waiters(const struct gil_lock *l)
{
	__u32 n = l->gone - l->gone_seen;

	return l->waiters > n ? l->waiters - n : 0;
}

/*
 * In the integrals, a thread that died waiting counts until the next edge, where gil_lock_advance
 * removes it. When a process is killed, all its waiters die before the end of the observation, but
 * their wait for a holder that never let go was real.
 */
static __always_inline __u64 gil_lock_contended_until(const struct gil_lock *l, __u64 now)
{
	return l->contended_ns + (l->waiters ? gil_elapsed(l->mark, now) : 0);
}

static __always_inline __u64 gil_lock_waiting_until(const struct gil_lock *l, __u64 now)
{
	return l->waiter_ns + l->waiters * gil_elapsed(l->mark, now);
}

/* The parts of that while nobody had the GIL, and while nothing was known about it. */
static __always_inline __u64 gil_lock_free_waiting_until(const struct gil_lock *l, __u64 now)
{
	return l->free_wait_ns +
	       (l->state == GIL_LOCK_FREE ? l->waiters * gil_elapsed(l->mark, now) : 0);
}

static __always_inline __u64 gil_lock_unseen_waiting_until(const struct gil_lock *l, __u64 now)
{
	return l->unseen_wait_ns +
	       (l->state == GIL_LOCK_UNSEEN ? l->waiters * gil_elapsed(l->mark, now) : 0);
}

#endif
