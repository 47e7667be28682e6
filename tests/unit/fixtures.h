/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Snapshots for testing their readers. Each is made by running the edges of a small story through
 * the model, so that its figures are consistent.
 */
#ifndef FIXTURES_H
#define FIXTURES_H

#include "core/figures/snapshot.h"

/* When stories start: a round number, so that golden files are easy to read. */
#define FIXTURE_START 1000000000000ULL
#define US            1000ULL
#define MS            1000000ULL
#define S             1000000000ULL

struct fixture {
	const char *name;
	struct snapshot *(*make)(void);
};

/* All fixtures. The table ends with a row without a name. */
extern const struct fixture fixture_table[];

/* The snapshot of that name, or NULL. */
struct snapshot *fixture__make(const char *name);

/* A sample: the thread has had the GIL at this place, while so many threads waited or for so many ns. */
void fixture__tick(struct blame *b, __u32 tid, const struct blame_place *at, __u32 waiters);
void fixture__gap(struct blame *b, __u32 tid, const struct blame_place *at, __u64 blocked_ns,
		  __u64 preempted_ns, __u64 wait_ns);

/* A story so far: its GIL, and the current time. */
struct story {
	struct snapshot *snapshot;
	struct snapshot_process *process;
	struct snapshot_gil *gil;
	__u64 now;
	bool no_slices; /* as with USDT probes, only the beginnings of waits are seen */
};

/* Adds a process with an empty GIL. The pointers are valid until the next process. */
struct story story__begin(struct snapshot *s, pid_t pid, const char *comm);
/* Adds a thread that was born under observation. Returns its tid. */
__u32 story__thread(struct story *st, __u32 tid, const char *comm);
/* Adds an edge at the story's time. */
void story__edge(struct story *st, __u32 tid, enum gil_edge_kind kind, __u32 flags);
/* Lets time pass and calls the watcher, unless it is NULL. */
void story__pass(struct story *st, __u64 ns);
extern void (*story_watch)(struct story *st);
/* Ends the story now. */
void story__end(struct story *st, bool exited);

/* What threads do, as edges. A waiter blocks and goes to sleep. A turn ends with the release, after
 * which the waiter wakes up and has the GIL some microseconds later. */
void story__wait(struct story *st, __u32 tid);
void story__hand_over(struct story *st, __u32 from, __u32 to, bool requested);

#endif
