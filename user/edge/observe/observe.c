// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "edge/observe/calibrate.h"
#include "core/base/clock.h"
#include "core/base/output_file.h"
#include "edge/observe/feed.h"
#include "edge/observe/observe.h"
#include "edge/observe/observe_tell.h"
#include "edge/proc/open_files.h"
#include "edge/proc/privilege.h"

#define MAX_HOOKS   8
#define PROGRESS_NS 1000000000ULL

/* A function that a command adds to the event loop, for a descriptor or a signal. */
struct hook {
	int what; /* descriptor or signal */
	void (*call)(void *ctx);
	void *ctx;
};

struct observer {
	const struct observe_options *options;
	struct target_spec spec; /* that of the options, and where the command's output goes */
	struct probe *probe;
	struct target *target;
	struct feed *feed; /* NULL until observer__feed is called */
	long ns_per_hit, ns_per_usdt_hit;
	int epoll_fd;
	int signal_fd;
	__u64 deadline_ns; /* 0: none */
	__u64 progress_ns; /* when the progress line is due again; 0: there is none */
	int interrupts;
	bool stopping;
	bool usdt_tried;
	bool pipe_blocked; /* SIGPIPE is, and was not before */
	bool raised;       /* gilscope's own priority was raised */
	int priority;      /* before it was raised */
	sigset_t signals;
	struct hook watched[MAX_HOOKS], on_signal[MAX_HOOKS];
	size_t nr_watched, nr_on_signal;
};

/* Blocking a signal makes us receive it even if it is ignored. That is right for SIGINT, which a
 * shell ignores for everything it starts with &. An ignored SIGHUP stays ignored, because nohup
 * asks for that. */
static int open_signals(struct observer *ob)
{
	struct sigaction hangup;

	sigemptyset(&ob->signals);
	sigaddset(&ob->signals, SIGINT);
	sigaddset(&ob->signals, SIGTERM);
	if (sigaction(SIGHUP, NULL, &hangup) || hangup.sa_handler != SIG_IGN)
		sigaddset(&ob->signals, SIGHUP);
	sigaddset(&ob->signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &ob->signals, NULL);
	ob->signal_fd = signalfd(-1, &ob->signals, SFD_CLOEXEC | SFD_NONBLOCK);
	return ob->signal_fd < 0 ? -errno : 0;
}

/*
 * If the reader of the report is gone, SIGPIPE ends gilscope as any filter, but only when its probes are
 * gone: a signal that kills makes the kernel give up the removal of a probe that is under way, and
 * leak its record. The command must not inherit this.
 */
static void block_pipe(struct observer *ob)
{
	sigset_t pipe, before;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	ob->pipe_blocked =
		!sigprocmask(SIG_BLOCK, &pipe, &before) && !sigismember(&before, SIGPIPE);
}

static void unblock_pipe(const struct observer *ob)
{
	sigset_t pipe;

	sigemptyset(&pipe);
	sigaddset(&pipe, SIGPIPE);
	if (ob->pipe_blocked)
		sigprocmask(SIG_UNBLOCK, &pipe, NULL);
}

static int watch(struct observer *ob, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};

	return epoll_ctl(ob->epoll_fd, EPOLL_CTL_ADD, fd, &e) ? -errno : 0;
}

static void observer__free(struct observer *ob)
{
	if (!ob)
		return;
	feed__free(ob->feed);
	target__free(ob->target);
	probe__free(ob->probe);
	unblock_pipe(ob);
	/* The next launched command must not inherit the priority. */
	if (ob->raised)
		setpriority(PRIO_PROCESS, 0, ob->priority);
	if (ob->epoll_fd >= 0)
		close(ob->epoll_fd);
	if (ob->signal_fd >= 0)
		close(ob->signal_fd);
	free(ob);
}

