/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One GIL with three threads, and words for their edges. */
#ifndef MODEL_EDGES_H
#define MODEL_EDGES_H

#include "core/figures/snapshot.h"
#include "test.h"

#define START 1000

/* One GIL and three threads, born under observation unless a test says otherwise. */
static struct gil_lock lock;
static struct gil_thread threads[3];

static inline void begin(void)
{
	memset(&lock, 0, sizeof(lock));
	memset(threads, 0, sizeof(threads));
	gil_lock_begin(&lock, 1, 0x1234, START);
	for (int i = 0; i < 3; i++) {
		threads[i].tid = 100 + (__u32)i;
		threads[i].state = GIL_THREAD_IDLE;
	}
}

/* Adds an edge of a thread, this many ns after the start. */
static inline struct gil_handoff edge(int thread, __u64 at, enum gil_edge_kind kind, __u16 flags)
{
	struct gil_edge e = {.ts = START + at, .kind = (__u16)kind, .flags = flags};

	return gil_model_step(&lock, &threads[thread], &e);
}

/* The GIL's figures. */
static inline const struct gil_figures *figures(void)
{
	static struct gil_figures sum;

	gil_figures__sum(&sum, threads, 3);
	return &sum;
}

#define WAIT(t, at)    edge(t, at, GIL_EDGE_WAIT, 0)
#define ACQUIRE(t, at) edge(t, at, GIL_EDGE_ACQUIRE, 0)
#define RELEASE(t, at) edge(t, at, GIL_EDGE_RELEASE, 0)
#define REQUEST(t, at) edge(t, at, GIL_EDGE_RELEASE, GIL_EDGE_F_REQUESTED)
#define BLOCK(t, at)   edge(t, at, GIL_EDGE_SWITCH_OUT, 0)
#define PREEMPT(t, at) edge(t, at, GIL_EDGE_SWITCH_OUT, GIL_EDGE_F_RUNNABLE)
#define WAKE(t, at)    edge(t, at, GIL_EDGE_WAKE, 0)
#define RUN(t, at)     edge(t, at, GIL_EDGE_SWITCH_IN, 0)
#define EXIT(t, at)    edge(t, at, GIL_EDGE_EXIT, 0)
#define PARTS(p, oncpu, runnable, blocked)                                                         \
	do {                                                                                       \
		CHECK_EQ((p)[GIL_PART_ONCPU], oncpu);                                              \
		CHECK_EQ((p)[GIL_PART_RUNNABLE], runnable);                                        \
		CHECK_EQ((p)[GIL_PART_BLOCKED], blocked);                                          \
	} while (0)

#endif
