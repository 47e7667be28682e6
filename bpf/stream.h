/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Writes the ring of edges for a recording, in the format of gil_stream.h. Included by
 * gilscope.bpf.c alone.
 *
 * `recording` is a constant to the verifier, which removes this code when nothing is recorded. User
 * space polls the ring on a timer: a wake-up per edge would cost more than the edge.
 */
#ifndef STREAM_H
#define STREAM_H

#include "gil_stream.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} edges SEC(".maps");

const volatile __u8 recording = 0; /* set by the loader */

/* True if the observation is over. Freeze open intervals now; otherwise the replay would give
 * different totals. */
static __always_inline int is_frozen(void)
{
	struct gil_tables *tab = the_tables();

	return tab && *(volatile __u32 *)&tab->frozen;
}

/* Counts an edge of this GIL that is not in the ring. */
static __noinline int stream_lose(struct gil_lock *l, __u64 now)
{
	if (l && !__sync_fetch_and_add(&l->bpf.lost, 1))
		l->bpf.lost_since = now;
	return 0;
}

static __always_inline struct gil_stream_gil stream_gil(const struct gil_lock *l)
{
	return (struct gil_stream_gil){.address = l->address, .start = l->start, .pid = l->pid};
}

/* Writes whose record this is. Called under the GIL's mutex, as is stream_lost. */
static __noinline int stream_thread(struct gil_lock *l, struct gil_thread *t, __u64 now)
{
	struct gil_stream_thread e = {};

	if (!l || !t)
		return 0;
	e.edge = (struct gil_stream_edge){
		.ts = now, .thread = t->bpf.record, .kind = GIL_STREAM_THREAD, .flags = t->state};
	e.gil = stream_gil(l);
	e.tid = t->tid;
	__builtin_memcpy(e.comm, t->comm, sizeof(e.comm));
	t->bpf.told = !bpf_ringbuf_output(&edges, &e, sizeof(e), BPF_RB_NO_WAKEUP);
	return 0;
}

/* Writes that edges are missing. */
static __noinline int stream_lost(struct gil_lock *l, __u64 now)
{
	struct gil_stream_lost e = {};

	if (!l)
		return 0;
	e.edge = (struct gil_stream_edge){.ts = now, .kind = GIL_STREAM_LOST};
	e.gil = stream_gil(l);
	e.count = l->bpf.lost;
	e.since = l->bpf.lost_since;
	if (!bpf_ringbuf_output(&edges, &e, sizeof(e), BPF_RB_NO_WAKEUP))
		__sync_fetch_and_add(&l->bpf.lost, -e.count);
	return 0;
}

/* Writes what must precede an edge of the GIL. Called under its mutex. False if it did not fit. */
static __always_inline int stream_ready(struct gil_lock *l, struct gil_thread *t, __u64 now)
{
	if (gil_rarely(l->bpf.lost))
		stream_lost(l, now);
	if (gil_rarely(!t->bpf.told))
		stream_thread(l, t, now);
	return !l->bpf.lost && t->bpf.told;
}

/* Writes an edge. While earlier losses are unreported, the edge is lost too: only stream_ready, on
 * an edge of the GIL, can report them. */
static __always_inline void stream_edge(struct gil_lock *l, const struct gil_thread *t,
					enum gil_edge_kind kind, __u32 flags, __u32 settled,
					__u64 ts)
{
	struct gil_stream_edge e = {.ts = ts,
				    .thread = t->bpf.record,
				    .kind = (__u8)kind,
				    .flags = (__u8)flags,
				    .settled = (__u16)settled};

	if (gil_rarely(l->bpf.lost || !t->bpf.told) ||
	    gil_rarely(bpf_ringbuf_output(&edges, &e, sizeof(e), BPF_RB_NO_WAKEUP)))
		stream_lose(l, ts);
}

/* The same for an edge of the scheduler. */
static __always_inline void stream_switch(const struct gil_thread *t, enum gil_edge_kind kind,
					  __u32 flags, __u64 ts)
{
	struct gil_lock *l = lock_at(t->lock);

	if (l)
		stream_edge(l, t, kind, flags, 0, ts);
}

static __always_inline void stream_exit(struct gil_lock *l, const struct gil_thread *t, __u64 ts)
{
	struct gil_stream_exit e = {};

	e.edge = (struct gil_stream_edge){.ts = ts, .thread = t->bpf.record, .kind = GIL_EDGE_EXIT};
	__builtin_memcpy(e.comm, t->comm, sizeof(e.comm));
	if (l->bpf.lost || !t->bpf.told ||
	    bpf_ringbuf_output(&edges, &e, sizeof(e), BPF_RB_NO_WAKEUP))
		stream_lose(l, e.edge.ts);
}

#endif
