// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>

#include "fixtures_tape.h"

static int put(void *ctx, struct trace_chunk *c)
{
	struct tape *t = ctx;

	t->sequence = c->frame.sequence;
	trace_chunk__pack(c, &t->file);
	bytes__free(&c->payload);
	return t->file.failed ? -1 : 0;
}

void tape__begin(struct tape *t, pid_t pid, __u64 start, bool told,
		 const struct trace_encoder_options *o)
{
	struct trace_encoder_options options = o ? *o : (struct trace_encoder_options){0};
	struct trace_header h = {.version = TRACE_VERSION,
				 .start_ns = start,
				 .min_wait_ns = options.min_wait_ns,
				 .min_hold_ns = options.min_hold_ns,
				 .program = "test",
				 .host = "here",
				 .target = "-p 1"};

	memset(t, 0, sizeof(*t));
	t->start = start;
	options.put = put;
	options.ctx = t;
	bytes__append(&t->file, TRACE_MAGIC, TRACE_MAGIC_SIZE);
	if (trace_encoder__new(&t->encoder, &options) || trace_encoder__header(t->encoder, &h))
		abort();
	t->gil.main = true;
	t->gil.locked_at_start = -1;
	t->gil.switch_interval_us = 5000;
	gil_lock_begin(&t->gil.lock, (__u32)pid, TAPE_ADDRESS, start);
	t->process = (struct snapshot_process){.pid = pid,
					       .comm = "python3",
					       .command = "app.py",
					       .python = "3.11.2",
					       .source = "uprobe",
					       .start_ns = start,
					       .gils = &t->gil,
					       .nr_gils = 1};
	if (told)
		tape__tell(t, start);
}

void tape__tell(struct tape *t, __u64 now)
{
	if (trace_encoder__process(t->encoder, &t->process, now))
		abort();
}

static struct gil_stream_gil key(const struct tape *t)
{
	return (struct gil_stream_gil){
		.address = TAPE_ADDRESS, .start = t->start, .pid = (__u32)t->process.pid};
}

static void enter(struct tape *t, const void *entry, size_t size)
{
	if (trace_encoder__entry(t->encoder, entry, size))
		abort();
	if (t->chunk_edges && ++t->since_flush >= t->chunk_edges) {
		t->since_flush = 0;
		if (trace_encoder__flush(t->encoder))
			abort();
	}
}

void tape__thread(struct tape *t, __u32 record, __u32 tid, __u8 state, __u64 ts)
{
	struct gil_stream_thread s = {
		.edge = {.ts = ts, .thread = record, .kind = GIL_STREAM_THREAD, .flags = state},
		.gil = key(t),
		.tid = tid,
	};

	snprintf(s.comm, sizeof(s.comm), "thread-%u", tid);
	enter(t, &s, sizeof(s));
}

void tape__edge(struct tape *t, __u32 record, enum gil_edge_kind kind, __u8 flags, __u16 settled,
		__u64 ts)
{
	struct gil_stream_edge s = {
		.ts = ts, .thread = record, .kind = (__u8)kind, .flags = flags, .settled = settled};

	enter(t, &s, sizeof(s));
}

void tape__lost(struct tape *t, __u64 count, __u64 since, __u64 ts)
{
	struct gil_stream_lost s = {
		.edge = {.ts = ts, .kind = GIL_STREAM_LOST},
		.gil = key(t),
		.count = count,
		.since = since,
	};

	enter(t, &s, sizeof(s));
}

void tape__end(struct tape *t, const struct snapshot *s, bool figures)
{
	struct trace_chunk index = {.frame = {.type = TRACE_FRAME_INDEX}};

	if (!s) {
		if (trace_encoder__flush(t->encoder))
			abort();
		return;
	}
	if (trace_encoder__finish(t->encoder, s, figures))
		abort();
	index.frame.sequence = t->sequence + 1;
	trace_chunk__pack(&index, &t->file);
	bytes__append(&t->file, "\0\0\0\0\0\0\0", 8);
	bytes__append(&t->file, TRACE_TAIL_MAGIC, 8);
}

struct replay *tape__replay(const struct tape *t, size_t n, struct failure *f)
{
	FILE *in = n ? fmemopen(t->file.data, n, "r") : fopen("/dev/null", "r");
	struct replay *r;

	if (!in)
		abort();
	return replay__open_stream(&r, in, "tape", f) ? NULL : r;
}

void tape__free(struct tape *t)
{
	trace_encoder__free(t->encoder);
	bytes__free(&t->file);
}
