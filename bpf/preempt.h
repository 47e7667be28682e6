/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Programs on uprobes, and how they cope with preemption.
 *
 * From Linux 6.0 on such a program can be preempted, if the kernel is preemptible at all. (Earlier
 * kernels turned preemption off around it.) Another thread may then run the same program on the
 * same CPU, and the scheduler's programs run in the middle of it. The consequences depend on the
 * kernel:
 *
 *  - 6.13 and later give a program with a deep stack a private stack for each CPU. Two runs of the
 *    program then share it, the first run continues with the second one's pointers, and the kernel
 *    oopses (docs/kernel-private-stack.md is the report, with a reproducer). So the program's body
 *    turns preemption off, by kfuncs that exist from 6.10 on. The entry itself needs less than the
 *    64 bytes of stack from which the kernel uses a private one.
 *
 *  - 6.10 to 6.12 have no private stacks. The kfuncs are used all the same, because then the
 *    scheduler's programs never meet a body that is half done.
 *
 *  - 6.0 to 6.9 have neither private stacks nor the kfuncs. A body can be preempted there, and
 *    everything it uses tolerates that:
 *     - its stack is the thread's own kernel stack;
 *     - no map is per CPU, and no helper that it calls keeps anything per CPU while it can be
 *       preempted: hash tables, queues and rings hold their locks with interrupts off;
 *     - a GIL's record is written under the GIL's mutex, so the other thread cannot be writing it;
 *     - Python 2's GIL has no mutex; its record's sequence count serves as a lock, and whoever
 *       cannot get it gives up and counts the edge as lost (semaphore.h);
 *     - a thread's record is written by that thread and by the scheduler's programs, which leave it
 *       alone while its sequence count is odd, and count the miss (lost.switches). The record stays
 *       consistent, but one interval is split wrongly. The clock is read after the count has become
 *       odd, so that no scheduler edge can come between reading a time and using it;
 *     - a new record is announced last, so the scheduler's programs never follow an index to a
 *       record that is half made.
 *
 * So UPROBE_PROGRAM makes every program on a uprobe in two forms: NAME, and NAME_preempt_off for
 * kernels that have the kfuncs. They are two programs instead of one with a condition, because
 * kernels that do not know kfuncs reject even an unreachable call of one. User space loads one of
 * them (probe.c), and refuses a kernel that has private stacks but no kfuncs.
 *
 * The programs on the scheduler's tracepoints run with interrupts off. Those on the process
 * tracepoints can be preempted on newer kernels (seen on 7.2). While one is preempted, the kernel
 * skips it for the next thread on that CPU. Turning preemption off would not help: the program
 * itself wakes gilscope, so the switch would come as soon as preemption is turned on again, which
 * is still inside the program. So PROCESS_PROGRAM makes each program twice. NAME_again runs second,
 * and does the work if NAME was skipped. An event is lost only if both are skipped, and that is
 * counted (lost.events).
 */
#ifndef PREEMPT_H
#define PREEMPT_H

#include <bpf/bpf_helpers.h>

#define EEXIST 17

extern void bpf_preempt_disable(void) __weak __ksym; /* Linux 6.10 */
extern void bpf_preempt_enable(void) __weak __ksym;

/* Opens the body of a program on a uprobe: UPROBE_PROGRAM(name, struct pt_regs *ctx) { ... }. The
 * body must not call a global function: Linux 6.10 to 6.14 reject that while preemption is off. */
#define UPROBE_PROGRAM(name, argument)                                                             \
	static __noinline int name##_body(argument);                                               \
	SEC("uprobe") int name(argument)                                                           \
	{                                                                                          \
		return name##_body(ctx);                                                           \
	}                                                                                          \
	SEC("uprobe") int name##_preempt_off(argument)                                             \
	{                                                                                          \
		bpf_preempt_disable();                                                             \
		name##_body(ctx);                                                                  \
		bpf_preempt_enable();                                                              \
		return 0;                                                                          \
	}                                                                                          \
	static __noinline int name##_body(argument)

/* The threads that are between NAME and NAME_again. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32); /* tid */
	__type(value, __u8);
} handled SEC(".maps");

/* If the mark is already there, it is from an earlier event for which NAME_again was skipped. */
static __always_inline void mark_handled(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();
	struct gil_tables *tab = the_tables();
	__u8 yes = 1;

	if (bpf_map_update_elem(&handled, &tid, &yes, BPF_NOEXIST) == -EEXIST && tab)
		__sync_fetch_and_add(&tab->skipped_in_vain, 1);
}

/* True once after mark_handled(). */
static __always_inline int was_handled(void)
{
	__u32 tid = (__u32)bpf_get_current_pid_tgid();

	return !bpf_map_delete_elem(&handled, &tid);
}

/* Opens the body of a program on a process tracepoint: PROCESS_PROGRAM(sched_process_exit, name,
 * __u64 *ctx) { ... }. */
#define PROCESS_PROGRAM(tracepoint, name, argument)                                                \
	static __noinline int name##_body(argument);                                               \
	SEC("tp_btf/" #tracepoint) int name(argument)                                              \
	{                                                                                          \
		mark_handled();                                                                    \
		return name##_body(ctx);                                                           \
	}                                                                                          \
	SEC("tp_btf/" #tracepoint) int name##_again(argument)                                      \
	{                                                                                          \
		return was_handled() ? 0 : name##_body(ctx);                                       \
	}                                                                                          \
	static __noinline int name##_body(argument)

#endif
