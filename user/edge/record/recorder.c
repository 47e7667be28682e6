// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The timing of a recording. Every 10 ms the ring of edges is emptied into the encoder; a ring of
 * the default size holds 0.6 s of a million edges a second. Once a second the encoder's output goes
 * to the sink, so that a recording that is killed loses little more than a second. What the target
 * reports about processes goes straight to the encoder.
 *
 * A write that fails ends the recording and the observation, and is reported at once; a launched
 * command keeps running to its end.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/output_file.h"
#include "edge/record/recorder_private.h"

#define MS       1000000ULL
#define TICK_NS  (10 * MS)
#define FLUSH_NS (1000 * MS)
/* A folder has fewer recordings of one process. */
#define NAMES_MOST 10000

/* ---- failures ---- */

static void fail_because(struct recorder *r, int err, const struct failure *f)
{
	r->err = err;
	recorder__clear_progress(r);
	failure__print(f, stderr);
	if (r->observer)
		observer__end(r->observer);
}

void recorder__fail(struct recorder *r, int err)
{
	struct failure f = {0};

	if (!err || r->err)
		return;
	recorder__explain_write(r, err, &f);
	fail_because(r, err, &f);
}

/* ---- the file ---- */

/* Opens the output. Returns 0, or -errno with f filled. */
static int open_output(struct recorder *r, struct failure *f)
{
	const char *path = r->options->output;

	if (r->options->file) {
		r->file = *r->options->file;
		return 0;
	}
	r->named = &r->file;
	/* The file that the recorder names itself gets its name later. */
	return output_file__open(&r->file, strcmp(path, "-") ? path : "/dev/stdout",
				 path == r->name && !r->options->force ? OUTPUT_CREATE
								       : OUTPUT_SPARE,
				 r->options->force, f);
}

/* Gives the file its name, now that there is something to write. */
static void name_file(struct recorder *r, const struct target_spec *spec)
{
	struct failure f = {0};
	int err = r->named ? output_file__publish(r->named) : 0;

	while (err == -EEXIST && r->options->output == r->name && r->names_taken < NAMES_MOST) {
		recorder__next_name(r, spec);
		err = output_file__publish(r->named);
	}
	if (!err || r->err)
		return;
	output_file__explain(r->named, err, &f);
	fail_because(r, err, &f);
}

/* ---- while recording ---- */

/* Writes the losses so far, for a trace that may be cut off. */
static void note_status(struct recorder *r, __u64 now)
{
	struct trace_status status = {.start_ns = r->start_ns,
				      .end_ns = now,
				      .exit_status = -1,
				      .probe_ns_per_hit = observer__cost(r->observer)};

	observer__lost(r->observer, &status.lost);
	if (!memcmp(&status.lost, &r->lost, sizeof(r->lost)) && r->flush_ns &&
	    status.probe_ns_per_hit == r->cost_ns)
		return;
	r->lost = status.lost;
	r->cost_ns = status.probe_ns_per_hit;
	recorder__fail(r, trace_encoder__status(r->encoder, &status, now));
}

static void flush(struct recorder *r, __u64 now)
{
	if (recorder__is_over(r))
		return;
	note_status(r, now);
	r->flush_ns = now + FLUSH_NS;
	recorder__fail(r, trace_encoder__flush(r->encoder));
	recorder__end_if_full(r);
}

/* Empties the ring once. The sink's queue has a limit too: if the disk cannot keep up, edges stay
 * in the ring until it is full, and then the kernel counts the lost ones. */
