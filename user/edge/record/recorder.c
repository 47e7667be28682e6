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
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/timerfd.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/version.h"
#include "core/base/format.h"
#include "core/base/output_file.h"
#include "edge/record/recorder.h"
#include "core/trace/trace_encoder.h"
#include "edge/record/trace_sink.h"

#define MS          1000000ULL
#define TICK_NS     (10 * MS)
#define FLUSH_NS    (1000 * MS)
#define PROGRESS_NS (250 * MS)
/* Part of --max-size that is reserved for what follows the last edge: thread names and the
 * index. */
#define CLOSING_SIZE (256U << 10)
/* How often the size is checked, in ring entries; a chunk has some 65,000 of them. */
#define ENTRIES_PER_LOOK 4096

struct recorder {
	const struct record_options *options;
	struct observer *observer;
	struct trace_sink *sink;
	struct trace_encoder *encoder;
	struct listener listener;
	int timer_fd;
	int fd;       /* the output; owned by the sink */
	bool to_file; /* the output is a regular file */
	bool created;
	int err;   /* the error that ended the recording */
	bool full; /* the recording has reached --max-size */
	__u64 nr_entries;
	bool launched, terminal;
	__u64 start_ns, flush_ns, progress_ns;
	__u64 edge_ns; /* time of the last edge */
	unsigned int dumps;
	struct snapshot_lost lost;
	long cost_ns;                /* cost of a probe hit as last written to the trace, in ns */
	void (*on_pipe)(int signal); /* the previous handler of SIGPIPE */
};

/* Erases the progress line before anything else is printed. */
static void clear_progress(const struct recorder *r)
{
	if (r->terminal)
		fputs("\r\033[K", stderr);
}

/* ---- the file ---- */

/* Opens the output. Returns 0, or -errno with f filled. */
static int open_output(struct recorder *r, struct failure *f)
{
	const char *path = r->options->output;
	struct output_file file;
	int err;

	if (!strcmp(path, "-")) {
		r->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
		return r->fd < 0 ? output_file__explain("standard output", -errno, f) : 0;
	}
	err = output_file__open(&file, path, r->options->force ? OUTPUT_REPLACE : OUTPUT_SPARE);
	r->fd = file.fd;
	r->created = file.created;
	r->to_file = file.is_regular;
	if (!err)
		return 0;
	output_file__explain(path, err, f);
	if (err != -EEXIST)
		return err;
	failure__what(f, "%s already exists", path);
	failure__cause(f, "record replaces an existing file only with --force");
	failure__command(f, "gilscope record --force -o %s ...", path);
	return err;
}

static void explain_write(const struct recorder *r, int err, struct failure *f)
{
	const char *path = r->options->output;
	bool to_pipe = !strcmp(path, "-");

	failure__what(f, "cannot write the trace to %s: %s", to_pipe ? "standard output" : path,
		      err == -EPIPE ? "the reader has closed it" : strerror(-err));
	if (r->to_file && trace_sink__size(r->sink, NULL))
		failure__cause(f, "the %s written before the error can be read",
			       format_bytes(trace_sink__size(r->sink, NULL)).s);
	if (err == -ENOSPC || err == -EDQUOT)
		failure__command(f, "df -h %s", to_pipe ? "." : path);
	else if (r->to_file && trace_sink__size(r->sink, NULL))
		failure__command(f, "gilscope report %s", path);
}

/* Ends the recording, and soon the observation. Reports the error at once, because a launched
 * command may run for a long time. */
static void fail(struct recorder *r, int err)
{
	struct failure f = {0};

	if (!err || r->err)
		return;
	r->err = err;
	clear_progress(r);
	explain_write(r, err, &f);
	failure__print(&f, stderr);
	if (r->observer)
		observer__end(r->observer);
}

/* ---- what is recorded ---- */

static bool is_over(const struct recorder *r)
{
	return r->err || r->full;
}

/* Ends the recording if the file has reached its limit. */
static void end_if_full(struct recorder *r)
{
	__u64 at_most;

	trace_sink__size(r->sink, &at_most);
	if (!r->options->max_size || at_most + CLOSING_SIZE <= r->options->max_size)
		return;
	r->full = true;
	observer__end(r->observer);
}

static int on_entry(void *ctx, void *entry, size_t size)
{
	struct recorder *r = ctx;
	const struct gil_stream_edge *e = entry;
	int err;

	if (is_over(r))
		return 0;
	/* On a busy machine many entries may have come since the last tick. */
	if (r->options->max_size && ++r->nr_entries % ENTRIES_PER_LOOK == 0)
		end_if_full(r);
	err = trace_encoder__entry(r->encoder, entry, size);
	if (e->ts > r->edge_ns)
		r->edge_ns = e->ts;
	fail(r, err);
	return err;
}