/* A launched command already has its own capabilities. */
static void drop_capabilities(const struct observer *ob)
{
	const struct observe_options *o = ob->options;
	capabilities have = privilege__have();
	capabilities needed =
		probe__needs() | CAPABILITIES_OTHERS | CAPABILITIES_MAPPED | o->needs_later;

	if (o->target.argv)
		needed |= CAPABILITIES_SIGNALS;
	if (capability__missing(have, CAPABILITIES_OTHERS))
		needed |= privilege__of_own_processes();
	if (!o->runs_again)
		privilege__keep(capability__least(have, needed));
}

/* Call when the observation is over. */
static void drop_more_capabilities(const struct observer *ob)
{
	const struct observe_options *o = ob->options;

	if (!o->runs_again)
		privilege__keep(capability__least(privilege__have(),
						  CAPABILITIES_SIGNALS | o->needs_later));
}

/* Opens the file for the command's output, if that is not to go where gilscope's goes. */
static int move_output(struct observer *ob, struct failure *f, int *exit_status)
{
	const char *path = ob->options->command_output;
	struct output_file file = {0};
	int err;

	ob->spec = ob->options->target;
	if (!path)
		return 0;
	if (!strcmp(path, COMMAND_OUTPUT_STDERR))
		path = "/dev/stderr";
	err = output_file__open(&file, path, OUTPUT_APPEND, ob->options->force, f);
	if (err)
		*exit_status = EXIT_STATUS_USAGE;
	else
		ob->spec.command_stdout = file.fd;
	return err;
}

/* Without samples there is still all the rest. */
static void tell_if_unsampled(const struct observer *ob)
{
	const struct failure *why;

	if (!ob->options->blame_hz || probe__blame_hz(ob->probe, &why))
		return;
	failure__say("which functions have the GIL is not sampled: %s%s%s", why ? why->what : "",
		     why && why->cause[0] ? "; " : "", why ? why->cause : "");
}

int observer__start(struct observer **out, const struct observe_options *o, struct failure *f,
		    int *exit_status)
{
	const struct probe_options po = {
		.max_processes = o->max_processes,
		.max_threads = o->max_threads,
		.follow = o->target.follow,
		.all_execs = target_spec__is_open(&o->target),
		.perf_events = getenv("GILSCOPE_PERF_EVENTS") != NULL,
		.verbose = o->verbose,
		.ring_size = o->ring_size,
		.blame_hz = o->blame_hz,
		.waits = source__needs_no_probes(o->target.source),
		.entry = o->listener ? o->listener->entry : NULL,
		.entry_ctx = o->listener ? o->listener->ctx : NULL,
	};
	struct observer *ob = calloc(1, sizeof(*ob));
	int err = -ENOMEM;

	*out = NULL;
	*exit_status = EXIT_STATUS_CANNOT_OBSERVE;
	failure__what(f, "out of memory or file descriptors");
	if (!ob)
		return err;
	ob->options = o;
	ob->signal_fd = -1;
	open_files__raise();
	ob->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	err = ob->epoll_fd < 0 ? -errno : open_signals(ob);
	err = err ?: move_output(ob, f, exit_status);
	err = err ?: probe__open(&ob->probe, &po, f);
	ob->ns_per_hit = -1;
	if (!source__needs_no_probes(o->target.source))
		err = err ?: calibrate(ob->probe, &ob->ns_per_hit, f);
	err = err ?: target__start(&ob->target, ob->probe, &ob->spec, o->listener, f, exit_status);
	if (ob->spec.command_stdout >= 0)
		close(ob->spec.command_stdout);
	block_pipe(ob);
	err = err ?: watch(ob, probe__event_fd(ob->probe));
	err = err ?: watch(ob, ob->signal_fd);
	if (err) {
		observer__free(ob);
		return err;
	}
	/* A new child needs its probes as soon as possible, and everything else done here is
	 * short. */
	ob->priority = getpriority(PRIO_PROCESS, 0);
	setpriority(PRIO_PROCESS, 0, -10);
	ob->raised = true;
	if (o->duration_ns)
		ob->deadline_ns = clock_ns() + o->duration_ns;
	drop_capabilities(ob);
	tell_if_unsampled(ob);
	observe_tell__begin(ob->target, &o->target, ob->deadline_ns != 0);
	*out = ob;
	return 0;
}

