/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The records of a trace: the header, and what its other records say about processes, threads and
 * losses. Converts each of them to bytes and back.
 *
 * Each __put appends the body of a record. Each __get reads one, and returns false if it is
 * invalid. Fields that a newer version may have added at the end of a body are skipped.
 */
#ifndef TRACE_RECORD_H
#define TRACE_RECORD_H

#include "core/trace/trace_format.h"

struct trace_header {
	__u32 version;     /* of the format */
	__u64 start_ns;    /* CLOCK_MONOTONIC, like all times in a trace */
	__s64 realtime_ns; /* add this to get CLOCK_REALTIME */
	__s64 boottime_ns; /* add this to get CLOCK_BOOTTIME */
	__u64 min_wait_ns; /* shorter waits and holds are not in the trace; 0 and 0: all are */
	__u64 min_hold_ns;
	char program[16]; /* the version of gilscope that wrote it */
	char host[64];
	char kernel[64];
	char machine[16];
	char target[256]; /* as on the command line, cut to fit */
};

void trace_header__put(struct bytes *b, const struct trace_header *h);
bool trace_header__get(struct span *s, struct trace_header *h);

/* A record with its body still undecoded. */
struct trace_record {
	unsigned int type; /* enum trace_record_type */
	__u64 place;       /* number of the frame's edges before it */
	__u64 ts;
	struct span body;
};

void trace_record__put(struct bytes *b, unsigned int type, __u64 place, __u64 ts,
		       const struct bytes *body);
bool trace_record__get(struct span *s, struct trace_record *r);

/*
 * PROCESS: everything that a snapshot says about a process, except its figures. It is written again
 * when something changes. A GIL that is then missing has ended and has no row. Each GIL has a
 * place, which it keeps. The reader gets a process with GILs in which only `lock.address`,
 * `lock.start`, `lock.pid` and the fields outside `lock` are set. It owns them and the places, even
 * if this returns false: because memory ran out, or, if the span is bad then, because of the file.
 */
void trace_process__put(struct bytes *b, __u64 number, const struct snapshot_process *p,
			const __u32 *places);
bool trace_process__get(struct span *s, __u64 *number, struct snapshot_process *p, __u32 **places);

/* The names of a thread, as one string: the kernel's, and, if the program has given it another one, a
 * zero byte and that. A reader that takes a string up to its first zero byte gets the kernel's. */
void trace_names__put(struct bytes *b, const char comm[16], const char name[GIL_THREAD_NAME]);
void trace_names__get(struct span *s, char comm[16], char name[GIL_THREAD_NAME]);

struct trace_thread {
	__u64 number; /* counts the threads of the trace */
	__u64 process;
	__u32 gil; /* its place in the process */
	__u32 tid;
	__u8 state; /* enum gil_thread_state before its first edge; UNSEEN if the thread was
			mentioned before */
	__u8 cpu; /* state HOLDING or WAITING: enum gil_part or GIL_FOUND_STOPPED, when it was found */
	bool begins; /* its first edge is in this frame */
	char comm[16];
	char name[GIL_THREAD_NAME];
};

void trace_thread__put(struct bytes *b, const struct trace_thread *t);
bool trace_thread__get(struct span *s, struct trace_thread *t);

/* LOST: edges of a GIL are missing from `since` up to the record's time. */
struct trace_lost {
	__u64 process;
	__u32 gil;
	__u64 count;
	__u64 since;
};

void trace_lost__put(struct bytes *b, const struct trace_lost *l);
bool trace_lost__get(struct span *s, struct trace_lost *l);

void trace_unobserved__put(struct bytes *b, const struct snapshot_unobserved *u);
bool trace_unobserved__get(struct span *s, struct snapshot_unobserved *u);

/* STATUS: what a snapshot has besides its processes, as of end_ns. */
struct trace_status {
	__u32 flags;    /* TRACE_STATUS_* */
	__u64 start_ns; /* of the observation; 0: unknown */
	__u64 end_ns;
	__u64 probe_hits;
	__u64 usdt_hits;
	long probe_ns_per_hit;
	int exit_status;
	__u64 nr_unlisted;
	struct snapshot_lost lost;
};

void trace_status__put(struct bytes *b, const struct trace_status *s);
bool trace_status__get(struct span *s, struct trace_status *status);

/* The figures that the kernel kept: those of a GIL, those of one of its threads, and its sums.
 * put_gil and get_gil ignore `threads` and `sums`, which are written separately. */
void trace_figures__put_gil(struct bytes *b, const struct snapshot_gil *g);
bool trace_figures__get_gil(struct span *s, struct snapshot_gil *g);
void trace_figures__put_thread(struct bytes *b, const struct gil_thread *t);
/* Also notes in g, its GIL, which counters the file does not have. */
bool trace_figures__get_thread(struct span *s, struct snapshot_gil *g, struct gil_thread *t);
/* Sums of one kind, which the type of the record says. get_sums appends them to g. */
void trace_figures__put_sums(struct bytes *b, const struct gil_sum *sums, size_t n);
bool trace_figures__get_sums(struct span *s, enum gil_sum_kind kind, struct snapshot_gil *g);
/* The sum of n processes without rows. get_folded makes it that of s, which must have none; it
 * returns false if memory ran out, or, if the span is bad then, because of the file. */
void trace_figures__put_folded(struct bytes *b, const struct snapshot *s);
bool trace_figures__get_folded(struct span *span, struct snapshot *s);
/* The type of the record with sums of this kind, and the kind of the sums in a record of this type;
 * GIL_SUM_KINDS if there are none in it. */
unsigned int trace_figures__sums_type(enum gil_sum_kind kind);
enum gil_sum_kind trace_figures__sums_kind(unsigned int type);

#endif
