/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What probe.c, which loads and attaches, and probe_records.c, which reads, have in common. */
#ifndef PROBE_PRIVATE_H
#define PROBE_PRIVATE_H

#include "gilscope.skel.h"
#include "probe.h"

struct table {
	struct bpf_map *map;
	struct bpf_map *recycled;
	void *records;
	size_t size; /* of one record */
	unsigned int max;
};

struct probe {
	struct gilscope_bpf *skel;
	struct gilscope_bpf *loaded[PROBE_PROGRAMS]; /* the object that has the program */
	struct probe_options options;
	bool multi;
	struct table processes, locks, threads;
	struct gil_tables *tables;
	struct ring_buffer *ring, *edges;
	void (*handle)(void *ctx, const struct gil_event *e);
	void *handle_ctx;
	struct closer *closer;
	__u32 nr_arguments; /* entered in the table, from index 1 on */
};

#endif
