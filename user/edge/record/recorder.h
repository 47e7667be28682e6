/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A recording: from an observation to a file. */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdbool.h>

#include "core/base/failure.h"
#include "edge/observe/observe.h"

/* How a recording came to its end. */
struct record_end {
	bool interrupted; /* the user's wish, or the limit of the file */
	bool failed;      /* the trace could not be written: that has been told */
};

struct record_options {
	const char *output;             /* "-": standard output */
	bool force;                     /* an existing file is replaced */
	bool quiet;                     /* no progress line, no summary */
	unsigned long long max_size;    /* bytes; 0: no limit */
	unsigned long long window;      /* a flight recorder of so many bytes; 0: none */
	unsigned long long min_wait_ns; /* keep only longer waits and holds; 0 and 0: all */
	unsigned long long min_hold_ns;
	struct record_end *end; /* filled, if it is not NULL */
};

/* Observes and records, from the first edge to the end of the file. Returns the program's exit
 * status; f is filled if something went wrong that has not yet been told. */
int recorder__run(const struct record_options *o, struct observe_options *oo, struct failure *f);

#endif