/*
 * The first interrupt is for the command: the terminal sends it to the command too, and an
 * interrupt from elsewhere is passed on. The command may then end in an orderly way, which is still
 * observed. The second interrupt ends the observation.
 */
static void on_interrupt(struct observer *ob, const struct signalfd_siginfo *si)
{
	pid_t command = target__command(ob->target);

	if (!command || ob->interrupts++) {
		ob->stopping = true;
		return;
	}
	if (si->ssi_code != SI_KERNEL)
		kill(command, si->ssi_signo);
}

static const struct hook *find_hook(const struct hook *hook, size_t n, int what)
{
	for (size_t i = 0; i < n; i++)
		if (hook[i].what == what)
			return &hook[i];
	return NULL;
}

static void read_signals(struct observer *ob)
{
	struct signalfd_siginfo si;

	while (read(ob->signal_fd, &si, sizeof(si)) == sizeof(si)) {
		const struct hook *hook = find_hook(ob->on_signal, ob->nr_on_signal, si.ssi_signo);

		if (hook)
			hook->call(hook->ctx);
		else if (si.ssi_signo == SIGCHLD)
			target__reap(ob->target);
		else
			on_interrupt(ob, &si);
	}
}

void observer__end(struct observer *ob)
{
	ob->stopping = true;
}

static int add_hook(struct hook *list, size_t *n, struct hook hook)
{
	if (*n == MAX_HOOKS)
		return -ENOSPC;
	list[(*n)++] = hook;
	return 0;
}

int observer__watch(struct observer *ob, int fd, void (*ready)(void *ctx), void *ctx)
{
	return watch(ob, fd)
		       ?: add_hook(ob->watched, &ob->nr_watched, (struct hook){fd, ready, ctx});
}

int observer__on_signal(struct observer *ob, int signal, void (*handle)(void *ctx), void *ctx)
{
	sigaddset(&ob->signals, signal);
	if (sigprocmask(SIG_BLOCK, &ob->signals, NULL) ||
	    signalfd(ob->signal_fd, &ob->signals, 0) < 0)
		return -errno;
	return add_hook(ob->on_signal, &ob->nr_on_signal, (struct hook){signal, handle, ctx});
}

static int wait_ms(const struct observer *ob)
{
	__u64 next = target__next_ns(ob->target), now = clock_ns();

	if (ob->deadline_ns && ob->deadline_ns < next)
		next = ob->deadline_ns;
	if (ob->progress_ns && ob->progress_ns < next)
		next = ob->progress_ns;
	return next > now ? (int)((next - now + 999999) / 1000000) : 0;
}

static void step(struct observer *ob)
{
	struct epoll_event e[2 + MAX_HOOKS];
	int n = epoll_wait(ob->epoll_fd, e, sizeof(e) / sizeof(e[0]), wait_ms(ob));

	target__update(ob->target);
	read_signals(ob);
	for (int i = 0; i < n; i++) {
		const struct hook *hook = find_hook(ob->watched, ob->nr_watched, e[i].data.fd);

		if (hook)
			hook->call(hook->ctx);
	}
}

/* Draws the progress line again, once a second. */
static void put_progress(struct observer *ob)
{
	__u64 now = clock_ns(), left = ob->deadline_ns > now ? ob->deadline_ns - now : 0;

	if (!ob->progress_ns || now < ob->progress_ns)
		return;
	ob->progress_ns = now + PROGRESS_NS;
	observe_tell__progress(ob->options->duration_ns - left, ob->options->duration_ns);
}

void observer__run(struct observer *ob)
{
	if (ob->options->progress && ob->deadline_ns && !ob->spec.argv && isatty(2))
		ob->progress_ns = 1;
	while (!ob->stopping && !target__over(ob->target)) {
		if (ob->deadline_ns && clock_ns() >= ob->deadline_ns)
			break;
		put_progress(ob);
		step(ob);
	}
	if (ob->progress_ns)
		observe_tell__progress_end();
	ob->progress_ns = 0;
}

bool observer__interrupted(const struct observer *ob)
{
	return ob->interrupts || ob->stopping;
}

