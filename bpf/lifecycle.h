/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How processes start, execute another program, and exit. Included by gilscope.bpf.c alone. */
#ifndef LIFECYCLE_H
#define LIFECYCLE_H

/* Counts n records that were closed, and tells user space in time for it to give them back before the
 * table is full. */
static __always_inline void count_closed(struct task_struct *task, __u32 n)
{
	struct gil_tables *tab = the_tables();
	__u64 before;

	if (!tab || !n)
		return;
	before = __sync_fetch_and_add(&tab->closed, n);
	if (before / closed_at_most != (before + n) / closed_at_most)
		send_event(GIL_EVENT_CLOSED, task->tgid, 0, GIL_NONE, 0, task);
}

/* Closes the records of a thread that ends, or whose program is replaced. `tid` is the number under
 * which the records were made. A thread that executes a program has already taken its process's
 * number. */
static __always_inline void close_records(struct task_struct *task, __u32 tid)
{
	struct gil_thread_records *r = bpf_map_lookup_elem(&records, &tid);
	__u32 closed = 0;

	if (!r)
		return;
	GIL_VERIFIER_UNROLL
	for (__u32 i = 0; i < GIL_THREAD_LOCKS; i++) {
		struct gil_thread *t;
		struct gil_lock *l;
		__u64 now;

		if (i >= r->count)
			break;
		t = thread_at(r->index[i]);
		if (!t || t->tid != tid)
			continue;
		l = lock_at(t->lock);
		if (!l || (recording && is_frozen()))
			continue;
		seq_step(&t->seq);
		now = bpf_ktime_get_ns();
		BPF_CORE_READ_STR_INTO(&t->comm, task, comm);
		gil_model_exit(l, t, now);
		if (recording)
			stream_exit(l, t, now);
		seq_step(&t->seq);
		closed++;
	}
	bpf_map_delete_elem(&records, &tid);
	count_closed(task, closed);
}

/* Takes a record for a new child. User space, which knows the parent's GILs, enters the child's. */
static __always_inline __u32 process_new(__u32 pid)
{
	struct gil_tables *tab = the_tables();
	struct gil_process *p;
	__u32 i;

	if (!tab)
		return GIL_NONE;
	i = take_index(&free_processes, &tab->next_process, max_processes, &tab->processes_full);
	p = process_at(i);
	if (!p)
		return GIL_NONE;
	p->state = GIL_PROCESS_QUIET;
	p->sources = GIL_SOURCE_COND;
	p->pid = pid;
	p->bound = pid;
	known_processes[pid & (GIL_KNOWN - 1)] = 1;
	bpf_map_update_elem(&process_of, &pid, &i, BPF_ANY);
	return i;
}

PROCESS_PROGRAM(sched_process_fork, on_fork, __u64 *ctx)
{
	struct task_struct *parent = (struct task_struct *)ctx[0];
	struct task_struct *child = (struct task_struct *)ctx[1];
	__u32 parent_pid = parent->tgid, pid = child->pid;

	if (!follow_children || child->pid != child->tgid)
		return 0;
	if (!bpf_map_lookup_elem(&process_of, &parent_pid))
		return 0;
	send_event_of(GIL_EVENT_FORK, pid, parent_pid, process_new(pid), 0, child->mm == parent->mm,
		      child);
	return 0;
}

PROCESS_PROGRAM(sched_process_exec, on_exec, __u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	__u32 caller = (__u32)ctx[1], pid = task->tgid;
	__u32 *index = bpf_map_lookup_elem(&process_of, &pid);
	struct gil_process *p;

	if (!index) {
		if (report_all_execs)
			send_event(GIL_EVENT_EXEC, pid, caller, GIL_NONE, 0, task);
		return 0;
	}
	p = process_at(*index);
	if (!p)
		return 0;
	close_records(task, caller);
	p->nr_locks = 0;
	p->finder.known = 0;
	p->semaphore_at = 0;
	p->entering = 0;
	p->image++;
	p->drop_request.known = 0;
	p->frames.known = 0;
	if (p->sources & GIL_SOURCE_USDT)
		p->sources = GIL_SOURCE_COND | GIL_SOURCE_USDT | GIL_SOURCE_TAKEOVER;
	else
		p->sources = GIL_SOURCE_COND;
	p->state = GIL_PROCESS_NEW;
	send_event(GIL_EVENT_EXEC, pid, caller, *index, p->image, task);
	return 0;
}

/* True while all threads of a process are being killed: because the process exits, or because one
 * of them executes another program. */
static __always_inline int is_killed(const struct signal_struct *signal)
{
	const struct signal_struct___before_5_17 *older = (const void *)signal;

	if (signal->flags & SIGNAL_GROUP_EXIT)
		return 1;
	if (bpf_core_field_exists(signal->group_exec_task))
		return signal->group_exec_task != NULL;
	return older->group_exit_task != NULL;
}

/* Reports that a thread has ended while others go on. By now it has left its memory map, by which
 * the kernel may have identified the process's probes. */
static __always_inline void tell_unbound(struct task_struct *task)
{
	__u32 pid = task->tgid;
	__u32 *index = bpf_map_lookup_elem(&process_of, &pid);
	struct gil_process *p = index ? process_at(*index) : NULL;

	if (p && p->bound == (__u32)task->pid && !is_killed(task->signal))
		send_event(GIL_EVENT_UNBOUND, pid, p->bound, *index, p->image, task);
}

PROCESS_PROGRAM(sched_process_exit, on_exit, __u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0];
	__u32 pid = task->tgid;
	__u32 *index;

	close_records(task, task->pid);
	/* The kernel counts down before this tracepoint: the last thread of the process sees 0. */
	if (task->signal->live.counter != 0) {
		tell_unbound(task);
		return 0;
	}
	index = bpf_map_lookup_elem(&process_of, &pid);
	if (!index)
		return 0;
	send_event(GIL_EVENT_EXIT, pid, 0, *index, 0, task);
	bpf_map_delete_elem(&process_of, &pid);
	return 0;
}

#endif
