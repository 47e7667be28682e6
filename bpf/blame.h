/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Samples of the code that has a GIL, in the format of gil_blame.h. Included by gilscope.bpf.c alone.
 *
 * A timer on each CPU interrupts what runs there. If that is a thread that has a GIL, its place in
 * the code is noted: everything is looked at in the holder's own context, and nobody is stopped.
 * Where the scheduler takes a holder off its CPU, the place is noted, too, and the exact length of the
 * gap, and how long others waited in it, follow when the thread is back.
 *
 * Both programs run with interrupts off, so on one CPU neither meets the other one in the middle, and
 * one scratch for each CPU is enough. The timer may interrupt a uprobe's program. The thread's record
 * then has an odd sequence count, and is left alone.
 *
 * `blame` is a constant to the verifier, which removes this code when no samples are taken.
 */
#ifndef BLAME_H
#define BLAME_H

#include "gil_blame.h"

#include "blame_code.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gil_blame_gap);
} gaps SEC(".maps");

/* ---- a place in the code ---- */

/* The thread's number in its own pid namespace, as the interpreter knows it; 0 if unknown. The address
 * is computed as a number, because old verifiers do not accept the pointer plus a variable. */
static __always_inline __u32 blame_own_tid(struct task_struct *task)
{
	__u64 pid = 0, level = task->thread_pid->level;
	__u32 nr = 0;

	if (!level)
		return task->pid;
	if (bpf_core_read(&pid, sizeof(pid), &task->thread_pid))
		return 0;
	pid += bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, nr);
	return bpf_probe_read_kernel(&nr, sizeof(nr), (void *)pid) ? 0 : nr;
}

/* Where user mode was left, and which system call is under way. */
static __always_inline void blame_registers(struct task_struct *task, struct gil_blame_place *at)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task); /* Linux 5.15 */

	at->ip = PT_REGS_IP(regs);
#if defined(__TARGET_ARCH_x86)
	at->syscall = (__s32)regs->orig_ax;
#else
	at->syscall = ((struct pt_regs___kernel *)regs)->syscallno;
#endif
	if (at->syscall < 0)
		at->syscall = -1;
}

/* Finds what the current thread, which has the GIL, runs. */
static __noinline int blame_frame(struct gil_process *p, struct gil_lock *l, __u32 lock,
				  __u32 own_tid, struct gil_blame_place *at)
{
	__u32 zero = 0;
	struct gil_walk *w = bpf_map_lookup_elem(&walks, &zero);

	at->code = at->callers = 0;
	at->lasti = -1;
	at->top = GIL_BLAME_UNREADABLE;
	if (!p || !l || !w)
		return 0;
	w->frame[0].code = 0;
	if (gil_walk_begin(w, &p->frames, gil_walk_thread(&p->frames, l->address), own_tid,
			   GIL_WALK_FRAMES))
		return 0;
	blame_walk(p, l, lock, w);
	if (!w->depth) {
		if (w->end == GIL_WALK_WHOLE)
			at->top = GIL_BLAME_NO_FRAME;
		return 0;
	}
	at->code = w->frame[0].code;
	at->lasti = w->frame[0].at;
	if (at->code)
		at->top = GIL_BLAME_FRAME;
	at->callers = blame_callers(l, lock, w);
	return 0;
}

/* The record of the thread's process, if its frames are understood. */
static __always_inline struct gil_process *blame_process(const struct gil_thread *t)
{
	__u32 pid = t->pid, *index = bpf_map_lookup_elem(&process_of, &pid);
	struct gil_process *p = index ? process_at(*index) : NULL;

	return p && p->frames.known && p->state == GIL_PROCESS_TRACED ? p : NULL;
}

/* ---- ticks ---- */

/* The thread's record if it has a GIL and nobody is just writing to it. */
static __always_inline struct gil_thread *blame_holder(__u32 tid)
{
	struct gil_thread *t = current_record(bpf_map_lookup_elem(&records, &tid), tid);

	return t && t->state == GIL_THREAD_HOLDING && !(t->seq & 1) ? t : NULL;
}

