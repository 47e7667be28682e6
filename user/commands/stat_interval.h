/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `gilscope stat -I`: what each interval of an observation has added. */
#ifndef STAT_INTERVAL_H
#define STAT_INTERVAL_H

#include "core/report/totals.h"
#include "edge/observe/observe.h"

struct stat_interval {
	struct observer *observer;
	FILE *out;
	const struct totals_style *style;
	unsigned long long ns, duration_ns; /* of an interval and, unless 0, of the observation */
	struct totals last;                 /* up to the last interval's end */
	size_t number;
	int timer;
	int err; /* of what was printed */
};

/* Prints a line every iv->ns from now on, while observer__run runs. Returns 0, or -errno with f filled. */
int stat_interval__start(struct stat_interval *iv, struct failure *f);
/* Prints what came after the last whole interval: `s` is the end of the observation. Returns 0, or
 * -errno if something could not be printed. */
int stat_interval__end(struct stat_interval *iv, const struct snapshot *s);

#endif
