/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The records of a trace: the header, and what its frames of records say of processes, threads and
 * losses. For each, the bytes it is written as, and back.
 *
 * Each __put appends the body of a record; each __get reads one and returns false if it is not what
 * it should be. Fields that a newer version may have added at a body's end are passed over.
 */
#ifndef TRACE_RECORD_H
#define TRACE_RECORD_H

#include "core/trace/trace_format.h"

struct trace_header {
	__u32 version;     /* of the format */
	__u64 start_ns;    /* CLOCK_MONOTONIC, as all times in a trace */
	__s64 realtime_ns; /* to be added for CLOCK_REALTIME, */
	__s64 boottime_ns; /* and for CLOCK_BOOTTIME */
	__u64 min_wait_ns; /* only longer waits and holds are in the trace; 0 and 0: all are */
	__u64 min_hold_ns;
	char program[16]; /* the version of gilscope that wrote it */
	char host[64];
	char kernel[64];
	char machine[16];
	char target[256]; /* as on the command line, cut to what fits */
};

void trace_header__put(struct bytes *b, const struct trace_header *h);
bool trace_header__get(struct span *s, struct trace_header *h);

/* A record, apart from its body. */
struct trace_record {
	unsigned int type; /* enum trace_record_type */
	__u64 place;       /* edges of the frame that come before it */
	__u64 ts;
	struct span body;
};

void trace_record__put(struct bytes *b, unsigned int type, __u64 place, __u64 ts,
		       const struct bytes *body);
bool trace_record__get(struct span *s, struct trace_record *r);

/*
 * PROCESS: all that a snapshot says of a process but its figures. It is told again when something
 * of it changes; a GIL that is then missing has ended and has no row. Each has a place, which stays
 * its own. The reader gets a process with GILs of which only `lock.address`, `lock.start`, `lock.pid`
 * and the fields beside `lock` are set; it owns them and the places, also where this returns false.
 */
void trace_process__put(struct bytes *b, __u64 number, const struct snapshot_process *p,
			const __u32 *places);
bool trace_process__get(struct span *s, __u64 *number, struct snapshot_process *p, __u32 **places);

struct trace_thread {
	__u64 number; /* counts the threads of the trace */
	__u64 process;
	__u32 gil; /* its place in the process */
	__u32 tid;
	__u8 state;  /* enum gil_thread_state before its first edge; of a thread that was told of
			before, UNSEEN */
	bool begins; /* its first edge is in this frame */
	char comm[16];
};

void trace_thread__put(struct bytes *b, const struct trace_thread *t);
bool trace_thread__get(struct span *s, struct trace_thread *t);

/* LOST: edges of a GIL are missing from `since` on to the record's time. */
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

/* STATUS: what a snapshot has beside its processes, as of end_ns. */
struct trace_status {
	__u32 flags;    /* TRACE_STATUS_* */
	__u64 start_ns; /* of the observation; 0: not told */
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

/* The figures that the kernel kept: a GIL's own, one of its threads', its handoffs. `threads` and
 * `edges` are lists of their own. */
void trace_figures__put_gil(struct bytes *b, const struct snapshot_gil *g);
bool trace_figures__get_gil(struct span *s, struct snapshot_gil *g);
void trace_figures__put_thread(struct bytes *b, const struct gil_thread *t);
bool trace_figures__get_thread(struct span *s, struct gil_thread *t);
void trace_figures__put_pairs(struct bytes *b, const struct gil_handoff *pairs, size_t n);
bool trace_figures__get_pairs(struct span *s, struct snapshot_gil *g);

#endif
