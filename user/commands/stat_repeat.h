/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `gilscope stat -r`: a command is run again and again. */
#ifndef STAT_REPEAT_H
#define STAT_REPEAT_H

#include "core/report/totals.h"
#include "edge/observe/observe.h"

struct stat_runs {
	struct totals *list; /* owned */
	size_t nr;
	struct snapshot *last; /* the last run; owned; NULL: there is none */
	int status;            /* its exit status */
};

/* Runs the command `repeat` times; fewer if it fails, or at an interrupt: then the run that was
 * interrupted counts only if there is no other. Returns 0, or -errno with f and r->status filled; runs
 * before that are in r. */
int stat_repeat__run(struct stat_runs *r, struct observe_options *o, size_t repeat,
		     struct failure *f);
void stat_runs__clear(struct stat_runs *r);

#endif
