/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The tables, how a record in them is found, taken and written, and the ring of process events.
 * Included by gilscope.bpf.c alone. */
#ifndef TABLES_H
#define TABLES_H

/* The loader sets the sizes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gil_process);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gil_lock);
} locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gil_thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gil_tables);
} tables SEC(".maps");

/* Recycled indexes. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} free_processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} free_locks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 1);
	__type(value, __u32);
} free_threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32); /* pid */
	__type(value, __u32);
} process_of SEC(".maps");

/* Preallocated: a tracing program that allocates at run time makes Linux 5.15 and 5.19 log a
 * warning when it is loaded. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct gil_sum_key);
	__type(value, struct gil_sum_value);
} sums SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 256 * 1024);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GIL_MAX_ARGUMENTS);
	__type(key, __u32);
	__type(value, struct gil_arguments);
} arguments SEC(".maps");

/* Task storage would fit, but on Linux 6.0 and 6.1 all lookups in one fail on a CPU while a program
 * that was just looking something up is preempted there. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32); /* tid */
	__type(value, struct gil_thread_records);
} records SEC(".maps");

/*
 * Most threads and processes that the scheduler's programs meet are not observed, and one look here tells.
 * A number that is set once stays set, and stands for all that are the same modulo its size.
 */
__u8 known_threads[GIL_KNOWN] = {};
__u8 known_processes[GIL_KNOWN] = {};

/* Set by the loader. */
const volatile __u32 max_processes = 1;
const volatile __u32 max_locks = 1;
const volatile __u32 max_threads = 1;
/* After so many ends of threads, user space should not wait any longer before it gives back their
 * records. */
const volatile __u32 closed_at_most = 1;
const volatile __u8 follow_children = 1;
const volatile __u8 blame = 0;            /* samples are taken: see blame.h */
const volatile __u8 report_all_execs = 0; /* including those of processes that are not targets */

/*
 * Changes a record's sequence count, which has one writer at a time. x86 keeps stores in order, so
 * only the compiler has to be held back. Elsewhere the step must be a full barrier. A BPF atomic
 * operation is a barrier only if it fetches the old value. An exchange always fetches it, but clang
 * compiles an addition with an unused result into one that does not.
 */
static __always_inline void seq_step(__u32 *seq)
{
#if defined(__TARGET_ARCH_x86)
	asm volatile("" ::: "memory");
	*(volatile __u32 *)seq = *seq + 1;
	asm volatile("" ::: "memory");
#else
	__sync_lock_test_and_set(seq, *seq + 1);
#endif
}

static __always_inline struct gil_tables *the_tables(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&tables, &zero);
}

static __always_inline struct gil_process *process_at(__u32 i)
{
	return bpf_map_lookup_elem(&processes, &i);
}

static __always_inline struct gil_lock *lock_at(__u32 i)
{
	return bpf_map_lookup_elem(&locks, &i);
}

static __always_inline struct gil_thread *thread_at(__u32 i)
{
	return bpf_map_lookup_elem(&threads, &i);
}

/* Takes an unused index: a recycled one, or else the next one that was never used. GIL_NONE if the
 * table is full, which is counted in *full, unless that is NULL. */
static __always_inline __u32 take_index(void *recycled, __u32 *next, __u32 max, __u64 *full)
{
	__u32 i;

	if (!bpf_map_pop_elem(recycled, &i))
		return i;
	if (*(volatile __u32 *)next < max) {
		i = __sync_fetch_and_add(next, 1);
		if (i < max)
			return i;
	}
	if (full)
		__sync_fetch_and_add(full, 1);
	return GIL_NONE;
}

static __always_inline void send_event_of(__u32 kind, __u32 pid, __u32 other, __u32 process,
					  __u32 image, __u32 borrows, struct task_struct *task)
{
	struct gil_tables *tab = the_tables();
	struct gil_event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);

	if (!e) {
		if (tab)
			__sync_fetch_and_add(&tab->events_lost, 1);
		return;
	}
	e->ts = bpf_ktime_get_ns();
	e->kind = kind;
	e->pid = pid;
	e->other = other;
	e->process = process;
	e->image = image;
	e->borrows = borrows;
	BPF_CORE_READ_STR_INTO(&e->comm, task, comm);
	bpf_ringbuf_submit(e, 0);
}

static __always_inline void send_event(__u32 kind, __u32 pid, __u32 other, __u32 process,
				       __u32 image, struct task_struct *task)
{
	send_event_of(kind, pid, other, process, image, 0, task);
}

#endif
