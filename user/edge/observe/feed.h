/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Copies the kernel's records into a sink, tick by tick. It is cheap if little happens: an idle
 * thread costs one look at its mapped record, and no system call.
 */
#ifndef FEED_H
#define FEED_H

#include "core/figures/tick_sink.h"
#include "edge/observe/target.h"

/* How much is read again in a tick. Each includes the one before. */
enum feed_extent {
	FEED_FIGURES, /* names of threads and handoffs only every few seconds */
	FEED_NAMES,   /* the name of each thread that has worked since the last tick, too */
	FEED_WHOLE,   /* the handoffs, too */
};

struct feed;

/* Returns NULL if memory ran out. */
struct feed *feed__new(struct target *t, struct probe *p);
void feed__free(struct feed *f);
/* Takes one tick; call target__update before. All ticks must go to the same sink.
 * `ns_per_hit` is as in the snapshot. Returns 0 or -errno. */
int feed__tick(struct feed *f, const struct tick_sink *to, enum feed_extent extent,
	       long ns_per_hit);
/* The hits of probes until the last tick, as in the snapshot. */
__u64 feed__hits(const struct feed *f, __u64 *usdt_hits);

#endif