static void on_tick(void *ctx)
{
	struct recorder *r = ctx;
	__u64 expired, now;

	if (read(r->timer_fd, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
		recorder__fail(r, -errno);
	/* First, so that the samples of a hold come before its end. */
	observer__samples(r->observer);
	if (!trace_sink__is_full(r->sink))
		observer__entries(r->observer);
	now = clock_ns();
	if (now >= r->flush_ns)
		flush(r, now);
	recorder__put_progress(r, now);
}

static int start_timer(struct recorder *r)
{
	const struct itimerspec every = {.it_interval.tv_nsec = TICK_NS,
					 .it_value.tv_nsec = TICK_NS};

	r->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (r->timer_fd < 0 || timerfd_settime(r->timer_fd, 0, &every, NULL))
		return -errno;
	return observer__watch(r->observer, r->timer_fd, on_tick, r);
}

/* ---- a flight recorder ---- */

static __u32 make_preamble(struct recorder *r, struct bytes *b)
{
	__u64 oldest = r->options->window ? trace_sink__oldest(r->sink) : 0;
	__u32 count = 0;

	if (oldest)
		trace_encoder__preamble(r->encoder, b, &count, oldest);
	return count;
}

/* Writes what is kept so far, and the records needed to read it, to FILE.1, FILE.2 and so on.
 * Returns 0 or -errno. */
static int dump(struct recorder *r)
{
	struct snapshot *s = observer__snapshot(r->observer);
	struct bytes preamble = {0};
	struct output_file file;
	__u32 count;
	int opened, err = s ? trace_encoder__finish(r->encoder, s, false) : -ENOMEM;

	snapshot__free(s);
	count = make_preamble(r, &preamble);
	opened = output_file__open(&file, r->options->output, OUTPUT_CREATE, false, NULL);
	err = err ?: opened ?: trace_sink__dump(r->sink, file.fd, &preamble, count);
	if (!opened && close(file.fd) && !err)
		err = -errno;
	err = err ?: output_file__publish_numbered(&file, &r->dumps);
	if (!opened)
		output_file__drop(&file);
	bytes__free(&preamble);
	return err;
}

static void on_usr2(void *ctx)
{
	struct recorder *r = ctx;
	int err;

	if (recorder__is_over(r))
		return;
	if (!strcmp(r->options->output, "-")) {
		recorder__clear_progress(r);
		failure__say("gilscope: with -o - nothing is written at SIGUSR2, only at the end");
		return;
	}
	observer__entries(r->observer);
	err = dump(r);
	recorder__clear_progress(r);
	if (err)
		failure__say("gilscope: cannot write another file beside %s: %s",
			     r->options->output, strerror(-err));
	else
		failure__say("wrote %s.%u", r->options->output, r->dumps);
}

/* ---- beginning and end ---- */

static int prepare(struct recorder *r, struct observe_options *oo, struct failure *f)
{
	struct trace_encoder_options options = {
		.min_wait_ns = r->options->min_wait_ns,
		.min_hold_ns = r->options->min_hold_ns,
		.put = trace_sink__put,
	};
	int err;

	err = open_output(r, f);
	if (err)
		return err;
	/* Each SIGUSR2 creates a new file. */
	if (r->file.needs_rights || r->options->window)
		oo->needs_later |= output_file__rights();
	err = -ENOMEM;
	r->sink = trace_sink__new(r->file.fd, r->options->window);
	if (!r->sink)
		close(r->file.fd);
	options.ctx = r->sink;
	if (r->sink)
		err = trace_encoder__new(&r->encoder, &options);
	if (err)
		failure__what(f, "cannot record: %s", strerror(-err));
	return err;
}

/* Starts recording. The observation is already running; what it has seen so far is in the
 * encoder. */
static int begin(struct recorder *r, const struct target_spec *spec, struct failure *f)
{
	int err;

	/* Only now, as a launched command would have inherited it. */
	r->on_pipe = signal(SIGPIPE, SIG_IGN);
	r->start_ns = observer__start_ns(r->observer);
	if (r->options->output == r->name)
		recorder__next_name(r, spec);
	err = recorder__put_header(r, spec);
	err = err ?: start_timer(r);
	if (r->options->window)
		err = err ?: observer__on_signal(r->observer, SIGUSR2, on_usr2, r);
	err = err ?: trace_sink__start(r->sink);
	if (err)
		failure__what(f, "cannot record: %s", strerror(-err));
	else if (!r->options->window)
		name_file(r, spec);
	if (!err && !r->err && !r->options->window && r->options->output == r->name &&
	    !r->options->quiet)
		failure__say("recording to %s", r->name);
	if (!err && !r->err)
		flush(r, clock_ns());
	return err;
}

/* Waits for the writer. The reader of a pipe may never read; then another Ctrl-C ends gilscope. */
static int wait_for_sink(struct recorder *r)
{
	int err = trace_sink__wait(r->sink, 1000);
	sigset_t set;

	if (err != -EAGAIN)
		return err;
	failure__say("still writing to %s; press Ctrl-C to give up", r->options->output);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	err = trace_sink__wait(r->sink, -1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return err;
}

/* Upper bound on the size of the kernel's figures in the trace. A thread's figures compress to a
 * few hundred bytes. */
static __u64 figures_size(const struct snapshot *s)
{
	__u64 size = 0;

	for (size_t i = 0; i < s->nr_processes; i++)
		for (size_t j = 0; j < s->processes[i].nr_gils; j++)
			size += 512 * (s->processes[i].gils[j].nr_threads + 1) +
				16 * s->processes[i].gils[j].nr_sums;
	return size;
}

/* True if the trace gets the kernel's figures of the whole observation. A flight recorder does not,
 * nor does a trace of all edges that ended at --max-size, as the figures would not match its edges.
 * A trace of only the long waits and holds does even then, if there is room, because no figures can
 * be computed from it. */
static bool has_figures(const struct recorder *r, const struct snapshot *s)
{
	bool filtered = r->options->min_wait_ns || r->options->min_hold_ns;
	__u64 at_most;

	if (r->options->window || !r->full)
		return !r->options->window;
	trace_sink__size(r->sink, &at_most);
	return filtered && at_most + figures_size(s) + CLOSING_SIZE / 4 <= r->options->max_size;
}

static void finish(struct recorder *r, const struct target_spec *spec)
{
	struct bytes preamble = {0};
	struct snapshot *s;
	__u32 count;
	bool figures;

	observer__stop(r->observer);
	observer__entries(r->observer);
	s = observer__snapshot(r->observer);
	if (!s)
		recorder__fail(r, -ENOMEM);
	figures = s && has_figures(r, s);
	if (s && r->full && !figures) /* later edges are not in the file */
		s->end_ns = r->edge_ns;
	if (!r->err)
		recorder__fail(r, trace_encoder__finish(r->encoder, s, figures));
	count = make_preamble(r, &preamble);
	trace_sink__end(r->sink, &preamble, count);
	recorder__fail(r, wait_for_sink(r));
	if (!r->err || trace_sink__size(r->sink, NULL))
		name_file(r, spec);
	bytes__free(&preamble);
	if (!r->err)
		recorder__put_summary(r, s);
	snapshot__free(s);
}

int recorder__run(const struct record_options *o, struct observe_options *oo, struct failure *f)
{
	struct recorder r = {.options = o, .timer_fd = -1};
	int status = EXIT_STATUS_USAGE;

	if (!o->output) {
		r.own = *o;
		r.own.output = strcpy(r.name, "gil.gil");
		r.options = &r.own;
	}
	recorder__listen(&r);
	oo->listener = &r.listener;
	r.launched = oo->target.argv != NULL;
	r.duration_ns = oo->duration_ns;
	r.terminal = !o->quiet && isatty(STDERR_FILENO);
	if (prepare(&r, oo, f)) {
		/* explained */
	} else if (!observer__start(&r.observer, oo, f, &status)) {
		memset(f, 0, sizeof(*f));
		if (begin(&r, &oo->target, f))
			r.err = -EIO;
		else
			observer__run(r.observer);
		finish(&r, &oo->target);
		signal(SIGPIPE, r.on_pipe);
		if (o->end)
			*o->end = (struct record_end){observer__interrupted(r.observer), r.err};
		status = observer__finish(r.observer, r.err ? NULL : f);
		if (r.err)
			status = EXIT_STATUS_USAGE;
	}
	if (r.named)
		output_file__drop(r.named); /* nothing was recorded */
	trace_encoder__free(r.encoder);
	trace_sink__free(r.sink);
	if (r.timer_fd >= 0)
		close(r.timer_fd);
	return status;
}
