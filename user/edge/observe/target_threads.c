// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which processes have threads whose names are not known yet. */
#include <stdlib.h>
#include <string.h>

#include "edge/observe/target_private.h"

/* Adds up, for each GIL, process__unnamed of the threads that use it. */
static void add_up(struct target *t)
{
	unsigned int nr = probe__thread_limit(t->probe);

	if (t->unnamed)
		memset(t->unnamed, 0, t->nr_unnamed * sizeof(*t->unnamed));
	for (unsigned int i = 0; i < nr; i++) {
		const struct gil_thread *thread = probe__thread(t->probe, i);
		__u32 unnamed = process__unnamed(thread), lock = thread->lock;
		const struct gil_lock *l = probe__lock(t->probe, lock);

		/* The thread that made the trial (calibrate.c) has a record, too. */
		if (!unnamed || !l || l->pid != thread->pid)
			continue;
		if (lock >= t->nr_unnamed) {
			__u32 *grown = reallocarray(t->unnamed, lock + 1, sizeof(*grown));

			if (!grown)
				return; /* such threads are named later */
			memset(grown + t->nr_unnamed, 0,
			       (lock + 1 - t->nr_unnamed) * sizeof(*grown));
			t->unnamed = grown;
			t->nr_unnamed = lock + 1;
		}
		t->unnamed[lock] += unnamed;
	}
}

void target__look_at_names(struct target *t, bool now)
{
	add_up(t);
	for (struct process *p = t->processes; p; p = p->next) {
		__u32 unnamed = 0;

		for (size_t i = 0; i < p->nr_gils; i++)
			if (p->gils[i].lock >= 0 && (size_t)p->gils[i].lock < t->nr_unnamed)
				unnamed += t->unnamed[p->gils[i].lock];
		process__look_at_names(p, unnamed, now);
	}
}
