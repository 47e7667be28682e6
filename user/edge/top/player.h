/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs a replay beside the caller, whom a pipe that says nothing must not keep from reading keys. */
#ifndef PLAYER_H
#define PLAYER_H

#include <pthread.h>

#include "core/replay/replay.h"

/* {.replay = ...} to begin with. The replay is the caller's, but while it runs nothing may be asked of
 * it. */
struct player {
	struct replay *replay;
	bool running;
	/* of the present run */
	pthread_t thread;
	__u64 until_ns;
	int more;
	struct failure failure;
};

/* replay__run up to until_ns, or up to where it was asked for before, if that still runs. -EAGAIN: it
 * still does, after so many ms. */
int player__run(struct player *p, __u64 until_ns, unsigned int ms, struct failure *f);
/* Ends a run that has not come to its end. The replay can then only be freed. */
void player__stop(struct player *p);

#endif
