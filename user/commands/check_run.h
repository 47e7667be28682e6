/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The runs that `gilscope check` judges: observes a target and keeps a snapshot of each run. */
#ifndef CHECK_RUN_H
#define CHECK_RUN_H

#include "core/base/output_file.h"
#include "core/rules/judge.h"
#include "core/rules/moments.h"
#include "edge/observe/observe.h"

struct check_runs {
	struct snapshot **list;
	size_t nr;
	struct output_file *files; /* the recordings of the runs; NULL: they are not recorded */
	size_t warmups;            /* runs that were not judged */
	int command_status;        /* exit status of the last run; 0 without a command */
	struct moments *moments;   /* receives the times when rules are broken; not owned */
};

/*
 * Observes the target. A command is run `repeat` times, after `warmups` runs that do not count.
 * Ends early when the command fails or the user interrupts it. Returns 0, or -errno with f and
 * *exit_status filled.
 */
int check_runs__observe(struct check_runs *r, struct observe_options *o, size_t repeat,
			size_t warmups, struct failure *f, int *exit_status);
/*
 * The same by recording: each run goes into a temporary file beside PATH, and is then replayed,
 * which gives the same figures. check_runs__keep_trace decides what becomes of the files. `force`:
 * PATH may replace anything.
 */
int check_runs__record(struct check_runs *r, struct observe_options *o, const char *path,
		       bool force, size_t repeat, size_t warmups, struct failure *f,
		       int *exit_status);
/* Names the file of that run PATH and removes the others. If run is r->nr, removes all. Returns 0,
 * or -errno with f filled. */
int check_runs__keep_trace(struct check_runs *r, size_t run, struct failure *f);
/* Adds a run from an earlier recording. Returns 0, or -errno with f filled. */
int check_runs__replay(struct check_runs *r, const char *path, struct failure *f);
void check_runs__clear(struct check_runs *r);

#endif
