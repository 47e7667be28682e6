/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Threads' records: one per thread and GIL that it has taken. Included by gilscope.bpf.c alone. */
#ifndef THREADS_H
#define THREADS_H

/* Once a thread has two GILs, its records are always searched, so that `current` follows. */
static __always_inline void mark_several(const struct gil_thread_records *r, __u32 tid)
{
	GIL_VERIFIER_UNROLL
	for (__u32 i = 0; i < GIL_THREAD_LOCKS; i++) {
		struct gil_thread *t = i < r->count ? thread_at(r->index[i]) : NULL;

		if (t && t->tid == tid)
			t->bpf.several = 1;
	}
}

/* The record with which the thread is busy, if it is with any. NULL if it has none; or it is just making
 * its first one. */
static __always_inline struct gil_thread *current_record(const struct gil_thread_records *r,
							 __u32 tid)
{
	struct gil_thread *t;
	__u64 current;

	if (!r || !r->count)
		return NULL;
	current = r->current;
	GIL_VERIFIER_BELOW(current, GIL_THREAD_LOCKS);
	t = thread_at(r->index[current]);
	return t && t->tid == tid ? t : NULL;
}

static __always_inline struct gil_thread *record_of(const struct task_struct *task)
{
	__u32 tid = task->pid;

	if (!known_threads[tid & (GIL_KNOWN - 1)])
		return NULL;
	return current_record(bpf_map_lookup_elem(&records, &tid), tid);
}

/* Where a new record goes in the thread's list: after the others, or in place of one that user
 * space has taken back because the GIL's interpreter is gone. GIL_THREAD_LOCKS if there is no
 * room. */
static __always_inline __u64 free_record(const struct gil_thread_records *r, __u32 tid)
{
	__u64 n = r->count;

	GIL_VERIFIER_UNROLL
	for (__u32 i = 0; i < GIL_THREAD_LOCKS; i++) {
		struct gil_thread *t = i < r->count ? thread_at(r->index[i]) : NULL;

		if (t && (t->tid != tid || t->state == GIL_THREAD_GONE))
			n = i;
	}
	return n;
}

/* The thread's list, made if it does not exist; NULL if the table is full. */
static __always_inline struct gil_thread_records *records_of(__u32 tid)
{
	struct gil_thread_records *r = bpf_map_lookup_elem(&records, &tid);
	struct gil_thread_records none = {};

	if (r)
		return r;
	known_threads[tid & (GIL_KNOWN - 1)] = 1;
	bpf_map_update_elem(&records, &tid, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&records, &tid);
}

/*
 * Makes the calling thread's record for this GIL. Returns its index, or GIL_NONE. This is the rare
 * path, taken once per thread and GIL.
 */
static __noinline __u32 thread_new(__u32 lock_index)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct gil_tables *tab = the_tables();
	struct gil_lock *l = lock_at(lock_index);
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 i, tid = (__u32)pid_tgid;
	struct gil_thread_records *r;
	struct gil_thread *t;
	__u64 n;

	if (!tab || !l)
		return GIL_NONE;
	r = records_of(tid);
	n = r ? free_record(r, tid) : GIL_THREAD_LOCKS;
	if (!r || n >= GIL_THREAD_LOCKS)
		return GIL_NONE;
	/* Whoever gets no record counts the edge as dropped. */
	i = take_index(&free_threads, &tab->next_thread, max_threads, NULL);
	t = thread_at(i);
	if (!t)
		return GIL_NONE;
	t->pid = pid_tgid >> 32;
	t->lock = lock_index;
	BPF_CORE_READ_STR_INTO(&t->comm, task, comm);
	/* A thread born after the observation began cannot have done anything unseen. Nor has one that
	 * would have shown itself by now. */
	t->state = l->bpf.born || BPF_CORE_READ(task, start_time) > l->start ||
				   (l->bpf.whole_from && bpf_ktime_get_ns() > l->bpf.whole_from)
			   ? GIL_THREAD_IDLE
			   : GIL_THREAD_UNSEEN;
	t->tid = tid;
	t->bpf.record = i;
	GIL_VERIFIER_BELOW(n, GIL_THREAD_LOCKS);
	r->index[n] = i;
	r->current = n;
	if (n == r->count)
		r->count++;
	if (r->count > 1)
		mark_several(r, tid);
	if (recording && !l->bpf.lost)
		stream_thread(l, t, bpf_ktime_get_ns());
	return i;
}

/* The index of the calling thread's record for this GIL, made if it does not exist; or GIL_NONE. */
static __noinline __u32 thread_search(__u32 lock_index)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct gil_thread_records *r = bpf_map_lookup_elem(&records, &tid);

	GIL_VERIFIER_UNROLL
	for (__u32 i = 0; i < GIL_THREAD_LOCKS; i++) {
		struct gil_thread *t;

		if (!r || i >= r->count)
			break;
		t = thread_at(r->index[i]);
		if (t && t->lock == lock_index && t->tid == tid) {
			r->current = i;
			return r->index[i];
		}
	}
	return thread_new(lock_index);
}

/*
 * The same, but faster: usually the thread that had the GIL last lets it go or takes it back.
 * Comparing the thread's number costs half as much as searching its records.
 */
static __always_inline struct gil_thread *thread_of(struct gil_process *p, __u32 lock_index,
						    struct gil_lock *l, __u32 tid)
{
	struct gil_thread *t;

	if (!gil_rarely(l->last_tid != tid)) {
		t = thread_at(l->bpf.last_record);
		if (t && t->tid == tid && t->lock == lock_index && !t->bpf.several)
			return t;
	}
	t = thread_at(thread_search(lock_index));
	if (!t)
		__sync_fetch_and_add(&p->dropped, 1);
	return t;
}

/* The thread is back on a CPU, in the model, too: see blame.h. `own`: this program is just writing the
 * record of its GIL. */
static int blame_back(struct gil_thread *t, int own, __u64 now);

/*
 * Now and then the kernel switches to a thread without running the tracepoint's programs (seen on
 * Linux 6.18). It becomes apparent when the thread does something although it is believed to be off
 * its CPU. How long it has been running then follows from the CPU time that it has used since it
 * was last switched out. `own`: the record of its GIL is just being written by this program.
 */
static __always_inline void infer_switch_in(struct gil_thread *t, const struct task_struct *task,
					    int own, __u64 now)
{
	__u64 ran = task->se.sum_exec_runtime - t->bpf.ran, off = gil_elapsed(t->mark, now);

	now -= ran < off ? ran : off;
	gil_model_switch_in(t, now);
	if (recording)
		stream_switch(t, GIL_EDGE_SWITCH_IN, 0, now);
	if (blame)
		blame_back(t, own, now);
}

#endif
