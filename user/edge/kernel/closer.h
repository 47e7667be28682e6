/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Closes things in the background. Letting go of a uprobe makes the kernel wait for an RCU grace
 * period, 40 to 110 ms each, one after the other if one thread asks; several threads share a
 * period. A program with 200 children is not done in time otherwise.
 */
#ifndef CLOSER_H
#define CLOSER_H

#include <stdbool.h>

struct closer;

/* NULL if there is no memory. */
struct closer *closer__new(void);
/* True if all is closed that was added so far. */
bool closer__is_idle(struct closer *c);
/* Waits until all is closed that was added so far. */
void closer__wait(struct closer *c);
/* The same, and frees. NULL is fine. */
void closer__free(struct closer *c);
/* Calls close(what), now or soon, in another thread (here, if no thread can be had). */
void closer__add(struct closer *c, void (*close)(void *what), void *what);

#endif