void observer__stop(struct observer *ob)
{
	const struct timespec grace = {.tv_nsec = 1000 * 1000};

	target__freeze(ob->target);
	nanosleep(&grace, NULL); /* long enough for edges under way to be counted */
}

/* The mean cost of a hit over both sources, in ns; -1 if not known. The cost of USDT probes is
 * measured when it is first needed. */
static long mean_cost(struct observer *ob, __u64 hits, __u64 usdt_hits)
{
	__u64 others = hits - usdt_hits;

	if (!usdt_hits)
		return ob->ns_per_hit;
	if (!ob->usdt_tried)
		calibrate_usdt(ob->probe, &ob->ns_per_usdt_hit);
	ob->usdt_tried = true;
	if (ob->ns_per_usdt_hit < 0)
		return -1;
	return (long)((usdt_hits * (__u64)ob->ns_per_usdt_hit + others * (__u64)ob->ns_per_hit) /
		      hits);
}

/* The cost was measured before, when the machine may have been slower. All hits together cannot have
 * taken more time than all CPUs had. */
static long possible_cost(long cost, __u64 hits, __u64 elapsed)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	__u64 most = hits ? elapsed * (cpus > 0 ? (__u64)cpus : 1) / hits : (__u64)cost;

	return cost > 0 && (__u64)cost > most ? (long)most : cost;
}

pid_t observer__command(const struct observer *ob)
{
	return target__launched(ob->target);
}

__u64 observer__start_ns(const struct observer *ob)
{
	return target__start_ns(ob->target);
}

void observer__entries(struct observer *ob)
{
	probe__entries(ob->probe);
}

void observer__samples(struct observer *ob)
{
	target__take_samples(ob->target);
}

void observer__lost(struct observer *ob, struct snapshot_lost *lost)
{
	target__lost(ob->target, lost);
}

long observer__cost(const struct observer *ob)
{
	return target__uses_usdt(ob->target) ? -1 : ob->ns_per_hit;
}

struct snapshot *observer__snapshot(struct observer *ob)
{
	struct snapshot *s = target__snapshot(ob->target);

	if (s)
		s->probe_ns_per_hit =
			possible_cost(mean_cost(ob, s->probe_hits, s->usdt_hits), s->probe_hits,
				      gil_elapsed(s->start_ns, s->end_ns));
	return s;
}

int observer__feed(struct observer *ob, const struct tick_sink *to, enum feed_extent extent)
{
	__u64 hits, usdt_hits;

	if (!ob->feed)
		ob->feed = feed__new(ob->target, ob->probe);
	if (!ob->feed)
		return -ENOMEM;
	if (!target__is_frozen(ob->target))
		target__update(ob->target);
	hits = feed__hits(ob->feed, &usdt_hits);
	return feed__tick(ob->feed, to, extent,
			  possible_cost(mean_cost(ob, hits, usdt_hits), hits,
					gil_elapsed(observer__start_ns(ob), clock_ns())));
}

void observer__detach(struct observer *ob)
{
	target__detach(ob->target);
}

/* Only signals matter now: the command ends, or the user interrupts. */
static void wait_for_command(struct observer *ob)
{
	struct epoll_event e;

	epoll_ctl(ob->epoll_fd, EPOLL_CTL_DEL, probe__event_fd(ob->probe), NULL);
	while (!ob->stopping && target__command(ob->target)) {
		epoll_wait(ob->epoll_fd, &e, 1, -1);
		read_signals(ob);
	}
}

bool observer__has_seen(const struct observer *ob)
{
	return target__seen_python(ob->target);
}

int observer__finish(struct observer *ob, struct failure *f)
{
	bool seen = observer__has_seen(ob);
	int status;

	if (!seen && f)
		observe_tell__nothing(ob->target, &ob->options->target, f);
	target__detach(ob->target);
	drop_more_capabilities(ob);
	wait_for_command(ob);
	status = target__exit_status(ob->target);
	observer__free(ob);
	if (status > 0)
		return status;
	return seen ? EXIT_STATUS_OK : EXIT_STATUS_CANNOT_OBSERVE;
}
