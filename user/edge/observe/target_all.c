// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * --all, --name and the like: looks again and again at every process of the machine that was no CPython
 * so far, or not one that was selected. The kernel
 * reports when a program is executed, but not that a running one initializes an interpreter, as a
 * worker of a web server or a database does after its fork, perhaps hours later.
 */
#include <stdlib.h>

#include "core/base/clock.h"
#include "edge/observe/target_private.h"
#include "edge/proc/proc_list.h"

#define MS 1000000ULL
/* From the end of one look at all to the beginning of the next. */
#define PAUSE_NS (1000 * MS)
/* How long the looks of a tick, of which there are ten a second, may take. */
#define STEP_NS (5 * MS)

static void add_pid(void *ctx, pid_t pid)
{
	struct sweep *s = ctx;

	if (s->nr == s->room) {
		size_t room = s->room ? 2 * s->room : 256;
		pid_t *grown = reallocarray(s->pids, room, sizeof(*grown));

		if (!grown)
			return;
		s->pids = grown;
		s->room = room;
	}
	s->pids[s->nr++] = pid;
}

/* The kernel does not report the end of a process that it has no record of. Such a process stays in
 * the table, so that it is not looked at again. */
static void forget_refused(struct target *t, __u64 now)
{
	for (struct process *p = t->processes; p; p = p->next) {
		if (p->state != PROCESS_REFUSED || p->index >= 0 ||
		    !proc_list__is_over(p->pid, &p->start_ticks))
			continue;
		p->state = PROCESS_ENDED;
		p->end_ns = now;
	}
}

static void begin(struct target *t, __u64 now)
{
	struct sweep *s = &t->sweep;

	forget_refused(t, now);
	s->nr = s->next = 0;
	s->before_ns = s->began_ns ? s->began_ns : t->start_ns;
	s->began_ns = now;
	proc_list__each(add_pid, s);
}

void target__sweep(struct target *t, __u64 now)
{
	struct sweep *s = &t->sweep;

	if (s->next == s->nr) {
		if (now < s->due_ns)
			return;
		begin(t, now);
	}
	while (s->next < s->nr && gil_elapsed(now, clock_ns()) < STEP_NS) {
		if (t->spec->all)
			target__adopt_any(t, s->pids[s->next++]);
		else
			target__adopt_if_selected(t, s->pids[s->next++]);
	}
	if (s->next == s->nr)
		s->due_ns = clock_ns() + PAUSE_NS;
}
