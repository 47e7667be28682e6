// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "core/base/clock.h"
#include "edge/top/player.h"

static void *run(void *ctx)
{
	struct player *p = ctx;

	p->more = replay__run(p->replay, p->until_ns, &p->failure);
	return NULL;
}

static void interrupt(int signal)
{
	(void)signal; /* its only purpose is to interrupt a read */
}

/* The caller's thread gets all signals, except the one that interrupts a read. */
static int start(struct player *p)
{
	const struct sigaction wake = {.sa_handler = interrupt};
	sigset_t others, before;
	int err;

	sigaction(SIGUSR1, &wake, NULL);
	sigfillset(&others);
	sigdelset(&others, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &others, &before);
	err = pthread_create(&p->thread, NULL, run, p);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	p->running = !err;
	return -err;
}

static bool has_ended(struct player *p, unsigned int ms)
{
	__u64 limit = clock_ns() + ms * 1000000ULL;
	struct timespec at = {(time_t)(limit / 1000000000), (long)(limit % 1000000000)};

	p->running = pthread_clockjoin_np(p->thread, NULL, CLOCK_MONOTONIC, &at) != 0;
	return !p->running;
}

int player__run(struct player *p, __u64 until_ns, unsigned int ms, struct failure *f)
{
	int err = 0;

	if (!p->running) {
		p->until_ns = until_ns;
		p->failure = (struct failure){0};
		err = start(p);
	}
	if (err)
		return err;
	if (!has_ended(p, ms))
		return -EAGAIN;
	*f = p->failure;
	return p->more;
}

void player__stop(struct player *p)
{
	if (!p->running)
		return;
	do /* again, as it may only be about to read */
		pthread_kill(p->thread, SIGUSR1);
	while (!has_ended(p, 10));
}
