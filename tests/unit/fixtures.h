/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Snapshots for the tests of what reads them. Each is made by running edges of a small story
 * through the model, so that its figures agree with each other.
 */
#ifndef FIXTURES_H
#define FIXTURES_H

#include "core/figures/snapshot.h"

/* The story starts here; a round number, so that a golden file is easy to read. */
#define FIXTURE_START 1000000000000ULL
#define US            1000ULL
#define MS            1000000ULL
#define S             1000000000ULL

struct fixture {
	const char *name;
	struct snapshot *(*make)(void);
};

/* All of them; the table ends with a row without a name. */
extern const struct fixture fixture_table[];

/* NULL if there is none of that name. */
struct snapshot *fixture__make(const char *name);

/* A story that is being told: one GIL, and its time. */
struct story {
	struct snapshot *snapshot;
	struct snapshot_process *process;
	struct snapshot_gil *gil;
	__u64 now;
};

/* A process with a GIL and nothing in it yet. The pointers are good until the next process. */
struct story story__begin(struct snapshot *s, pid_t pid, const char *comm);
/* A thread that was born under observation. Returns its tid, for symmetry. */
__u32 story__thread(struct story *st, __u32 tid, const char *comm);
/* An edge at the story's time. */
void story__edge(struct story *st, __u32 tid, enum gil_edge_kind kind, __u32 flags);
/* Time passes. Whoever watches is called; NULL: nobody does. */
void story__pass(struct story *st, __u64 ns);
extern void (*story_watch)(struct story *st);
/* The story ends now. */
void story__end(struct story *st, bool exited);

/* What threads do, in edges. A waiter blocks and goes to sleep; a turn ends with the release, and
 * the waiter wakes up and has the GIL some microseconds later. */
void story__wait(struct story *st, __u32 tid);
void story__hand_over(struct story *st, __u32 from, __u32 to, bool requested);

#endif
