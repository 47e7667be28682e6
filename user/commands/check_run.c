// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "commands/check_run.h"
#include "core/history/history_sink.h"
#include "core/replay/replay.h"
#include "edge/record/recorder.h"

/* To know when a rule was broken, the figures are looked at in these intervals: of a running
 * program, and in a replay, where REPLAY_LOOKS limits their number. */
#define LOOK_NS        100000000
#define REPLAY_LOOK_NS 10000000
#define REPLAY_LOOKS   2000
#define RING_SIZE      (16 << 20)

/* A run that is being observed. */
struct run {
	struct observer *observer;
	struct moments *moments; /* NULL: not wanted */
	struct history *history; /* what the looks have seen; NULL: they are not wanted */
	struct tick_sink sink;   /* feeds the history */
	int timer;
	int err; /* the error of a look */
};

static void look(void *ctx)
{
	struct run *run = ctx;
	__u64 ticks;

	if (read(run->timer, &ticks, sizeof(ticks)) != sizeof(ticks))
		return;
	if (observer__feed(run->observer, &run->sink, FEED_NAMES) ||
	    moments__look(run->moments, history__span(run->history, HISTORY_ALL)))
		run->err = -ENOMEM;
}

static int start_looking(struct run *run)
{
	const struct itimerspec every = {
		.it_interval.tv_nsec = LOOK_NS,
		.it_value.tv_nsec = LOOK_NS,
	};

	if (!run->moments)
		return 0;
	run->history = history__new(LOOK_NS);
	if (!run->history)
		return -ENOMEM;
	run->sink = history__sink(run->history);
	run->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (run->timer < 0 || timerfd_settime(run->timer, 0, &every, NULL))
		return -errno;
	return observer__watch(run->observer, run->timer, look, run);
}

/* Adds the snapshot, or frees it on failure. NULL counts as out of memory. Returns 0 or -ENOMEM. */
static int add_run(struct check_runs *r, struct snapshot *s)
{
	struct snapshot **list = s ? reallocarray(r->list, r->nr + 1, sizeof(*list)) : NULL;

	if (!list) {
		snapshot__free(s);
		return -ENOMEM;
	}
	r->list = list;
	list[r->nr++] = s;
	return 0;
}

/*
 * Observes one run. Returns 0, with *over true if no other run should follow, or -errno with f and
 * *exit_status filled. The snapshot is taken before the probes are removed. What the command does
 * after the snapshot does not count, only its exit status does.
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
	history__free(run.history);
	if (run.timer >= 0)
		close(run.timer);
	if (f->what[0]) {
		/* No CPython was seen, so there is nothing to judge. */
		snapshot__free(s);
		*exit_status = r->command_status;
		return -ENOENT;
	}
	*over = *over || r->command_status;
	if (!err && (counts || r->command_status))
		err = add_run(r, s);
	else
		snapshot__free(s);
	r->warmups += !counts && !r->command_status;
	err = err ?: run.err;
	if (err) {
		failure__what(f, "out of memory or file descriptors");
		*exit_status = EXIT_STATUS_CANNOT_OBSERVE;
	}
	return err;
}

/* Tells the user which of several runs begins. Returns true if the run counts. */
static bool announce(struct check_runs *r, size_t i, size_t repeat, size_t warmups)
{
	bool counts = i >= warmups;

	if (warmups + repeat > 1)
		failure__say("gilscope: %s %zu of %zu", counts ? "run" : "warm-up",
			     counts ? i - warmups + 1 : i + 1, counts ? repeat : warmups);
	if (counts && r->moments)
		moments__begin(r->moments, i - warmups);
	return counts;
}

int check_runs__observe(struct check_runs *r, struct observe_options *o, size_t repeat,
			size_t warmups, struct failure *f, int *exit_status)
{
	bool over = false;
	int err = 0;

	for (size_t i = 0; !err && !over && i < warmups + repeat; i++) {
		bool counts = announce(r, i, repeat, warmups);

		o->runs_again = i + 1 < warmups + repeat;
		err = observe(r, o, counts, &over, f, exit_status);
	}
	return err;
}

/* ---- recorded runs ---- */

/* Prefers the kernel's own figures, which are complete even if edges are missing in the trace. */
static struct snapshot *final_snapshot(const struct replay *r)
{
	const struct trace_condition *c = replay__condition(r);
	const struct snapshot *figures = replay__kernel_figures(r);
	struct snapshot *s = figures ? snapshot__copy(figures) : replay__snapshot(r);

	if (!s)
		return NULL;
	if (!figures) {
		s->not_whole = c->damaged || c->missing || !c->whole;
		return s;
	}
	if (s->lost.recording && !s->note[0])
		snprintf(s->note, sizeof(s->note),
			 "Edges are missing in the recording; the kernel's figures, which count "
			 "all edges, are used.");
	s->lost.recording = 0;
	return s;
}

/* Replays the trace step by step and looks after each step. Returns 0 or -errno; fills f if the
 * file is at fault. */
