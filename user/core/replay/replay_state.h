/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of a replay: the processes of a trace, their GILs and threads. Used only by replay.c,
 * which applies the edges, replay_records.c, replay_state.c and replay_snapshot.c. */
#ifndef REPLAY_STATE_H
#define REPLAY_STATE_H

#include "core/replay/replay.h"
#include "core/trace/trace_samples.h"

#define REPLAY_BUCKETS 4096

/* A thread: a row of the report, or part of a shared one. */
struct row {
	struct replay_thread public;
	struct row *in_bucket, *next; /* next: in its GIL's list */
	struct gil *gil;
	bool listed; /* it began, or had an edge, after the figures began */
};

struct sum {
	struct gil_sum sum;
	struct sum *next;
};

struct gil {
	struct replay_gil public;
	__u32 place;  /* in its process; never changes */
	bool is_told; /* the process still has this GIL */
	struct program *program;
	struct row *rows, **rows_end;
	struct gil_thread *folded; /* exited threads that share a row, with tid 0; NULL: none */
	size_t nr_folded;
	struct sum **sums; /* buckets; NULL: none yet */
	size_t nr_sums, sum_buckets;
	__s64 died;        /* threads that died waiting and were not yet taken off the waiters */
	__u32 gone_at_end; /* how many of them there were at the end of the trace */
	__u64 lost_edges;
	__u64 gap_ns;
	__u64 gap_end; /* end of the last gap; may be later than the time reached */
	__u32 gaps;
	__u64 last_ts;         /* time of its last edge */
	struct blame *samples; /* owned; NULL: none so far */
	struct blame *later;   /* those read already that belong to after the reset; as above */
	struct replay_open_gap *open_gap; /* owned; NULL: there is none, or it has ended */
};

/* A program that runs in a process. An exec begins another one. */
struct program {
	__u64 number;
	struct snapshot_process p; /* without lists */
	struct program *in_bucket, *next;
	struct gil **gils; /* in report order */
	size_t nr_gils, gils_size;
	bool ended;
	bool left_out; /* not in the report, because another process was asked for */
};

/* What of the frame being read has a number. */
struct replay_names {
	struct trace_code_object *codes;
	struct trace_place *places;
	size_t nr_codes, nr_places;
	struct blame_frame callers[BLAME_CALLERS]; /* of the place that was looked for last */
};

/* What the kernel's figures must give for the rows of functions of a GIL: see trace_samples.h. */
struct replay_check {
	size_t process, gil; /* in the figures */
	struct trace_functions_check told;
};

struct replay {
	struct trace_reader *reader;
	struct trace_item item; /* read but not yet applied, if have_item */
	bool have_item;
	bool finished;
	bool filtered;    /* the trace has only the long waits and holds */
	bool ranged;      /* only what comes after some time was asked for */
	bool read_all;    /* what comes before that is not skipped */
	bool ends_before; /* only what comes before some time was asked for */
	bool gap;         /* frames are missing before the next edges */
	__u64 start, now;
	__u64 from;        /* while what comes before is read: when the figures begin; else 0 */
	__u64 finished_at; /* the end of the trace, if finished */
	__u64 end;         /* the end of the trace according to its index, or 0 */
	__u64 next_gil;
	__u64 lost_edges;
	__u64 hits; /* probe hits that gave an edge */
	pid_t only_pid, only_tid;
	bool found_pid, found_tid; /* only_pid and only_tid were found */
	size_t memory, memory_limit;
	bool over_limit; /* there was not enough left of it, though there may be of the machine's */
	struct program *programs[REPLAY_BUCKETS];
	struct row *rows[REPLAY_BUCKETS];
	struct program *alive, **alive_end, *past,
		**past_end; /* in order of appearance, and in order of their end */
	struct replay_names names;
	struct row **slots; /* of the frame being read; NULL: not asked for */
	size_t nr_slots, slots_room;
	struct snapshot *rest; /* has only the unobserved processes */
	struct trace_status status;
	__u64 window;             /* anything older was not kept; 0: everything was */
	struct snapshot *figures; /* kept by the kernel; see replay__kernel_figures */
	struct replay_check *checks;
	size_t nr_checks;
	const struct replay_follower *follower;
	void *follower_ctx;
};

/* True if there is so much left of the memory limit. */
bool replay__has_room(struct replay *r, size_t size);
/* calloc within the memory limit. NULL if there is no more. */
void *replay__take(struct replay *r, size_t size);
void replay__give(struct replay *r, void *what, size_t size);

struct program *replay__program(struct replay *r, __u64 number);
/* PROCESS: a new program, or changes of one. 0 or -ENOMEM. */
int replay__tell_program(struct replay *r, __u64 number, const struct snapshot_process *p,
			 const __u32 *places);
void replay__end_program(struct replay *r, struct program *pg);
/* Moves the program to the end of its list: LISTED records come in report order. */
void replay__relist_program(struct replay *r, struct program *pg);
void replay__drop_program(struct replay *r, struct program *pg);

struct gil *replay__gil(struct replay *r, __u64 process, __u32 place);

struct row *replay__row(struct replay *r, __u64 number);
struct row *replay__add_row(struct replay *r, struct gil *g, const struct trace_thread *t);
/* Adds the row's figures to its GIL's shared row, and frees the row. */
int replay__fold_row(struct replay *r, struct row *row);
/* Adds once, and ns, to a sum. 0 or -ENOMEM. */
int replay__count_sum(struct replay *r, struct gil *g, enum gil_sum_kind kind, __u64 key, __u64 ns);

/* Edges of the GIL are missing from `since` to `ts`. Returns where the gap begins. */
__u64 gil__gap(struct gil *g, __u64 since, __u64 ts);
/* Does the same, and reports it to the follower. 0, or the follower's error. */
int replay__gap(struct replay *r, struct gil *g, __u64 since, __u64 ts);
/* 0, or -errno: -ENOMEM, or the follower's error. */
int replay__apply_record(struct replay *r, struct trace_record *record);
/* Applies a record about samples. 0, or -errno: -ENOMEM, or the follower's error. */
int replay__apply_samples(struct replay *r, struct trace_record *record);
/* Copies the GIL's samples into a GIL of a snapshot, if it is sampled. 0 or -ENOMEM. */
int replay__copy_samples(const struct gil *g, struct snapshot_gil *to);
/* Forgets the samples so far; and all of them. */
void replay__reset_samples(struct replay *r, struct gil *g);
void replay__drop_samples(struct replay *r, struct gil *g);
void replay__free_names(struct replay *r);
/* FIGURES_FUNCTIONS, of the last GIL of the figures; and what comes of it at the end: if the samples do
 * not give the rows of the live run, the figures have none. 0 or -ENOMEM. */
int replay__tell_check(struct replay *r, struct span *body);
void replay__check_functions(struct replay *r);
/* Nothing older than ts is in the trace. */
void replay__apply_window(struct replay *r, __u64 ts);
/* Applies a FIGURES record. Records after a GIL's belong to that GIL. 0 or -ENOMEM. */
int replay__tell_figures(struct replay *r, unsigned int type, struct span *body);
/* The end: the kernel's figures are complete. 0 or -ENOMEM. */
int replay__finish_figures(struct replay *r);
/* Resets all figures, as if the observation began at ts. */
void replay__reset(struct replay *r, __u64 ts);
void replay__free_state(struct replay *r);

#endif
