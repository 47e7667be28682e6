/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Records an observation to a file. */
#ifndef RECORDER_H
#define RECORDER_H

#include <stdbool.h>

#include "core/base/failure.h"
#include "core/base/output_file.h"
#include "edge/observe/observe.h"

/* How a recording ended. */
struct record_end {
	bool interrupted; /* by the user, or because the file reached its limit */
	bool failed;      /* the trace could not be written; already reported */
};

struct record_options {
	const char *output; /* "-": standard output; NULL: the recorder names the file */
	struct output_file
		*file; /* it is open, and the caller names it; NULL: `output` is opened */
	bool force;    /* replace whatever has the name */
	bool quiet;    /* no progress line, no summary */
	unsigned long long max_size; /* bytes; 0: no limit */
	unsigned long long window;   /* bytes kept by a flight recorder; 0: not a flight recorder */
	unsigned long long
		min_wait_ns; /* keep only waits and holds at least this long; both 0: all */
	unsigned long long min_hold_ns;
	struct record_end *end; /* filled in unless NULL */
};

/* Observes and records, from the first edge to the end of the file. Returns the program's exit
 * status. Fills f if something failed that has not been reported yet. */
int recorder__run(const struct record_options *o, struct observe_options *oo, struct failure *f);

#endif
