/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The runs that `gilscope check` judges: from the target to their snapshots. */
#ifndef CHECK_RUN_H
#define CHECK_RUN_H

#include "judge.h"
#include "moments.h"
#include "observe.h"

struct check_runs {
	struct snapshot **list;
	size_t nr;
	int command_status;      /* of the last run; 0 if there is no command */
	struct moments *moments; /* what happens when goes in here; not owned */
};

/*
 * Observes the target, a command `repeat` times after `warmups` runs that do not count. Ends early
 * when the command fails, or the user interrupts it. 0, or -errno with f and *exit_status filled.
 */
int check_runs__observe(struct check_runs *r, const struct observe_options *o, size_t repeat,
			size_t warmups, struct failure *f, int *exit_status);
void check_runs__clear(struct check_runs *r);

#endif
