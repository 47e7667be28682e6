/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Closes things in the background. Removing a uprobe makes the kernel wait for an RCU grace period
 * of 40 to 110 ms. One thread waits for them one after the other, but several threads share a grace
 * period. Without this, a program with 200 children would not be done in time.
 */
#ifndef CLOSER_H
#define CLOSER_H

#include <stdbool.h>

struct closer;

/* Returns NULL if memory ran out. */
struct closer *closer__new(void);
/* True if everything added so far is closed. */
bool closer__is_idle(struct closer *c);
/* Waits until everything added so far is closed. */
void closer__wait(struct closer *c);
/* Waits likewise, and frees c. NULL is fine. */
void closer__free(struct closer *c);
/* Calls close(what) soon in another thread, or right here if no thread can be started. */
void closer__add(struct closer *c, void (*close)(void *what), void *what);

#endif
