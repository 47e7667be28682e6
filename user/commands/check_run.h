/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The runs that `gilscope check` judges: from the target to their snapshots. */
#ifndef CHECK_RUN_H
#define CHECK_RUN_H

#include "core/rules/judge.h"
#include "core/rules/moments.h"
#include "edge/observe/observe.h"

struct check_runs {
	struct snapshot **list;
	size_t nr;
	size_t warmups;          /* that were not judged */
	int command_status;      /* of the last run; 0 if there is no command */
	struct moments *moments; /* what happens when goes in here; not owned */
};

/*
 * Observes the target, a command `repeat` times after `warmups` runs that do not count. Ends early
 * when the command fails, or the user interrupts it. 0, or -errno with f and *exit_status filled.
 */
int check_runs__observe(struct check_runs *r, struct observe_options *o, size_t repeat,
			size_t warmups, struct failure *f, int *exit_status);
/*
 * The same, by recording: each run goes into a file, PATH.1, PATH.2..., and is then replayed, which
 * gives the same figures. check_runs__keep_trace decides what becomes of the files.
 */
int check_runs__record(struct check_runs *r, struct observe_options *o, const char *path,
		       size_t repeat, size_t warmups, struct failure *f, int *exit_status);
/* Makes the file of that run PATH, and removes the others; nr_runs: removes all. 0, or -errno with
 * f. */
int check_runs__keep_trace(const struct check_runs *r, const char *path, size_t run,
			   struct failure *f);
/* A run that was recorded earlier. */
int check_runs__replay(struct check_runs *r, const char *path, struct failure *f);
void check_runs__clear(struct check_runs *r);

#endif