static int look_through(struct check_runs *r, struct replay *replay, struct failure *f)
{
	__u64 start = replay__start(replay), end = replay__end(replay), step = REPLAY_LOOK_NS;
	int more = 1;

	/* In a trace of only the long waits and holds, everything that counts is at the end. */
	if (!r->moments || replay__is_filtered(replay))
		return replay__run(replay, ~0ULL, f);
	if (gil_elapsed(start, end) / REPLAY_LOOKS > step)
		step = gil_elapsed(start, end) / REPLAY_LOOKS;
	for (__u64 until = start + step; more > 0; until += step) {
		struct snapshot *s;
		int err = 0;

		more = replay__run(replay, until, f);
		s = more < 0 ? NULL : replay__snapshot(replay);
		if (more >= 0)
			err = s ? moments__look(r->moments, s) : -ENOMEM;
		snapshot__free(s);
		if (err)
			return err;
		/* The end of a trace that comes through a pipe is unknown, and its times may jump
		 * far ahead. */
		if (!end && replay__now(replay) > until)
			until = replay__now(replay);
	}
	return more;
}

int check_runs__replay(struct check_runs *r, const char *path, struct failure *f)
{
	struct replay *replay;
	int err = replay__open(&replay, path, f);

	if (err)
		return err;
	err = look_through(r, replay, f);
	if (err >= 0)
		err = replay__need_figures(replay, path, f);
	if (err >= 0)
		err = add_run(r, final_snapshot(replay));
	replay__free(replay);
	if (err && !f->what[0])
		failure__what(f, "out of memory");
	return err;
}

/* Replays what was just recorded, from its temporary file. */
static int replay_file(struct check_runs *r, const struct output_file *file, struct failure *f)
{
	char path[PATH_MAX];

	if (!file->is_temporary)
		return check_runs__replay(r, file->path, f);
	output_file__where(file, path, sizeof(path));
	return check_runs__replay(r, path, f);
}

/* Makes room for the file of one more run. */
static struct output_file *add_file(struct check_runs *r)
{
	struct output_file *list = reallocarray(r->files, r->nr + 1, sizeof(*list));

	if (!list)
		return NULL;
	r->files = list;
	list[r->nr] = (struct output_file){0};
	return &list[r->nr];
}

static int open_file(struct output_file *file, const char *path, bool force, struct failure *f)
{
	int err = output_file__open(file, path, OUTPUT_REPLACE, force, f);

	if (err || file->is_regular)
		return err;
	close(file->fd);
	failure__what(f, "cannot record to %s: it is not a regular file", path);
	failure__cause(f, "each trace is read again after its run");
	return -EINVAL;
}

/* Like observe(), by recording. The file of a run that counts stays, for check_runs__keep_trace. */
static int record(struct check_runs *r, struct observe_options *o, const char *path, bool force,
		  bool counts, bool *over, struct failure *f, int *exit_status)
{
	struct output_file *file = add_file(r);
	struct record_end end = {0};
	const struct record_options ro = {.output = path, .file = file, .quiet = true, .end = &end};
	int err;

	*exit_status = EXIT_STATUS_USAGE;
	if (!file) {
		failure__what(f, "out of memory");
		return -ENOMEM;
	}
	err = open_file(file, path, force, f);
	if (err)
		return err;
	*exit_status = recorder__run(&ro, o, f);
	if (f->what[0] || end.failed) {
		err = -ENOENT;
	} else {
		r->command_status = *exit_status;
		*over = end.interrupted || r->command_status;
		counts = counts || r->command_status;
		r->warmups += !counts;
		err = counts ? replay_file(r, file, f) : 0;
		*exit_status = err ? EXIT_STATUS_USAGE : *exit_status;
	}
	/* What was written before a write failed can be read. */
	if (end.failed)
		output_file__publish(file);
	if (err || !counts)
		output_file__drop(file);
	return err;
}

int check_runs__record(struct check_runs *r, struct observe_options *o, const char *path,
		       bool force, size_t repeat, size_t warmups, struct failure *f,
		       int *exit_status)
{
	bool over = false;
	int err = 0;

	o->ring_size = RING_SIZE;
	for (size_t i = 0; !err && !over && i < warmups + repeat; i++) {
		bool counts = announce(r, i, repeat, warmups);

		o->runs_again = i + 1 < warmups + repeat;
		err = record(r, o, path, force, counts, &over, f, exit_status);
	}
	if (err)
		check_runs__keep_trace(r, r->nr, NULL);
	return err;
}

int check_runs__keep_trace(struct check_runs *r, size_t run, struct failure *f)
{
	int err = 0;

	for (size_t i = 0; r->files && i < r->nr; i++) {
		if (i != run)
			output_file__drop(&r->files[i]);
		else
			err = output_file__publish(&r->files[i]);
	}
	return err ? output_file__explain(&r->files[run], err, f) : 0;
}

void check_runs__clear(struct check_runs *r)
{
	for (size_t i = 0; i < r->nr; i++) {
		snapshot__free(r->list[i]);
		if (r->files)
			output_file__drop(&r->files[i]);
	}
	free(r->list);
	free(r->files);
	r->list = NULL;
	r->files = NULL;
	r->nr = 0;
}
