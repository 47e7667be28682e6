/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Copies the kernel's records into a history, tick by tick. It is cheap if little happens: an idle
 * thread costs one look at its mapped record, and no system call.
 */
#ifndef FEED_H
#define FEED_H

#include "core/history/history.h"
#include "edge/observe/target.h"

struct feed;

/* Returns NULL if memory ran out. */
struct feed *feed__new(struct target *t, struct probe *p);
void feed__free(struct feed *f);
/* Takes one tick; call target__update before. `whole` also reads what is otherwise read only every
 * second. `ns_per_hit` is as in the snapshot. Returns 0 or -errno. */
int feed__tick(struct feed *f, struct history *h, bool whole, long ns_per_hit);

#endif
