/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The state of an encoder. Used only by trace_encoder.c, which encodes the ring's entries, and
 * trace_processes.c, which encodes what user space reports. */
#ifndef TRACE_ENCODER_STATE_H
#define TRACE_ENCODER_STATE_H

#include "core/trace/trace_encoder.h"
#include "core/trace/trace_filter.h"
#include "core/trace/trace_samples.h"

/* An edge of a GIL that is not confirmed yet. */
struct enc_pending {
	struct gil_stream_edge edge;
	struct enc_thread *thread;
};

struct enc_gil {
	struct enc_gil *next;
	struct gil_stream_gil key;
	bool known; /* its process has been reported */
	__u64 process;
	__u32 place;
	struct enc_pending *pending;
	size_t nr_pending, pending_room;
	__u64 lost, lost_since, lost_until; /* not yet encoded */
	__u64 lost_told; /* losses that were already written, and that the ring will repeat */
};

struct enc_thread {
	__u64 number;
	struct enc_gil *gil;
	unsigned int uses; /* references from the table of records and from pending edges */
	__u32 tid;
	__u32 slot; /* in the frame `chunk` */
	__u64 chunk;
	__u8 state; /* before its first edge */
	__u8 cpu;   /* HOLDING: where it was found */
	bool begun; /* one of its edges has been encoded */
	bool gone;
	char comm[16];
	char name[GIL_THREAD_NAME];
	struct trace_filter filter;
};

struct enc_process {
	struct enc_process *next;
	__u64 number;
	pid_t pid;
	__u64 ended_ns; /* 0: not ended */
	__u32 next_place;
	struct bytes told;
};

/* What of the samples belongs to the frames being gathered. */
struct enc_samples {
	struct trace_names codes, places;
	struct bytes batch; /* the body of a record that is not yet among the others, of: */
	const struct enc_gil *gil;
	__u64 first_ts;
	struct trace_last_sample last;
};

struct trace_encoder {
	struct trace_encoder_options options;
	struct trace_filter_limits limits;
	bool filtering;
	struct enc_gil *gils;
	struct enc_process *processes, **processes_end; /* in order of appearance */
	struct enc_thread **threads;                    /* indexed by record */
	size_t nr_threads;
	__u64 next_thread, next_process;
	__u64 edges_total, lost_total;
	/* the frames being gathered */
	struct bytes meta, edges;
	__u32 meta_count, edge_count, sequence;
	__u32 nr_slots;
	__u64 chunk; /* counts the frames of edges, from 1 on */
	__u64 first, last, last_ts;
	__u64 meta_first, meta_last;
	struct enc_samples samples;
};

/* Appends a record at the current place; flushes if there is enough. 0 or -errno. */
int encoder__record(struct trace_encoder *e, unsigned int type, __u64 ts, struct bytes *body);
/* The same without a flush, so that the frame stays the same, and without the samples before it. */
int encoder__put(struct trace_encoder *e, unsigned int type, __u64 ts, struct bytes *body);
/* Appends the record of the samples that have come, if any. 0 or -errno. */
int encoder__put_samples(struct trace_encoder *e);
/* The next frame begins without names. */
void encoder__clear_names(struct trace_encoder *e);
void encoder__free_samples(struct trace_encoder *e);
/* The GIL, or NULL. */
struct enc_gil *encoder__gil(struct trace_encoder *e, __u32 pid, __u64 address, __u64 start);
/* The GIL is confirmed: encodes its pending edges. 0 or -errno. */
int encoder__release_pending(struct trace_encoder *e, struct enc_gil *g);
/* Forgets the GIL's threads and pending edges; the second one forgets the GIL, too. */
void encoder__drop_threads(struct trace_encoder *e, struct enc_gil *g);
void encoder__drop_gil(struct trace_encoder *e, struct enc_gil *g);
/* Nothing more may come from the GIL, or its edges are missing from ts on. Encodes the edges of
 * long waits and holds that were held back. 0 or -errno. */
int encoder__so_far(struct trace_encoder *e, const struct enc_gil *g, __u64 ts, bool lost);
/* Encodes that edges are missing. 0 or -errno. */
int encoder__lost(struct trace_encoder *e, const struct enc_gil *g, const struct trace_lost *lost,
		  __u64 ts);
/* Encodes the threads of the GIL that have had no edge, because they have rows, too. 0 or
 * -errno. */
int encoder__tell_idle(struct trace_encoder *e, const struct enc_gil *g, __u64 ts);
/* The thread's names are these from now on. 0 or -errno. */
int encoder__name(struct trace_encoder *e, struct enc_thread *t, const char comm[16],
		  const char name[GIL_THREAD_NAME], __u64 ts);
void encoder__free_processes(struct trace_encoder *e);

#endif