SEC("perf_event")
int on_tick(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tid = task->pid, waiters, gone;
	struct gil_blame_sample *e;
	struct gil_blame_place at;
	struct gil_process *p;
	struct gil_thread *t;
	struct gil_lock *l;

	(void)ctx;
	if (!tid)
		return 0;
	t = blame_holder(tid);
	if (!t || is_frozen())
		return 0;
	p = blame_process(t);
	l = lock_at(t->lock);
	if (!p || !l)
		return 0;
	waiters = l->waiters;
	gone = l->gone - l->gone_seen;
	blame_registers(task, &at);
	blame_frame(p, l, t->lock, blame_own_tid(task), &at);
	e = bpf_ringbuf_reserve(&samples, sizeof(*e), 0);
	if (!e)
		return 0;
	e->head = blame_head(l, t->lock, GIL_BLAME_TICK);
	e->at = at;
	e->ts = bpf_ktime_get_ns();
	e->tid = tid;
	e->waiters = waiters > gone ? waiters - gone : 0;
	e->blocked_ns = e->preempted_ns = e->wait_ns = 0;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

/* ---- gaps ---- */

#define BLAME_TRIES 8

/* Keeps the reads before it before those after it: see seq_step. */
static __always_inline void blame_fence(struct gil_lock *l)
{
#if defined(__TARGET_ARCH_x86)
	(void)l;
	asm volatile("" ::: "memory");
#else
	asm volatile("" : : "r"(__sync_fetch_and_add(&l->bpf.lost_gap_wait, 0)) : "memory");
#endif
}

/* How long threads have waited for this GIL up to now. `own`: this program is just writing the record.
 * False if others do so all the time. */
static __always_inline int blame_waiting(struct gil_lock *l, int own, __u64 now, __u64 *ns)
{
	if (own) {
		*ns = l->waiter_ns + (__u64)l->waiters * gil_elapsed(l->mark, now);
		return 1;
	}
	for (int i = 0; i < BLAME_TRIES; i++) {
		__u32 seq = *(volatile const __u32 *)&l->seq;
		__u64 sum = *(volatile const __u64 *)&l->waiter_ns;
		__u64 mark = *(volatile const __u64 *)&l->mark;
		__u64 waiters = *(volatile const __u32 *)&l->waiters;

		blame_fence(l);
		if (!(seq & 1) && *(volatile const __u32 *)&l->seq == seq) {
			*ns = sum + waiters * gil_elapsed(mark, now);
			return 1;
		}
	}
	return 0;
}

static __always_inline struct gil_blame_gap *gap_of(const struct gil_thread *t)
{
	__u32 i = t->bpf.record;

	return bpf_map_lookup_elem(&gaps, &i);
}

/* The thread, which is current and has just been switched out in the model, leaves its CPU. */
static __noinline int blame_leave(struct gil_thread *t, struct task_struct *task, __u64 now)
{
	struct gil_blame_gap *gap;
	struct gil_process *p;
	struct gil_lock *l;

	if (!t || t->state != GIL_THREAD_HOLDING)
		return 0;
	gap = gap_of(t);
	p = blame_process(t);
	l = lock_at(t->lock);
	if (!gap || !p || !l)
		return 0;
	gap->since = 0;
	if (!blame_waiting(l, 0, now, &gap->wait_ns))
		return 0;
	gap->blocked_ns = t->part[GIL_PART_BLOCKED];
	gap->preempted_ns = t->part[GIL_PART_RUNNABLE];
	blame_registers(task, &gap->at);
	blame_frame(p, l, t->lock, blame_own_tid(task), &gap->at);
	gap->since = t->since;
	return 0;
}

static __noinline int blame_back(struct gil_thread *t, int own, __u64 now)
{
	struct gil_blame_gap *gap = t ? gap_of(t) : NULL;
	struct gil_blame_sample *e;
	__u64 waited = 0;
	struct gil_lock *l;

	if (!gap || !gap->since || t->state != GIL_THREAD_HOLDING || gap->since != t->since)
		return 0;
	gap->since = 0;
	l = lock_at(t->lock);
	if (!l)
		return 0;
	if (blame_waiting(l, own, now, &waited))
		waited = gil_elapsed(gap->wait_ns, waited);
	e = bpf_ringbuf_reserve(&samples, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&l->bpf.lost_gap_wait, waited);
		return 0;
	}
	e->head = blame_head(l, t->lock, GIL_BLAME_GAP);
	e->at = gap->at;
	e->ts = now;
	e->tid = t->tid;
	e->waiters = 0;
	e->blocked_ns = gil_elapsed(gap->blocked_ns, t->part[GIL_PART_BLOCKED]);
	e->preempted_ns = gil_elapsed(gap->preempted_ns, t->part[GIL_PART_RUNNABLE]);
	e->wait_ns = waited;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