static void on_process(void *ctx, const struct snapshot_process *p)
{
	struct recorder *r = ctx;

	if (!is_over(r))
		fail(r, trace_encoder__process(r->encoder, p, clock_ns()));
}

static void on_ended(void *ctx, const struct snapshot_process *p, bool listed)
{
	struct recorder *r = ctx;

	if (!is_over(r))
		fail(r, trace_encoder__ended(r->encoder, p, listed, clock_ns()));
}

static void on_folded(void *ctx, unsigned int thread)
{
	struct recorder *r = ctx;

	if (!is_over(r))
		fail(r, trace_encoder__folded(r->encoder, thread, clock_ns()));
}

static void on_unobserved(void *ctx, const struct snapshot_unobserved *u)
{
	struct recorder *r = ctx;

	if (!is_over(r))
		fail(r, trace_encoder__unobserved(r->encoder, u, clock_ns()));
}

static void on_failed(void *ctx, int err)
{
	fail(ctx, err);
}

static __s64 clock_offset(clockid_t clock)
{
	struct timespec t;
	__u64 before = clock_ns();

	clock_gettime(clock, &t);
	return (__s64)(t.tv_sec * 1000000000LL + t.tv_nsec) - (__s64)(before + clock_ns()) / 2;
}

/* The target as given on the command line. */
static void describe_target(const struct target_spec *spec, char *text, size_t size)
{
	size_t n = 0;

	if (spec->all)
		snprintf(text, size, "--all");
	for (size_t i = 0; i < spec->nr_pids && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%d", i ? "," : "-p ", spec->pids[i]);
	for (char **word = spec->argv; word && *word && n < size; word++)
		n += (size_t)snprintf(text + n, size - n, "%s%s", n ? " " : "", *word);
}

static int put_header(struct recorder *r, const struct target_spec *spec)
{
	struct trace_header h = {
		.version = TRACE_VERSION,
		.start_ns = r->start_ns,
		.realtime_ns = clock_offset(CLOCK_REALTIME),
		.boottime_ns = clock_offset(CLOCK_BOOTTIME),
		.min_wait_ns = r->options->min_wait_ns,
		.min_hold_ns = r->options->min_hold_ns,
		.program = GILSCOPE_VERSION,
	};
	struct utsname u;

	if (!uname(&u)) {
		snprintf(h.host, sizeof(h.host), "%.63s", u.nodename);
		snprintf(h.kernel, sizeof(h.kernel), "%.63s", u.release);
		snprintf(h.machine, sizeof(h.machine), "%.15s", u.machine);
	}
	describe_target(spec, h.target, sizeof(h.target));
	return trace_encoder__header(r->encoder, &h);
}

/* ---- progress ---- */

static void put_progress(struct recorder *r, __u64 now)
{
	__u64 lost = trace_encoder__lost(r->encoder) + snapshot_lost__total(&r->lost);

	if (!r->terminal || now < r->progress_ns)
		return;
	r->progress_ns = now + PROGRESS_NS;
	fprintf(stderr, "\r\033[Krecording: %.1f s, %s edges, %s, %s lost",
		(double)(now - r->start_ns) / 1e9, format_count(trace_encoder__edges(r->encoder)).s,
		format_bytes(trace_sink__size(r->sink, NULL)).s, format_count(lost).s);
	fflush(stderr);
}

static void put_summary(struct recorder *r, const struct snapshot *s)
{
	__u64 lost = trace_encoder__lost(r->encoder) + snapshot_lost__total(&s->lost);
	bool to_pipe = !strcmp(r->options->output, "-");

	clear_progress(r);
	if (r->options->quiet)
		return;
	fprintf(stderr, "recorded %s edges in %.1f s, %s lost: %s in %s\n",
		format_count(trace_encoder__edges(r->encoder)).s,
		(double)gil_elapsed(s->start_ns, s->end_ns) / 1e9,
		lost ? format_count(lost).s : "none",
		format_bytes(trace_sink__size(r->sink, NULL)).s,
		to_pipe ? "standard output" : r->options->output);
	if (r->full)
		fprintf(stderr, "the recording ended early: the file has reached --max-size\n");
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
	fail(r, trace_encoder__status(r->encoder, &status, now));
}

static void flush(struct recorder *r, __u64 now)
{
	if (is_over(r))
		return;
	note_status(r, now);
	r->flush_ns = now + FLUSH_NS;
	fail(r, trace_encoder__flush(r->encoder));
	end_if_full(r);
}

/* Empties the ring once. The sink's queue has a limit too: if the disk cannot keep up, edges stay
 * in the ring until it is full, and then the kernel counts the lost ones. */
static void on_tick(void *ctx)
{
	struct recorder *r = ctx;
	__u64 expired, now;

	if (read(r->timer_fd, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
		fail(r, -errno);
	if (!trace_sink__is_full(r->sink))
		observer__entries(r->observer);
	now = clock_ns();
	if (now >= r->flush_ns)
		flush(r, now);
	put_progress(r, now);
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
 * Returns 0 or -errno; `path` is the file's name either way. */
static int dump(struct recorder *r, char *path, size_t size)
{
	struct snapshot *s = observer__snapshot(r->observer);
	struct bytes preamble = {0};
	struct output_file file;
	__u32 count;
	int opened, err = s ? trace_encoder__finish(r->encoder, s, false) : -ENOMEM;

	snapshot__free(s);
	count = make_preamble(r, &preamble);
	do {
		snprintf(path, size, "%s.%u", r->options->output, ++r->dumps);
		opened = output_file__open(&file, path, OUTPUT_CREATE);
	} while (opened == -EEXIST);
	err = err ?: opened ?: trace_sink__dump(r->sink, file.fd, &preamble, count);
	if (!opened && close(file.fd) && !err)
		err = -errno;
	bytes__free(&preamble);
	return err;
}

static void on_usr2(void *ctx)
{
	struct recorder *r = ctx;
	char path[4096];
	int err;

	if (is_over(r))
		return;
	if (!strcmp(r->options->output, "-")) {
		clear_progress(r);
		fprintf(stderr,
			"gilscope: with -o - nothing is written at SIGUSR2, only at the end\n");
		return;
	}
	observer__entries(r->observer);
	err = dump(r, path, sizeof(path));
	clear_progress(r);
	if (err)
		fprintf(stderr, "gilscope: cannot write %s: %s\n", path, strerror(-err));
	else
		fprintf(stderr, "wrote %s\n", path);
}

/* ---- beginning and end ---- */

static int prepare(struct recorder *r, struct failure *f)
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
	err = -ENOMEM;
	r->sink = trace_sink__new(r->fd, r->options->window);
	if (!r->sink)
		close(r->fd);
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
	err = put_header(r, spec);
	err = err ?: r->to_file && ftruncate(r->fd, 0) ? -errno : start_timer(r);
	if (r->options->window)
		err = err ?: observer__on_signal(r->observer, SIGUSR2, on_usr2, r);
	err = err ?: trace_sink__start(r->sink);
	if (err)
		failure__what(f, "cannot record: %s", strerror(-err));
	else
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
	fprintf(stderr, "still writing to %s; press Ctrl-C to give up\n", r->options->output);
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
				16 * s->processes[i].gils[j].nr_edges;
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

static void finish(struct recorder *r)
{
	struct bytes preamble = {0};
	struct snapshot *s;
	__u32 count;
	bool figures;

	observer__stop(r->observer);
	observer__entries(r->observer);
	s = observer__snapshot(r->observer);
	if (!s)
		fail(r, -ENOMEM);
	figures = s && has_figures(r, s);
	if (s && r->full && !figures) /* later edges are not in the file */
		s->end_ns = r->edge_ns;
	if (!r->err)
		fail(r, trace_encoder__finish(r->encoder, s, figures));
	count = make_preamble(r, &preamble);
	trace_sink__end(r->sink, &preamble, count);
	fail(r, wait_for_sink(r));
	bytes__free(&preamble);
	if (!r->err)
		put_summary(r, s);
	snapshot__free(s);
}

/* Nothing was recorded: remove the file if we created it. */
static void drop_output(struct recorder *r)
{
	if (r->created)
		unlink(r->options->output);
}

int recorder__run(const struct record_options *o, struct observe_options *oo, struct failure *f)
{
	struct recorder r = {.options = o, .timer_fd = -1};
	int status = EXIT_STATUS_USAGE;

	r.listener = (struct listener){.entry = on_entry,
				       .process = on_process,
				       .ended = on_ended,
				       .folded = on_folded,
				       .unobserved = on_unobserved,
				       .failed = on_failed,
				       .ctx = &r};
	oo->listener = &r.listener;
	if (o->window) /* each SIGUSR2 creates a new file */
		oo->needs_later |= CAPABILITIES_FILES;
	r.launched = oo->target.argv != NULL;
	r.terminal = !o->quiet && isatty(STDERR_FILENO);
	if (prepare(&r, f)) {
		drop_output(&r);
	} else if (observer__start(&r.observer, oo, f, &status)) {
		drop_output(&r);
	} else {
		memset(f, 0, sizeof(*f));
		if (begin(&r, &oo->target, f))
			r.err = -EIO;
		else
			observer__run(r.observer);
		finish(&r);
		signal(SIGPIPE, r.on_pipe);
		if (o->end)
			*o->end = (struct record_end){observer__interrupted(r.observer), r.err};
		status = observer__finish(r.observer, r.err ? NULL : f);
		if (r.err)
			status = EXIT_STATUS_USAGE;
	}
	trace_encoder__free(r.encoder);
	trace_sink__free(r.sink);
	if (r.timer_fd >= 0)
		close(r.timer_fd);
	return status;
}
