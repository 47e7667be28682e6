/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ring of edges, for a recording: what is put into it, as gil_stream.h has it. Included by
 * gilscope.bpf.c alone.
 *
 * `recording` is constant for the verifier, which removes all of this where nothing is recorded.
 * User space looks into the ring by a timer: waking it up for an edge would cost more than the edge.
 */
#ifndef STREAM_H
#define STREAM_H

#include "gil_stream.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} edges SEC(".maps");

const volatile __u8 recording = 0; /* set by the loader */

/* The observation is over: what is going on at its end must not go on any more, or the replay could
 * not come to the same. */
static __always_inline int is_frozen(void)
{
	struct gil_tables *tab = the_tables();

	return tab && *(volatile __u32 *)&tab->frozen;
}

/* One edge of this GIL is not in the ring. */
static __noinline int stream_lose(struct gil_lock *l, __u64 now)
{
	if (l && !__sync_fetch_and_add(&l->lost, 1))
		l->lost_since = now;
	return 0;
}

static __always_inline struct gil_stream_gil stream_gil(const struct gil_lock *l)
{
	return (struct gil_stream_gil){.address = l->address, .start = l->start, .pid = l->pid};
}

/* Tells whose record this is. Under the GIL's mutex, as is the next one. */
static __noinline int stream_thread(struct gil_lock *l, struct gil_thread *t, __u64 now)
{
	struct gil_stream_thread e = {};

	if (!l || !t)
		return 0;
	e.edge = (struct gil_stream_edge){
		.ts = now, .thread = t->record, .kind = GIL_STREAM_THREAD, .flags = t->state};
	e.gil = stream_gil(l);
	e.tid = t->tid;
	__builtin_memcpy(e.comm, t->comm, sizeof(e.comm));
	t->told = !bpf_ringbuf_output(&edges, &e, sizeof(e), BPF_RB_NO_WAKEUP);
	return 0;
}

/* Tells that edges are missing. */
static __noinline int stream_lost(struct gil_lock *l, __u64 now)
{
	struct gil_stream_lost e = {};

	if (!l)
		return 0;
	e.edge = (struct gil_stream_edge){.ts = now, .kind = GIL_STREAM_LOST};
	e.gil = stream_gil(l);
	e.count = l->lost;
	e.since = l->lost_since;
	if (!bpf_ringbuf_output(&edges, &e, sizeof(e), BPF_RB_NO_WAKEUP))
		__sync_fetch_and_add(&l->lost, -e.count);
	return 0;
}

/* Whatever has to come before an edge of the GIL; under its mutex. False: it did not fit. */
static __always_inline int stream_ready(struct gil_lock *l, struct gil_thread *t, __u64 now)
{
	if (gil_rarely(l->lost))
		stream_lost(l, now);
	if (gil_rarely(!t->told))
		stream_thread(l, t, now);
	return !l->lost && t->told;
}

/* An edge. What was lost before it has to be told first, which only an edge of the GIL can do. */
static __always_inline void stream_edge(struct gil_lock *l, const struct gil_thread *t,
					enum gil_edge_kind kind, __u32 flags, __u32 settled,
					__u64 ts)
{
	struct gil_stream_edge e = {.ts = ts,
				    .thread = t->record,
				    .kind = (__u8)kind,
				    .flags = (__u8)flags,
				    .settled = (__u16)settled};

	if (gil_rarely(l->lost || !t->told) ||
	    gil_rarely(bpf_ringbuf_output(&edges, &e, sizeof(e), BPF_RB_NO_WAKEUP)))
		stream_lose(l, ts);
}

/* The same, of the scheduler. */
static __always_inline void stream_switch(const struct gil_thread *t, enum gil_edge_kind kind,
					  __u32 flags, __u64 ts)
{
	struct gil_lock *l = lock_at(t->lock);

	if (l)
		stream_edge(l, t, kind, flags, 0, ts);
}

static __always_inline void stream_exit(struct gil_lock *l, const struct gil_thread *t)
{
	struct gil_stream_exit e = {};

	e.edge = (struct gil_stream_edge){
		.ts = bpf_ktime_get_ns(), .thread = t->record, .kind = GIL_EDGE_EXIT};
	__builtin_memcpy(e.comm, t->comm, sizeof(e.comm));
	if (l->lost || !t->told || bpf_ringbuf_output(&edges, &e, sizeof(e), BPF_RB_NO_WAKEUP))
		stream_lose(l, e.edge.ts);
}

#endif
