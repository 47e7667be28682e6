/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * When a rule was broken. Histograms have no times, so they are looked at repeatedly while the
 * program runs: if there are more values beyond a limit than before, they happened since the last
 * look.
 */
#ifndef MOMENTS_H
#define MOMENTS_H

#include "core/rules/assertion.h"

#define MOMENTS_KEPT 8 /* for each rule, in all runs together */

struct moment {
	size_t run;
	__u64 from_ns; /* since the start of the observation */
	__u64 to_ns;
	pid_t pid;
	__u32 tid; /* 0: the GIL as a whole */
	char comm[16];
	char name
		[GIL_THREAD_NAME]; /* what the program calls the thread; or the process's command */
	__u64 values;              /* how many new values were beyond the limit */
	__u64 longest; /* the longest of them, if it is the longest so far; otherwise 0 */
};

struct moments_of_rule {
	struct moment kept[MOMENTS_KEPT];
	size_t nr;
	/* Those beyond the limit of what is kept: how many, and when the last of all ended. */
	size_t more;
	__u64 last_ns;
};

struct moments;

/* For a set of rules, which must outlive the moments. NULL if there is no memory. */
struct moments *moments__new(const struct assertion_set *set);
void moments__free(struct moments *m);
/* True if a rule has a limit that single values can exceed. Otherwise looking is useless. */
bool moments__wanted(const struct moments *m);
/* Begins a new run: what was seen before belongs to another one. */
void moments__begin(struct moments *m, size_t run);
/* Looks at the run's present state, finished (snapshot__finish) or not. 0 or -ENOMEM. */
int moments__look(struct moments *m, const struct snapshot *s);
const struct moments_of_rule *moments__of(const struct moments *m, size_t rule);

#endif
