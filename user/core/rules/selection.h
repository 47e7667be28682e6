/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a scope such as {thread~"io*", process="web"} selects from a snapshot, taken together.
 * Counts and times are added up, distributions are merged, and shares refer to the sum of the
 * observed times. Holds and waits that had not ended count with their length up to the end of the
 * observation, so that a thread that never lets go does not go unnoticed.
 */
#ifndef SELECTION_H
#define SELECTION_H

#include "core/figures/blame_sum.h"
#include "core/figures/snapshot.h"

enum scope_key {
	SCOPE_THREAD,
	SCOPE_FUNCTION,
	SCOPE_FILE,
	/* The keys of a process. */
	SCOPE_PID,
	SCOPE_PROCESS,
	SCOPE_PYTHON,
	SCOPE_KEYS,
};

#define SCOPE_PATTERN 64

struct scope_match {
	bool given;
	bool glob;                   /* ~ instead of = */
	char pattern[SCOPE_PATTERN]; /* without quotes and backslashes */
};

/* All given keys must match. */
struct scope {
	struct scope_match match[SCOPE_KEYS];
};

struct scope_key_row {
	const char *name;
	const char *help;
};
extern const struct scope_key_row scope_key_table[SCOPE_KEYS];

struct selection {
	/* One process with one GIL that represent everything selected. The metrics' getters read
	 * them. */
	struct snapshot_process process;
	struct snapshot_gil gil;
	size_t processes; /* that match */
	size_t gils;      /* of these; if the scope names threads, only those with a matching one */
	size_t threads;
	bool thread_scoped;
	bool held_unknown; /* for some GIL it is unknown whether it was held */
	size_t folded;     /* exited threads without a name, which the scope may mean */
	/* Time in unfinished holds and waits for which it is unknown where it went, ns. */
	__u64 unsplit_hold_ns;
	__u64 unsplit_wait_ns;
	bool not_whole; /* a recording of which something is missing */
	bool unlisted;  /* there were more processes than are kept */
	struct snapshot_lost lost;
	/* What the functions that the scope names have together; and GILs without samples of code. */
	struct blame_sum functions[BLAME_FIGURES];
	size_t unsampled;
};

/* Both return memory that the caller frees with free(), or NULL if there is none. */
struct selection *selection__of(const struct snapshot *s, const struct scope *scope);
/* Selects one thread, or, if t is NULL, one GIL with all its threads. */
struct selection *selection__of_one(const struct snapshot *s, const struct snapshot_process *p,
				    const struct snapshot_gil *g, const struct gil_thread *t);

bool scope__matches_process(const struct scope *scope, const struct snapshot_process *p);
bool scope__matches_thread(const struct scope *scope, const struct gil_thread *t);
/* True if the scope names the function of this row, or no function at all. */
bool scope__matches_function(const struct scope *scope, const struct blame_row *r);
/* The value that a key is compared with: the thread's for SCOPE_THREAD, otherwise the process's. Empty
 * for the keys of functions. */
struct format scope__subject(enum scope_key key, const struct snapshot_process *p,
			     const struct gil_thread *t);

#endif
