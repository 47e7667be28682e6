/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of blame share: blame.c adds samples up, blame_rows.c makes rows and stacks of them. */
#ifndef BLAME_PRIVATE_H
#define BLAME_PRIVATE_H

#include "core/figures/blame.h"

/* Different native places that are kept for one place in Python code. */
#define BLAME_NATIVES 4

/* A native place that has, or may have, most of a place's weight (Misra and Gries): whatever has more
 * than a fifth of it is among those that are kept. */
struct blame_native {
	char name[sizeof(((struct blame_row *)NULL)->native)];
	__u64 weight;
};

/* Places, frames of callers, and counts with the same hash modulo this are in one chain. */
#define BLAME_CHAINS 1024

/* A frame of some stacks. */
struct blame_caller {
	__u32 next; /* in its chain: index + 1; 0: none */
	__u64 hash;
	unsigned int line;
	char function[sizeof(((struct blame_row *)NULL)->function)]; /* "": unknown */
	char file[sizeof(((struct blame_row *)NULL)->file)];
};

/* A place with its callers. */
struct blame_tally {
	struct blame_row row; /* without the figures */
	__u64 key;
	__u32 next;     /* as in a caller */
	__u32 *callers; /* owned; numbers in the list of all */
	unsigned int nr_callers, cut;
	struct blame_native native[BLAME_NATIVES];
};

/* What samples have told of one thread at one place. */
struct blame_count {
	__u32 next; /* as in a caller */
	__u32 place;
	__u32 tid; /* 0: of all threads for which there was no room */
	struct blame_sums sum;
};

struct blame {
	size_t nr;
	struct blame_tally
		*places; /* owned; in order of appearance, with room for a power of two */
	size_t nr_alone; /* of them, how many came without their callers for lack of room */
	size_t nr_callers;
	struct blame_caller *callers; /* the same */
	size_t callers_memory;        /* of the lists of all places, in bytes */
	size_t nr_counts;
	struct blame_count *counts; /* the same */
	/* The newest of each chain: index + 1; 0: none. */
	__u32 place_chain[BLAME_CHAINS], caller_chain[BLAME_CHAINS], count_chain[BLAME_CHAINS];
};

/* Adds a weight to a native place, whose name may be NULL. */
void blame_native__add(struct blame_native native[BLAME_NATIVES], const char *name, __u64 weight);

#endif
