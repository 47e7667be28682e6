/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a scope selects of a snapshot, taken together: {thread~"io*", process="web"}. Counts and
 * times are added up, distributions merged, and shares are of the sum of the observed times. A
 * hold or a wait that had not ended counts with its length up to the end of the observation: a
 * thread that never lets go must not go unnoticed.
 */
#ifndef SELECTION_H
#define SELECTION_H

#include "core/figures/snapshot.h"

enum scope_key {
	SCOPE_THREAD,
	SCOPE_PID,
	SCOPE_PROCESS,
	SCOPE_PYTHON,
	SCOPE_KEYS,
};

#define SCOPE_PATTERN 64

struct scope_match {
	bool given;
	bool glob;                   /* ~ and not = */
	char pattern[SCOPE_PATTERN]; /* as meant, without quotes and backslashes */
};

/* All keys that are given must match. */
struct scope {
	struct scope_match match[SCOPE_KEYS];
};

struct scope_key_row {
	const char *name;
	const char *help;
};
extern const struct scope_key_row scope_key_table[SCOPE_KEYS];

struct selection {
	/* One process with one GIL that stand for all that was selected: what the metrics'
	 * getters read. */
	struct snapshot_process process;
	struct snapshot_gil gil;
	size_t processes; /* that match */
	size_t gils;      /* of these, with a matching thread if the scope names threads */
	size_t threads;
	bool thread_scoped;
	bool held_unknown; /* of some GIL it is not known whether it was held */
	size_t folded;     /* exited threads without a name that the scope may mean */
	/* Holds and waits that had not ended, of which it is not known where their time went. */
	__u64 unsplit_hold_ns;
	__u64 unsplit_wait_ns;
	__u64 anomalies;
	bool not_whole; /* a recording with something missing */
	bool unlisted;  /* there were more processes than are kept */
	struct snapshot_lost lost;
};

/* The caller frees these with free(). NULL if there is no memory. */
struct selection *selection__of(const struct snapshot *s, const struct scope *scope);
/* One thread, or, if t is NULL, one GIL with all its threads. */
struct selection *selection__of_one(const struct snapshot *s, const struct snapshot_process *p,
				    const struct snapshot_gil *g, const struct gil_thread *t);

bool scope__matches_process(const struct scope *scope, const struct snapshot_process *p);
bool scope__matches_thread(const struct scope *scope, const struct gil_thread *t);
/* The value of a process that a key looks at; of a thread for SCOPE_THREAD. */
struct format scope__subject(enum scope_key key, const struct snapshot_process *p,
			     const struct gil_thread *t);

#endif
