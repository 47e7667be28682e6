/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the probe share: probe.c loads the programs, probe_attach.c puts them into
 * processes, probe_records.c reads records, and probe_kernel.c knows the kernel's features. */
#ifndef PROBE_PRIVATE_H
#define PROBE_PRIVATE_H

#include "gilscope.skel.h"
#include "edge/kernel/probe.h"

/* Linux 6.6, include/uapi/linux/bpf.h; not in older headers. */
#define ATTACH_TYPE_UPROBE_MULTI 48

struct table {
	struct bpf_map *map;
	struct bpf_map *recycled;
	void *records;
	size_t size; /* of one record */
	unsigned int max;
};

/* The features of this kernel. */
struct probe_kernel {
	bool preempt_off; /* programs can turn preemption off (Linux 6.10) */
};

/* Looks at the kernel's type information. Returns 0; -ENOTSUP with f filled if the programs would
 * not be safe here; or another -errno if there is no type information. */
int probe_kernel__look(struct probe_kernel *k, struct failure *f);
/* Keeps libbpf's messages about a rejected program, and if `aloud` prints all its messages. */
void probe_kernel__listen(bool aloud);
/* Fills f with the reason why the programs could not be loaded. Returns err. */
int probe_kernel__explain(int err, struct failure *f);
/* The same for a probe that we are not permitted to attach; `multi`: with a uprobe_multi link. */
void probe_kernel__explain_refusal(bool multi, struct failure *f);

/* Probes of a process that has ended, whose removal can wait. */
struct leaving {
	struct attachment *attachment;
	__u64 due_ns;
};

#define LEAVING_MOST 8 /* each costs every hit of the others some 50 ns */

struct probe {
	struct gilscope_bpf *skel;
	struct gilscope_bpf *loaded[PROBE_PROGRAMS]; /* the object that has the program */
	/* The same for perf events that are used beside uprobe_multi links, as they need the
	 * program in another form. */
	struct gilscope_bpf *for_events[PROBE_PROGRAMS];
	struct probe_options options;
	bool multi;
	struct probe_kernel kernel;
	struct table processes, locks, threads;
	struct gil_tables *tables;
	struct ring_buffer *ring, *edges;
	/* Samples: the ring, the records of gaps, and a timer for each CPU. */
	struct ring_buffer *samples;
	struct gil_blame_gap *gaps;
	struct bpf_link **ticks;
	int *tick_fds; /* their timers */
	size_t nr_ticks;
	__u64 jittered_ns;         /* when their periods were changed last */
	struct failure no_samples; /* why none are taken although they were asked for; or "" */
	void (*sample)(void *ctx, const void *entry, size_t size);
	void *sample_ctx;
	void (*handle)(void *ctx, const struct gil_event *e);
	void *handle_ctx;
	struct closer *closer;
	struct leaving leaving[LEAVING_MOST]; /* the oldest first */
	size_t nr_leaving;
	__u64 nr_torn;      /* records that were still being written when they were copied */
	__u32 nr_arguments; /* entered in the table, from index 1 on */
};

/* The form of the program in this object that suits the kernel. */
struct bpf_program *probe__program_in(const struct probe *p, const struct gilscope_bpf *s,
				      enum probe_program which);
/* Where the object with the program for uprobe_multi links, or for perf events, is kept. */
struct gilscope_bpf **probe__object_with(struct probe *p, enum probe_program which, bool multi);
/* Loads that object, unless it is loaded already. Returns 0, or -errno with f filled. */
int probe__prepare_form(struct probe *p, enum probe_program which, bool multi, struct failure *f);
/* Does what probe__detach_ended has put off. */
void probe__detach_leaving(struct probe *p);
/* The loaded program, or NULL if it has not been loaded. */
struct bpf_program *probe__program(const struct probe *p, enum probe_program which);

/* Begins and ends the sampling: probe_samples.c. If it is not possible, p->no_samples says why. */
void probe__start_samples(struct probe *p);
void probe__stop_samples(struct probe *p);
/* True if samples are taken, or will be. */
bool probe__wants_samples(const struct probe *p);

#endif
