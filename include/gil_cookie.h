/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a probe says when it fires: the sites of probes, the cookie that each carries, and how the
 * arguments of a USDT probe are read. */
#ifndef GIL_COOKIE_H
#define GIL_COOKIE_H

#ifdef __BPF__
#include "vmlinux.h"
#else
#include <linux/types.h>
#endif

/* What a probe's hit means. */
enum gil_site_kind {
	GIL_SITE_COND_SIGNAL = 0,   /* pthread_cond_signal */
	GIL_SITE_COND_TIMEDWAIT,    /* pthread_cond_timedwait */
	GIL_SITE_USDT_WAIT,         /* python:gil__wait(gil, tstate) */
	GIL_SITE_USDT_ACQUIRE,      /* python:gil__acquire(gil, tstate) */
	GIL_SITE_USDT_RELEASE,      /* python:gil__release(gil, tstate, requested) */
	GIL_SITE_SEMAPHORE_ACQUIRE, /* PyThread_acquire_lock(lock, wait) */
	GIL_SITE_SEMAPHORE_RELEASE, /* PyThread_release_lock(lock) */
	GIL_SITE_SEMAPHORE_SWAP,    /* PyThreadState_Swap(tstate) */
	GIL_SITE_SEMAPHORE_TAKEN,   /* in PyThread_acquire_lock, after sem_wait */
};

/* The sources of edges, as bits. */
#define GIL_SOURCE_COND      1U
#define GIL_SOURCE_USDT      2U
#define GIL_SOURCE_SEMAPHORE 4U /* Python 2's functions */
/* Not a source: set while one source takes over from another, when the first hit for each edge
 * counts. It stays set for a while after the old source has stopped counting, because the old
 * source may have reported the first half of a pair. */
#define GIL_SOURCE_TAKEOVER 8U
#define GIL_SOURCE_FUTEX    16U /* no probe: waits alone, from the scheduler (bpf/futex.h) */

enum gil_argument_kind {
	GIL_ARGUMENT_NONE = 0,
	GIL_ARGUMENT_CONSTANT, /* `value` */
	GIL_ARGUMENT_REGISTER,
	GIL_ARGUMENT_MEMORY, /* in the process, at the register's value + `value` */
};

/* How to read an argument of a USDT probe when the probe fires. */
struct gil_argument {
	__s64 value;
	__u8 kind; /* enum gil_argument_kind */
	__u8 word; /* the register: which 8-byte word of struct pt_regs */
	__u8 size; /* bytes: 1, 2, 4 or 8 */
	__u8 is_signed;
	__u32 pad;
};

/* The arguments that gilscope reads at one site. */
struct gil_arguments {
	struct gil_argument gil;
	struct gil_argument requested; /* for a release; otherwise NONE */
};

/* How many different ones can be told apart at the same time. Index 0 means none. */
#define GIL_MAX_ARGUMENTS 256

/* A probe's cookie: the index of the process's record, the kind of site, and how to read its
 * arguments (struct probe_site). */
#define GIL_COOKIE(process, kind, arguments)                                                       \
	((__u64)(process) | (__u64)(kind) << 32 | (__u64)(arguments) << 40)
#define GIL_COOKIE_KIND(cookie)      ((__u32)((cookie) >> 32) & 0xff)
#define GIL_COOKIE_ARGUMENTS(cookie) ((__u32)((cookie) >> 40))

#endif
