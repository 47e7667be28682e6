/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a replay knows: the processes of a trace, their GILs and threads. Shared by replay.c, which
 * goes through the edges, replay_records.c, replay_state.c and replay_snapshot.c; nobody else's business. */
#ifndef REPLAY_STATE_H
#define REPLAY_STATE_H

#include "core/replay/replay.h"

#define REPLAY_BUCKETS 4096

/* A thread: a row of the report, or part of a shared one. */
struct row {
	struct replay_thread public;
	struct row *in_bucket, *next; /* next of its GIL */
	struct gil *gil;
	bool listed; /* it has begun, or had an edge, since the figures began */
};

struct pair {
	struct gil_handoff sum;
	struct pair *next;
};

struct gil {
	struct replay_gil public;
	__u32 place;  /* in its process; stays its own */
	bool is_told; /* the process still has it */
	struct program *program;
	struct row *rows, **rows_end;
	struct gil_thread *folded; /* exited threads that share a row, with tid 0; NULL: none */
	size_t nr_folded;
	struct pair **pairs; /* buckets; NULL: none yet */
	size_t nr_pairs, pair_buckets;
	__s64 died;        /* threads that died waiting and were not yet taken note of */
	__u32 gone_at_end; /* of those, at the end of the trace */
	__u64 lost_edges;
	__u64 gap_ns;
	__u64 gap_end; /* of the last one; may be later than what the replay has come to */
	__u32 gaps;
	__u64 last_ts; /* of its last edge */
};

/* A program that a process runs: an exec begins another. */
struct program {
	__u64 number;
	struct snapshot_process p; /* without lists */
	struct program *in_bucket, *next;
	struct gil **gils; /* in the order of the report */
	size_t nr_gils, gils_size;
	bool ended;
	bool left_out; /* not in the report: not asked for */
};

struct replay {
	struct trace_reader *reader;
	struct trace_item item; /* read and not yet applied, if have_item */
	bool have_item;
	bool finished;
	bool filtered;    /* it has only the long waits and holds */
	bool ranged;      /* it was asked for from some time on */
	bool read_all;    /* what comes before that is not skipped */
	bool ends_before; /* it was asked for up to some time */
	bool gap;         /* frames are missing before the next edges */
	__u64 start, now;
	__u64 finished_at; /* the end, if finished */
	__u64 end;         /* of the trace, or 0 */
	__u64 next_gil;
	__u64 lost_edges;
	__u64 hits; /* of probes, that gave an edge */
	pid_t only_pid, only_tid;
	bool found_pid, found_tid; /* those */
	size_t memory, memory_limit;
	struct program *programs[REPLAY_BUCKETS];
	struct row *rows[REPLAY_BUCKETS];
	struct program *alive, **alive_end, *past,
		**past_end; /* in order of appearance, of their end */
	struct row **slots; /* of the frame being read; NULL: not asked for */
	size_t nr_slots, slots_room;
	struct snapshot *rest; /* the unobserved */
	struct trace_status status;
	__u64 window;             /* what is older was not kept; 0: all was */
	struct snapshot *figures; /* that the kernel kept; see replay__kernel_figures */
	const struct replay_follower *follower;
	void *follower_ctx;
};

/* calloc, within the limit. NULL: there is no more. */
void *replay__take(struct replay *r, size_t size);
void replay__give(struct replay *r, void *what, size_t size);

struct program *replay__program(struct replay *r, __u64 number);
/* PROCESS: a new program, or news of one. 0 or -ENOMEM. */
int replay__tell_program(struct replay *r, __u64 number, const struct snapshot_process *p,
			 const __u32 *places);
void replay__end_program(struct replay *r, struct program *pg);
/* It goes to the end of its list: in the order of the report. */
void replay__relist_program(struct replay *r, struct program *pg);
void replay__drop_program(struct replay *r, struct program *pg);

struct gil *replay__gil(struct replay *r, __u64 process, __u32 place);

struct row *replay__row(struct replay *r, __u64 number);
struct row *replay__add_row(struct replay *r, struct gil *g, const struct trace_thread *t);
/* Adds the row's figures to its GIL's shared row, and frees it. */
int replay__fold_row(struct replay *r, struct row *row);
int replay__count_pair(struct replay *r, struct gil *g, const struct gil_handoff *h);

/* Edges of the GIL from `since` to `ts` are missing; returns where that begins. */
__u64 gil__gap(struct gil *g, __u64 since, __u64 ts);
/* The same, told to the follower. 0, or the follower's error. */
int replay__gap(struct replay *r, struct gil *g, __u64 since, __u64 ts);
/* 0, or -errno: no memory, or the follower's error. */
int replay__apply_record(struct replay *r, struct trace_record *record);
/* What is older than ts is not in the trace. */
void replay__apply_window(struct replay *r, __u64 ts);
/* One of the FIGURES records: what comes after a GIL belongs to it. 0 or -ENOMEM. */
int replay__tell_figures(struct replay *r, unsigned int type, struct span *body);
/* The end: the kernel's figures are all there. 0 or -ENOMEM. */
int replay__finish_figures(struct replay *r);
/* All figures are as if the observation began at ts. */
void replay__reset(struct replay *r, __u64 ts);
void replay__free_state(struct replay *r);

#endif
