// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "commands/stat_interval.h"

#define S 1000000000ULL

static void put(struct stat_interval *iv, const struct snapshot *s)
{
	struct totals now, since;

	totals__of(s, &now);
	since = totals__since(&now, &iv->last);
	iv->last = now;
	totals__put_interval(iv->out, iv->style, &since, now.value[TOTAL_elapsed_ns], iv->number++);
	if (fflush(iv->out) && !iv->err)
		iv->err = -errno;
}

/* True if the observation ends just after this interval, so that the two become one line. */
static bool is_last(const struct stat_interval *iv)
{
	return iv->duration_ns && (iv->number + 1) * iv->ns + iv->ns / 10 >= iv->duration_ns;
}

static void on_timer(void *ctx)
{
	struct stat_interval *iv = ctx;
	struct snapshot *s;
	__u64 expired;

	if (read(iv->timer, &expired, sizeof(expired)) != sizeof(expired) || is_last(iv))
		return;
	s = observer__snapshot(iv->observer);
	if (s)
		put(iv, s);
	else
		iv->err = -ENOMEM;
	snapshot__free(s);
	if (iv->err)
		observer__end(iv->observer);
}

int stat_interval__start(struct stat_interval *iv, struct failure *f)
{
	const struct timespec length = {(time_t)(iv->ns / S), (long)(iv->ns % S)};
	const struct itimerspec every = {length, length};
	int err = 0;

	iv->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (iv->timer < 0 || timerfd_settime(iv->timer, 0, &every, NULL))
		err = -errno;
	err = err ?: observer__watch(iv->observer, iv->timer, on_timer, iv);
	if (err)
		failure__what(f, "cannot make a timer: %s", strerror(-err));
	return err;
}

int stat_interval__end(struct stat_interval *iv, const struct snapshot *s)
{
	if (s && !iv->err)
		put(iv, s);
	close(iv->timer);
	return iv->err;
}
