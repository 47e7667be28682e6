// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs for docs/kernel-private-stack.md. Each fills its stack with its thread's number, calls a
 * helper for a while, and then checks whether the number is still there.
 *
 * They cannot make the kernel oops. The stack holds only numbers, which are compared and never used
 * as pointers. The counters have fixed addresses and are not looked up.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* The number of calls of the helper: they take so long that a timer tick often comes in between. */
#define CALLS 1000

/* In words of 8 bytes: one more, one less than BPF_PRIV_STACK_MIN_SIZE, which is 64 bytes. */
#define DEEP    16
#define SHALLOW 4

extern void bpf_preempt_disable(void) __weak __ksym; /* Linux 6.10 */
extern void bpf_preempt_enable(void) __weak __ksym;

__u64 runs, foreign;

static __always_inline void run(volatile __u64 *stack, int words)
{
	__u64 mine = bpf_get_current_pid_tgid();
	__u64 others = 0;

	for (int i = 0; i < words; i++)
		stack[i] = mine;
	for (int i = 0; i < CALLS; i++)
		bpf_ktime_get_ns();
	mine = bpf_get_current_pid_tgid();
	for (int i = 0; i < words; i++) {
		others |= stack[i] ^ mine;
		/* Compares one word at a time, or the compiler would need more stack. */
		asm volatile("" : "+r"(others));
	}
	__sync_fetch_and_add(&runs, 1);
	if (others)
		__sync_fetch_and_add(&foreign, 1);
}

SEC("kprobe") int deep(void *ctx)
{
	volatile __u64 stack[DEEP];

	run(stack, DEEP);
	return 0;
}

SEC("kprobe") int shallow(void *ctx)
{
	volatile __u64 stack[SHALLOW];

	run(stack, SHALLOW);
	return 0;
}

SEC("kprobe") int deep_preempt_off(void *ctx)
{
	volatile __u64 stack[DEEP];

	bpf_preempt_disable();
	run(stack, DEEP);
	bpf_preempt_enable();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
