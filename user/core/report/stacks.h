/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The code of a snapshot as stacks of frames, with what each cost: the one form from which the formats
 * for viewers of stacks are written.
 */
#ifndef STACKS_H
#define STACKS_H

#include "core/figures/snapshot.h"

enum stack_frame_kind {
	STACK_PYTHON, /* a function, its file and line */
	STACK_NATIVE, /* "libcrypto.so.3:EVP_DigestUpdate" */
	STACK_NOBODY, /* no code: "(handing over)" */
};

/* The texts are valid UTF-8 without anything that could disturb a terminal. */
struct stack_frame {
	enum stack_frame_kind kind;
	unsigned int line; /* 0: unknown */
	char function[160];
	char file[224]; /* "" if it is unknown */
};

struct stack {
	size_t first, nr; /* its frames in the list of all: the outermost one first */
	__u64 hold_ns;    /* as in struct blame_row */
	__u64 wait_ns;
	__u64 samples;
};

/* The stacks of one GIL. */
struct stacks {
	struct stack *list;
	size_t nr;
	struct stack_frame *frames;
	size_t nr_frames;
};

/* True if samples of code were taken, of any GIL. */
bool stacks__are_in(const struct snapshot *s);

/* Makes the stacks of g, a GIL of p that has samples. Returns 0 or -ENOMEM; free them in any case. */
int stacks__of(struct stacks *out, const struct snapshot_process *p, const struct snapshot_gil *g);
void stacks__free(struct stacks *s);

/* "render (views.py:212)", as in the text report. */
struct stack_text {
	char s[400];
};
struct stack_text stack_frame__text(const struct stack_frame *f);

/* The GIL's name among all of the snapshot: "app.py, process 4711", and, if its process has several,
 * which interpreter it belongs to. Fit for a terminal. */
struct stack_text stacks__gil_name(const struct snapshot_process *p, const struct snapshot_gil *g);

/* ---- frames as numbers ---- */

/* Different frames, numbered from 0. {0} is an empty table. */
struct stack_frames {
	const struct stack_frame **list;
	size_t nr;
	__u32 *slots; /* by hash: the number of a frame, plus 1; 0: free */
	size_t nr_slots;
};

/* The number of a frame, which must stay where it is. If `whole` is false, frames that differ only in
 * their lines are the same. -1 if memory ran out. */
ssize_t stack_frames__number(struct stack_frames *t, const struct stack_frame *f, bool whole);
void stack_frames__free(struct stack_frames *t);

#endif
