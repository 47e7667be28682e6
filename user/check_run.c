// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "check_run.h"

/* How often a running program is looked at, to know when a rule was broken. */
#define LOOK_NS 100000000

/* A run that is being observed. */
struct run {
	struct observer *observer;
	struct moments *moments; /* NULL: nobody wants to know */
	int timer;
	int err; /* of a look */
};

static void look(void *ctx)
{
	struct run *run = ctx;
	__u64 ticks;
	struct snapshot *s;

	if (read(run->timer, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	s = observer__snapshot(run->observer);
	if (!s || moments__look(run->moments, s))
		run->err = -ENOMEM;
	snapshot__free(s);
}

static int start_looking(struct run *run)
{
	const struct itimerspec every = {
		.it_interval.tv_nsec = LOOK_NS,
		.it_value.tv_nsec = LOOK_NS,
	};

	if (!run->moments)
		return 0;
	run->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (run->timer < 0 || timerfd_settime(run->timer, 0, &every, NULL))
		return -errno;
	return observer__watch(run->observer, run->timer, look, run);
}

/* Takes the snapshot in; frees it if it cannot. NULL is "out of memory". */
static int add_run(struct check_runs *r, struct snapshot *s)
{
	struct snapshot **list = reallocarray(r->list, r->nr + 1, sizeof(*list));

	if (!s || !list) {
		snapshot__free(s);
		return -ENOMEM;
	}
	r->list = list;
	list[r->nr++] = s;
	return 0;
}

/*
 * One run. 0 with *over true if there should be no other one; -errno with f and *exit_status. The
 * snapshot is taken before the probes are: what the command does from then on does not count, only
 * its status does.
 */
static int observe(struct check_runs *r, const struct observe_options *o, bool counts, bool *over,
		   struct failure *f, int *exit_status)
{
	struct run run = {.timer = -1, .moments = counts ? r->moments : NULL};
	struct snapshot *s;
	int err;

	if (observer__start(&run.observer, o, f, exit_status))
		return -EINVAL;
	memset(f, 0, sizeof(*f));
	err = start_looking(&run);
	observer__run(run.observer);
	*over = observer__interrupted(run.observer);
	observer__stop(run.observer);
	s = observer__snapshot(run.observer);
	if (s && run.moments && moments__look(run.moments, s))
		run.err = -ENOMEM;
	r->command_status = observer__finish(run.observer, f);
	if (run.timer >= 0)
		close(run.timer);
	if (f->what[0]) {
		/* No CPython was seen: there is nothing to judge. */
		snapshot__free(s);
		*exit_status = r->command_status;
		return -ENOENT;
	}
	*over = *over || r->command_status;
	if (counts || r->command_status)
		err = err ?: add_run(r, s);
	else
		snapshot__free(s);
	err = err ?: run.err;
	if (err) {
		failure__what(f, "out of memory, or of descriptors");
		*exit_status = EXIT_STATUS_CANNOT_OBSERVE;
	}
	return err;
}

/* One of several, for people who wait. True if it counts. */
static bool announce(struct check_runs *r, size_t i, size_t repeat, size_t warmups)
{
	bool counts = i >= warmups;

	if (warmups + repeat > 1)
		fprintf(stderr, "gilscope: %s %zu of %zu\n", counts ? "run" : "warm-up",
			counts ? i - warmups + 1 : i + 1, counts ? repeat : warmups);
	if (counts && r->moments)
		moments__begin(r->moments, i - warmups);
	return counts;
}

int check_runs__observe(struct check_runs *r, const struct observe_options *o, size_t repeat,
			size_t warmups, struct failure *f, int *exit_status)
{
	bool over = false;
	int err = 0;

	for (size_t i = 0; !err && !over && i < warmups + repeat; i++) {
		bool counts = announce(r, i, repeat, warmups);

		err = observe(r, o, counts, &over, f, exit_status);
	}
	return err;
}

void check_runs__clear(struct check_runs *r)
{
	for (size_t i = 0; i < r->nr; i++)
		snapshot__free(r->list[i]);
	free(r->list);
	r->list = NULL;
	r->nr = 0;
}
