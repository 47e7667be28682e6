// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs for docs/kernel-private-stack.md: each writes its thread's number all over its stack,
 * calls a helper for a while, and then looks whether the number is still there.
 *
 * They cannot make the kernel oops. What lies on the stack are numbers, which are compared and never
 * followed; no pointer is kept there. The counters have fixed addresses and are not looked up.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

/* How often the helper is called: long enough that a timer's tick often falls into it. */
#define CALLS 1000

/* BPF_PRIV_STACK_MIN_SIZE in kernel/bpf/verifier.c is 64: the one more, the other less. */
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
		/* One word after the other: the compiler would need stack of its own for more. */
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
