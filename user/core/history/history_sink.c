// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/history/history_sink.h"

static void begin(void *ctx, __u64 now_ns)
{
	history__begin(ctx, now_ns);
}

static int process(void *ctx, const struct snapshot_process *p)
{
	return history__process(ctx, p);
}

static int whole_process(void *ctx, const struct snapshot_process *p)
{
	return history__whole_process(ctx, p);
}

static int gil(void *ctx, int process, const struct snapshot_gil *g)
{
	return history__gil(ctx, process, g);
}

static int row(void *ctx, int process, int gil, __u32 tid, bool gone)
{
	return history__row(ctx, process, gil, tid, gone);
}

static bool row_changed(void *ctx, int process, int gil, int row, __u32 seq)
{
	return history__row_changed(ctx, process, gil, row, seq);
}

static int thread(void *ctx, int process, int gil, int row, const struct gil_thread *t)
{
	return history__thread(ctx, process, gil, row, t);
}

static int sums(void *ctx, int process, int gil, const struct gil_sum *sums, size_t n)
{
	return history__sums(ctx, process, gil, sums, n);
}

static int end(void *ctx, const struct snapshot *s)
{
	return history__end(ctx, s);
}

struct tick_sink history__sink(struct history *h)
{
	return (struct tick_sink){
		.begin = begin,
		.process = process,
		.whole_process = whole_process,
		.gil = gil,
		.row = row,
		.row_changed = row_changed,
		.thread = thread,
		.sums = sums,
		.end = end,
		.ctx = h,
	};
}
