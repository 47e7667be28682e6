/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What probe.c, which loads and attaches, and probe_records.c, which reads, have in common. */
#ifndef PROBE_PRIVATE_H
#define PROBE_PRIVATE_H

#include "gilscope.skel.h"
#include "edge/kernel/probe.h"

struct table {
	struct bpf_map *map;
	struct bpf_map *recycled;
	void *records;
	size_t size; /* of one record */
	unsigned int max;
};

/* What this kernel can do. */
struct probe_kernel {
	bool preempt_off; /* programs can turn preemption off (Linux 6.10) */
};

/* Looks, by the kernel's type information. 0; -ENOTSUP with f filled if the programs would not be
 * safe here; or -errno if there is no type information. */
int probe_kernel__look(struct probe_kernel *k, struct failure *f);
/* Keeps what libbpf has to say about a program that is rejected, and prints all that it says if
 * `aloud`. */
void probe_kernel__listen(bool aloud);
/* Fills f with why the programs could not be loaded, and returns err. */
int probe_kernel__explain(int err, struct failure *f);
/* The same, of a probe that may not be attached; `multi`: by a uprobe_multi link. */
void probe_kernel__explain_refusal(bool multi, struct failure *f);

struct probe {
	struct gilscope_bpf *skel;
	struct gilscope_bpf *loaded[PROBE_PROGRAMS]; /* the object that has the program */
	/* The same for perf events beside uprobe_multi links, which takes a program of another type. */
	struct gilscope_bpf *for_events[PROBE_PROGRAMS];
	struct probe_options options;
	bool multi;
	struct probe_kernel kernel;
	struct table processes, locks, threads;
	struct gil_tables *tables;
	struct ring_buffer *ring, *edges;
	void (*handle)(void *ctx, const struct gil_event *e);
	void *handle_ctx;
	struct closer *closer;
	__u32 nr_arguments; /* entered in the table, from index 1 on */
};

/* A program that has been loaded, or NULL. */
struct bpf_program *probe__program(const struct probe *p, enum probe_program which);

#endif
