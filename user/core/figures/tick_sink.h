/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Takes everything that is known again and again, in ticks: only what has changed since the last
 * tick needs to come. A history is one (core/history/history_sink.h).
 */
#ifndef TICK_SINK_H
#define TICK_SINK_H

#include "core/figures/snapshot.h"

/* A tick is: begin; then processes, each with its GILs, each with their threads and keyed sums; then
 * end. What comes stays with the caller. */
struct tick_sink {
	void (*begin)(void *ctx, __u64 now_ns);
	/* Each returns an index for the calls below it, or -ENOMEM. The lists that the struct owns
	 * come separately, or never, except for the samples of a GIL; with whole_process they come
	 * along. */
	int (*process)(void *ctx, const struct snapshot_process *p);
	int (*whole_process)(void *ctx, const struct snapshot_process *p);
	int (*gil)(void *ctx, int process, const struct snapshot_gil *g);
	/* The row of a thread that is alive in this tick, or has exited (`gone`). tid 0 stands for
	 * the sum of other exited threads, and comes last. Returns its index or -ENOMEM. */
	int (*row)(void *ctx, int process, int gil, __u32 tid, bool gone);
	/* True if the row's record may have changed, because it last came with another `seq`. If it
	 * has not, the next call is not needed. */
	bool (*row_changed)(void *ctx, int process, int gil, int row, __u32 seq);
	int (*thread)(void *ctx, int process, int gil, int row, const struct gil_thread *t);
	/* The keyed sums that may have changed. The last three return 0 or -ENOMEM. */
	int (*sums)(void *ctx, int process, int gil, const struct gil_sum *sums, size_t n);
	/* `s` has what belongs to no process: times, losses, costs. */
	int (*end)(void *ctx, const struct snapshot *s);
	void *ctx;
};

#endif
