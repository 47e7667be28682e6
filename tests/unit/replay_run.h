/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Random runs of threads, recorded on a tape while the model counts them: what the tests of replay compare
 * with. There is one run at a time, in these variables. */
#ifndef REPLAY_RUN_H
#define REPLAY_RUN_H

#include <stdbool.h>

#include "core/replay/replay.h"
#include "fixtures_machine.h"
#include "fixtures_tape.h"

#define RUNS 1000 /* of them, for a test of many */
#define PID  77   /* of the process on the tape */

extern struct run run;
extern struct outcome model; /* what the model made of the run's edges */
extern struct tape tape;     /* the trace of it */
extern struct failure failure;

struct shape {
	size_t chunk_edges;
	bool late;  /* the process is reported only in the middle */
	bool loses; /* the ring was full: the edges of the second third are missing */
	struct trace_encoder_options options;
};

/* Runs the edges through the model and writes them to the tape. */
void record(__u64 seed, const struct shape *shape);
/* The snapshot that the live run would have shown. */
struct snapshot *live(void);
/* Fills every field that a report shows. */
void decorate(struct snapshot *s);
/* Its JSON report; the caller frees it. */
char *as_json(const struct snapshot *s);
/* Runs the replay up to a time; NULL, with `failure` filled, if that fails. */
struct snapshot *replayed(struct replay *r, __u64 until);
/* Checks that two GILs have the same figures. */
void check_gil(const struct snapshot_gil *g, const struct snapshot_gil *wanted, __u64 seed);

#endif
