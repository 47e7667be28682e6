// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "clock.h"
#include "player.h"

static void *run(void *ctx)
{
	struct player *p = ctx;

	p->more = replay__run(p->replay, p->until_ns, &p->failure);
	return NULL;
}

/* Signals are for the caller. */
static int start(struct player *p)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	p->running = !err;
	return -err;
}

int player__run(struct player *p, __u64 until_ns, unsigned int ms, struct failure *f)
{
	__u64 limit = clock_ns() + ms * 1000000ULL;
	struct timespec at = {(time_t)(limit / 1000000000), (long)(limit % 1000000000)};
	int err = 0;

	if (!p->running) {
		p->until_ns = until_ns;
		p->failure = (struct failure){0};
		err = start(p);
	}
	if (err)
		return err;
	if (pthread_clockjoin_np(p->thread, NULL, CLOCK_MONOTONIC, &at))
		return -EAGAIN;
	p->running = false;
	*f = p->failure;
	return p->more;
}

void player__stop(struct player *p)
{
	if (!p->running)
		return;
	pthread_cancel(p->thread); /* it is reading */
	pthread_join(p->thread, NULL);
	p->running = false;
}
