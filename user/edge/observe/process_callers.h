/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The lists of callers that samples of a GIL refer to, as they came through the ring. */
#ifndef PROCESS_CALLERS_H
#define PROCESS_CALLERS_H

#include <stdbool.h>
#include <stddef.h>

#include "gil_blame.h"

struct process_caller {
	__u64 code;
	__s32 lasti;
	bool line_known;
	unsigned int line;
};

struct process_callers_list {
	__u64 id; /* 0: this place in the table is free */
	__u32 nr, cut;
	struct process_caller *frame; /* owned */
};

/* {0} has none. */
struct process_callers {
	struct process_callers_list *lists; /* a hash table with open addressing */
	size_t nr, room;
	size_t memory; /* in bytes */
};

/* Enters the list of an entry, which has `size` bytes, unless it is known, or there are too many of this
 * GIL, or it would take more than `most` bytes of memory. */
void process_callers__enter(struct process_callers *c, const struct gil_blame_callers *e,
			    size_t size, size_t most);
/* The list with this id, of which the lines may be set; NULL if it has not come. */
struct process_callers_list *process_callers__find(const struct process_callers *c, __u64 id);
void process_callers__free(struct process_callers *c);

#endif
