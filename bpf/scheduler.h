/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the scheduler does with a thread that waits for a GIL or holds one. Included by
 * gilscope.bpf.c alone. */
#ifndef SCHEDULER_H
#define SCHEDULER_H

/* The thread's record if it waits or holds. */
static __always_inline struct gil_thread *timed(struct gil_thread *t)
{
	if (!t || !gil_thread_is_timed(t) || is_frozen())
		return NULL; /* frozen: what is still open would go on beyond the end */
	if (t->seq & 1) {
		struct gil_tables *tab = the_tables();

		if (tab)
			__sync_fetch_and_add(&tab->switches_missed, 1);
		return NULL;
	}
	return t;
}

/* The record of a thread that leaves its CPU, if it waits or holds. `sleeps`: it goes to sleep. */
static __always_inline struct gil_thread *leaving(struct task_struct *task, int sleeps)
{
	struct gil_thread *t = record_of(task);

	if (sleeps && t && gil_rarely(t->bpf.tried != 0) && !is_frozen())
		semaphore_sleeps(t->bpf.record);
	if (futex && futex_leave(task, t, sleeps))
		t = record_of(task);
	return timed(t);
}

/*
 * True if the outgoing task is stopped by a signal or by a debugger, or frozen with its cgroup. The
 * freezer of cgroup 1 sets the state (Linux 6.1). That of cgroup 2 asks the task to stop, and notes
 * that it has; the note alone says nothing, as a task that waits for its vfork child has it, too.
 */
static __always_inline int is_stopped(struct task_struct *task)
{
	if (task->__state & (TASK_STOPPED | TASK_TRACED | TASK_FROZEN))
		return 1;
	return bpf_core_field_exists(task->frozen) && BPF_CORE_READ_BITFIELD(task, frozen) &&
	       task->jobctl & JOBCTL_TRAP_FREEZE;
}

/*
 * The state of the outgoing task is read from the task: the tracepoint's fourth argument only
 * exists from Linux 5.18 on. The state cannot become runnable before the switch is over: a waker
 * that finds the task off its queue only sets TASK_WAKING, which is not runnable either.
 */
SEC("tp_btf/sched_switch")
int on_switch(__u64 *ctx)
{
	int preempted = (int)ctx[0] & 1;
	struct task_struct *prev = (struct task_struct *)ctx[1];
	struct task_struct *next = (struct task_struct *)ctx[2];
	struct gil_thread *t;

	t = leaving(prev, !preempted && prev->__state != 0);
	if (t) {
		__u64 now = bpf_ktime_get_ns();
		__u32 flags;

		seq_step(&t->seq);
		if (t->cpu != GIL_PART_ONCPU)
			infer_switch_in(t, prev, 0, now);
		flags = preempted || prev->__state == 0 ? GIL_EDGE_F_RUNNABLE
			: is_stopped(prev)              ? GIL_EDGE_F_STOPPED
							: 0;
		gil_model_switch_out(t, flags, now);
		if (recording)
			stream_switch(t, GIL_EDGE_SWITCH_OUT, flags, now);
		t->bpf.ran = prev->se.sum_exec_runtime;
		if (blame)
			blame_leave(t, prev, now);
		seq_step(&t->seq);
	}
	t = timed(record_of(next));
	if (t) {
		__u64 now = bpf_ktime_get_ns();

		seq_step(&t->seq);
		gil_model_switch_in(t, now);
		if (recording)
			stream_switch(t, GIL_EDGE_SWITCH_IN, 0, now);
		if (blame)
			blame_back(t, 0, now);
		seq_step(&t->seq);
		if (futex && t->bpf.futex)
			futex_edge(t, GIL_EDGE_WOKEN, 0, now);
	}
	return 0;
}

SEC("tp_btf/sched_wakeup")
int on_wakeup(__u64 *ctx)
{
	struct gil_thread *t = timed(record_of((struct task_struct *)ctx[0]));
	__u64 now;

	if (!t || t->cpu != GIL_PART_BLOCKED)
		return 0;
	seq_step(&t->seq);
	now = bpf_ktime_get_ns();
	gil_model_wake(t, now);
	if (recording)
		stream_switch(t, GIL_EDGE_WAKE, 0, now);
	seq_step(&t->seq);
	return 0;
}

#endif
