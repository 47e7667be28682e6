// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <string.h>

#include "fixtures_machine.h"
#include "random.h"

/* A thread of the machine. */
struct actor {
	bool alive;
	bool waits;
	enum gil_part cpu;
};

struct machine {
	__u64 random;
	__u64 now;
	__u32 nr;
	struct actor actors[RUN_THREADS];
	int holder; /* -1: none */
	bool recording;
	struct run *run;
};

static void emit(struct machine *m, __u32 i, enum gil_edge_kind kind, __u32 flags)
{
	if (m->recording)
		m->run->edges[m->run->nr++] = (struct gil_edge){
			.ts = m->now, .tid = i, .kind = (__u16)kind, .flags = (__u16)flags};
}

static bool anybody_waits(const struct machine *m)
{
	for (__u32 i = 0; i < m->nr; i++) {
		if (m->actors[i].alive && m->actors[i].waits)
			return true;
	}
	return false;
}

/* A step of a thread on its CPU: it takes the GIL, waits for it, continues to wait, or lets it
 * go. */
static void act_on_cpu(struct machine *m, __u32 i)
{
	struct actor *a = &m->actors[i];

	if (m->holder == (int)i) {
		__u32 requested = anybody_waits(m) && random_below(&m->random, 2);

		emit(m, i, GIL_EDGE_RELEASE, requested ? GIL_EDGE_F_REQUESTED : 0);
		m->holder = -1;
	} else if (m->holder < 0) {
		emit(m, i, GIL_EDGE_ACQUIRE, 0);
		m->holder = (int)i;
		a->waits = false;
	} else {
		emit(m, i, GIL_EDGE_WAIT, 0);
		a->waits = true;
	}
}

static void schedule(struct machine *m, __u32 i)
{
	struct actor *a = &m->actors[i];

	switch (a->cpu) {
	case GIL_PART_ONCPU:
		if (!random_below(&m->random, 8)) {
			emit(m, i, GIL_EDGE_WAKE, 0); /* woken before it actually slept */
			break;
		}
		a->cpu = random_below(&m->random, 2) ? GIL_PART_RUNNABLE : GIL_PART_BLOCKED;
		emit(m, i, GIL_EDGE_SWITCH_OUT,
		     a->cpu == GIL_PART_RUNNABLE ? GIL_EDGE_F_RUNNABLE : 0);
		break;
	case GIL_PART_BLOCKED:
		if (random_below(&m->random, 8)) {
			a->cpu = GIL_PART_RUNNABLE;
			emit(m, i, GIL_EDGE_WAKE, 0);
			break;
		}
		__attribute__((fallthrough)); /* its wake-up is missed */
	default:
		a->cpu = GIL_PART_ONCPU;
		emit(m, i, GIL_EDGE_SWITCH_IN, 0);
	}
}

static void step(struct machine *m)
{
	__u32 i = (__u32)random_below(&m->random, m->nr);
	struct actor *a = &m->actors[i];

	m->now += random_below(&m->random, 4) ? random_size(&m->random, 24) : 0;
	if (!a->alive)
		return;
	/* The holder does not die, because nothing would follow. Nor does thread 0, so that
		 * something goes on. */
	if (i && m->holder != (int)i && !random_below(&m->random, 200)) {
		emit(m, i, GIL_EDGE_EXIT, 0);
		a->alive = false;
		return;
	}
	if (a->cpu == GIL_PART_ONCPU && random_below(&m->random, 2))
		act_on_cpu(m, i);
	else
		schedule(m, i);
}

void machine_run(struct run *run, __u64 seed)
{
	struct machine m = {.random = random_seed(seed), .now = 1000000, .holder = -1, .run = run};
	unsigned int unseen;

	memset(run, 0, sizeof(*run));
	m.nr = 1 + (__u32)random_below(&m.random, RUN_THREADS);
	for (__u32 i = 0; i < m.nr; i++)
		m.actors[i].alive = true;
	/* Half of the runs are observed only from some moment on. */
	unseen = random_below(&m.random, 2) ? (unsigned int)random_below(&m.random, 200) : 0;
	for (unsigned int i = 0; i < unseen; i++)
		step(&m);
	run->start = m.now;
	run->attached = unseen > 0;
	run->locked_at_start = m.holder >= 0;
	run->threads = m.nr;
	m.recording = true;
	while (run->nr < 20 + seed % (RUN_EDGES - 20))
		step(&m);
	run->end = m.now + random_size(&m.random, 24);
}
