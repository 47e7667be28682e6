/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * From the kernel's records to a history, tick by tick. Cheap where little happens: a thread that
 * did nothing costs one look at the mapped record, and no system call.
 */
#ifndef FEED_H
#define FEED_H

#include "core/history/history.h"
#include "edge/observe/target.h"

struct feed;

/* NULL if there is no memory. */
struct feed *feed__new(struct target *t, struct probe *p);
void feed__free(struct feed *f);
/* One tick; call target__update before. `whole`: with what is not looked at each time. `ns_per_hit`
 * as in the snapshot. 0 or -errno. */
int feed__tick(struct feed *f, struct history *h, bool whole, long ns_per_hit);

#endif
