/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The few kernel types that gilscope reads, by hand and not dumped from one kernel: with
 * preserve_access_index, the loader finds each field in the BTF of the kernel it meets (CO-RE).
 * Only the fields named here are used. struct pt_regs is user-visible ABI.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;

typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;

enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_QUEUE = 22,
	BPF_MAP_TYPE_RINGBUF = 27,
};

enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
};

enum {
	BPF_F_MMAPABLE = 1U << 10, /* Linux 5.5 */
};

enum {
	BPF_RB_NO_WAKEUP = 1U << 0, /* Linux 5.8, as the ring itself */
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax;
	unsigned long ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp, pc, pstate;
};
struct pt_regs {
	struct user_pt_regs user_regs;
};
#else
#error "an architecture that gilscope has not been ported to"
#endif

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

struct signal_struct {
	atomic_t live;                       /* threads that have not begun to exit */
	unsigned int flags;                  /* SIGNAL_... */
	struct task_struct *group_exec_task; /* all others are killed, as this one executes */
};

#define SIGNAL_GROUP_EXIT 0x4U /* all threads are killed */

struct signal_struct___before_5_17 {
	struct task_struct *group_exit_task; /* is group_exec_task */
};

struct sched_entity {
	__u64 sum_exec_runtime; /* ns on a CPU, up to the last tick or switch */
};

struct mm_struct;

/* A number of a thread in one pid namespace. */
struct upid {
	int nr;
};

struct pid {
	unsigned int level;     /* of the thread's own namespace */
	struct upid numbers[1]; /* by levels */
};

/* What the kernel keeps behind the registers of user mode on arm64. */
struct pt_regs___kernel {
	__u64 orig_x0; /* the first argument, where regs[0] may already be the result */
	int syscallno;
};

struct task_struct {
	struct pid *thread_pid;
	unsigned int __state; /* Linux 5.14; 0 is runnable */
	int pid;
	int tgid;
	__u64 start_time; /* ns, CLOCK_MONOTONIC; Linux 5.5 */
	struct sched_entity se;
	struct mm_struct *mm;
	struct signal_struct *signal;
	unsigned long jobctl;
	unsigned int frozen : 1; /* with its cgroup (version 2), or waits for its vfork child */
	char comm[16];
};

/* Bits of task_struct.__state, the same since Linux 2.6. */
#define TASK_STOPPED 0x4U
#define TASK_TRACED  0x8U
/* Before Linux 6.1, no state had this bit. */
#define TASK_FROZEN 0x8000U
/* A bit of task_struct.jobctl, the same since Linux 5.2: the freezer of cgroup 2 has asked. */
#define JOBCTL_TRAP_FREEZE (1UL << 23)

#pragma clang attribute pop

#endif
