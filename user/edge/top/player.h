/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs a replay in a thread, so that a trace that comes through a silent pipe does not keep the
 * caller from reading keys. */
#ifndef PLAYER_H
#define PLAYER_H

#include <pthread.h>

#include "core/replay/replay.h"

/* Initialise with {.replay = ...}. The caller owns the replay, but must not use it while it
 * runs. */
struct player {
	struct replay *replay;
	bool running;
	/* of the current run */
	pthread_t thread;
	__u64 until_ns;
	int more;
	struct failure failure;
};

/* Calls replay__run up to until_ns and returns its result. If an earlier run is still going,
 * until_ns is ignored and that run continues. Returns -EAGAIN if the run has not finished after ms
 * milliseconds, or another -errno. */
int player__run(struct player *p, __u64 until_ns, unsigned int ms, struct failure *f);
/* Aborts a run that has not finished. After that the replay can only be freed. */
void player__stop(struct player *p);

#endif
