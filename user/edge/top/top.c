// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/version.h"
#include "core/base/format.h"
#include "core/base/output_file.h"
#include "core/report/render.h"
#include "edge/top/top.h"

#define PLAIN_WIDTH  100
#define PLAIN_HEIGHT 40
/* How long a key may have to wait for the trace, in ms. */
#define PLAYER_PATIENCE_MS 50

/* ---- open and close ---- */

static void arm(const struct top *top)
{
	__u64 ns = view__interval_ns(&top->view);
	struct itimerspec every = {
		.it_interval = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)}};

	every.it_value = every.it_interval;
	timerfd_settime(top->timer_fd, 0, &every, NULL);
}

int top__open(struct top *top, struct failure *f)
{
	__u64 window = view__window_ns(&top->view);

	top->history = history__new(window ? window : HISTORY_WINDOW_MAX);
	top->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (!top->history || top->timer_fd < 0) {
		failure__what(f, "out of memory or file descriptors");
		return -ENOMEM;
	}
	top->facts.plain = top->terminal == NULL;
	if (top->terminal && (top->no_colour || !terminal__has_colours(top->terminal)))
		top->view.theme = theme__mono();
	top->sink = history__sink(top->history);
	arm(top);
	return 0;
}

void top__close(struct top *top)
{
	terminal__close(top->terminal);
	recording__stop(&top->recording);
	player__stop(&top->player);
	history__free(top->history);
	if (top->timer_fd >= 0)
		close(top->timer_fd);
}

/* ---- frames ---- */

static int number_in(const char *name, int otherwise)
{
	const char *text = getenv(name);
	int n = text ? atoi(text) : 0;

	return n > 0 && n < 10000 ? n : otherwise;
}

static void plain_size(int *width, int *height)
{
	struct winsize size;
	bool terminal = !ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_col;

	*width = number_in("COLUMNS", terminal ? size.ws_col : PLAIN_WIDTH);
	*height = number_in("LINES", PLAIN_HEIGHT);
	if (*width < SCREEN_WIDTH_LEAST)
		*width = SCREEN_WIDTH_LEAST;
	if (*height < SCREEN_HEIGHT_LEAST)
		*height = SCREEN_HEIGHT_LEAST;
}

/* Prints the frame without the blank rows at its end, followed by one blank row. */
static int print(const struct grid *g)
{
	struct grid used = *g;

	for (bool blank = true; blank && used.height; used.height -= blank)
		for (int x = 0; x < g->width && blank; x++)
			blank = grid__cell(g, x, used.height - 1)->s[0] == ' ';
	used.height++;
	if (used.height > g->height)
		used.height = g->height;
	grid__print(&used, stdout, false);
	return fflush(stdout) ? -errno : 0;
}

static void show(struct top *top)
{
	struct grid *g;
	int width, height;

	if (top->terminal)
		terminal__size(top->terminal, &width, &height);
	else
		plain_size(&width, &height);
	g = grid__new(width, height, top->ascii);
	if (g && screen__draw(g, &top->view, top->history, &top->facts) == 0) {
		if (top->terminal)
			terminal__show(top->terminal, g, top->view.theme);
		else
			top->err = print(g);
	}
	grid__free(g);
	top->quit = top->quit || top->err;
}

/* "x2, 3.20 s of 10.0 s" */
static void describe_playback(struct top *top, bool waiting)
{
	__u64 start = replay__start(top->replay), end = top->replay_end_ns;
	struct format at = format_ns(gil_elapsed(start, top->replayed_ns), top->ascii);
	struct format all = format_ns(gil_elapsed(start, end), top->ascii);
	int speed = top->view.speed;

	snprintf(top->playback, sizeof(top->playback), "x%s%d, %.24s%s%.24s%s",
		 speed < 0 ? "1/" : "", 1 << (speed < 0 ? -speed : speed), at.s, end ? " of " : "",
		 end ? all.s : "", waiting ? ", waiting for more" : "");
	top->facts.playback = top->playback;
}

/* Like replay__run; also returns -EAGAIN if the trace comes through a pipe and more of it has not
 * arrived yet. */
static int run_replay(struct top *top, struct failure *f)
{
	if (!top->terminal)
		return replay__run(top->replay, top->replayed_ns, f);
	return player__run(&top->player, top->replayed_ns, PLAYER_PATIENCE_MS, f);
}

/* Plays one interval at the chosen speed. */
static void play(struct top *top)
{
	__u64 by = view__interval_ns(&top->view);
	struct failure f = {0};
	struct snapshot *s;
	int more;

	if (top->facts.state)
		return; /* already at the end */
	by = top->view.speed < 0 ? by >> -top->view.speed : by << top->view.speed;
	if (!top->player.running)
		top->replayed_ns += by ? by : 1;
	more = run_replay(top, &f);
	if (more == -EAGAIN) {
		describe_playback(top, true);
		return;
	}
	s = replay__snapshot(top->replay);
	if (!s || history__add(top->history, s))
		more = -ENOMEM;
	snapshot__free(s);
	if (more == 1) {
		describe_playback(top, false);
		return;
	}
	top->facts.state = "END";
	top->replayed_ns = replay__now(top->replay);
	describe_playback(top, false);
	if (more < 0)
		snprintf(top->view.message, sizeof(top->view.message), "%.150s",
			 f.what[0] ? f.what : strerror(-more));
}

/* "REC 12.3 s" */
static void watch_recording(struct top *top)
{
	struct recording *r = &top->recording;
	int status;

	/* Either its targets have ended, or it failed. */
	if (recording__has_ended(r, &status))
		snprintf(top->view.message, sizeof(top->view.message), "%s%s",
			 status ? "the recording failed: try gilscope record -p PID -o FILE"
				: "recorded ",
			 status ? "" : r->path);
	if (!top->observer)
		return;
	if (r->pid)
		snprintf(top->state, sizeof(top->state), "REC %.40s",
			 format_ns(gil_elapsed(r->start_ns, clock_ns()), top->ascii).s);
	top->facts.state = r->pid ? top->state : NULL;
}

/* Blocks of text are read later, beside other logs, so each says when it was: for a playback, when
 * it was recorded. */
static void describe_time(struct top *top)
{
	struct timespec now;
	struct tm tm;
	__s64 ns;

	if (top->terminal)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	if (top->replay) {
		/* Unsigned, as the offset in a trace may be anything. */
		ns = (__s64)(replay__now(top->replay) +
			     (__u64)replay__header(top->replay)->realtime_ns);
		ns = ns > 0 ? ns : 0;
		now = (struct timespec){ns / 1000000000, ns % 1000000000};
	}
	if (!strftime(top->when, sizeof(top->when), "%F %T", localtime_r(&now.tv_sec, &tm)))
		return;
	snprintf(top->when + strlen(top->when), 8, ".%03d", (int)(now.tv_nsec / 1000000));
	top->facts.when = top->when;
}

void top__frame(struct top *top, bool last)
{
	if (top->replay && !top->view.paused)
		play(top);
	watch_recording(top);
	if (top->observer && (!top->view.paused || last)) {
		int err = observer__feed(top->observer, &top->sink, FEED_FIGURES);

		if (err)
			snprintf(top->view.message, sizeof(top->view.message),
				 "this frame is incomplete: %s", strerror(-err));
	}
	describe_time(top);
	show(top);
	if (top->frames_left > 0)
		top->frames_left--;
	if (!top->frames_left && !last)
		top->quit = true;
}

/* ---- keys ---- */

/* Creates a file in the current directory, named after the target and the time. */
static FILE *create(const struct top *top, const char *ending, char *path, size_t size,
		    struct output_file *file)
{
	const struct snapshot *s = history__span(top->history, HISTORY_ALL);
	time_t now = time(NULL);
	struct tm tm;
	char when[32];
	int err;

	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", localtime_r(&now, &tm));
	if (s->nr_processes)
		snprintf(path, size, "gilscope-%d-%s.%s", s->processes[0].pid, when, ending);
	else
		snprintf(path, size, "gilscope-%s.%s", when, ending);
	err = output_file__open(file, path, OUTPUT_CREATE, false, NULL);
	errno = -err;
	return err ? NULL : fdopen(file->fd, "w");
}

/* Saves what is on display, as `stat` would report it. */
static void save(struct top *top, const char *format, const char *ending)
{
	struct render_options o = {.ascii = top->ascii, .version = GILSCOPE_VERSION};
	enum history_span span = view__window_ns(&top->view) ? HISTORY_WINDOW : HISTORY_ALL;
	struct output_file file = {0};
	struct snapshot *s;
	char path[64];
	FILE *out;
	int err;

	if (top->observer && !top->view.paused)
		observer__feed(top->observer, &top->sink, FEED_WHOLE);
	s = history__copy(top->history, span);
	out = s ? create(top, ending, path, sizeof(path), &file) : NULL;
	err = s ? out ? 0 : -errno : -ENOMEM;
	if (out) {
		err = renderer__find(format)->render(out, s, &o);
		if (fclose(out) && !err)
			err = -errno;
		err = err ?: output_file__publish(&file);
		output_file__drop(&file);
	}
	snapshot__free(s);
	if (err)
		snprintf(top->view.message, sizeof(top->view.message), "cannot save: %s",
			 strerror(-err));
	else
		snprintf(top->view.message, sizeof(top->view.message), "saved %s", path);
}

/* A recording needs probes, which --source futex is chosen to avoid. */
static bool avoids_probes(const struct snapshot *s)
{
	for (size_t i = 0; i < s->nr_processes; i++)
		for (size_t j = 0; j < s->processes[i].nr_gils; j++)
			if (s->processes[i].gils[j].waits_only)
				return true;
	return false;
}

/* Starts a recording, or ends the running one. */
static void record(struct top *top)
{
	const struct snapshot *s = history__span(top->history, HISTORY_ALL);
	struct recording *r = &top->recording;
	bool recording = r->pid != 0;
	int err = 0;

	if (!top->observer)
		return;
	if (avoids_probes(s)) {
		snprintf(top->view.message, sizeof(top->view.message),
			 "cannot record: --source futex sees only waits");
		return;
	}
	err = recording ? recording__stop(r) : recording__start(r, s);
	watch_recording(top);
	if (err)
		snprintf(top->view.message, sizeof(top->view.message), "cannot record: %s",
			 strerror(-err));
	else
		snprintf(top->view.message, sizeof(top->view.message), "%s %s",
			 recording ? "recorded" : "recording to", r->path);
}

static void act(struct top *top, enum view_action action)
{
	switch (action) {
	case VIEW_QUIT:
		top->quit = true;
		break;
	case VIEW_RESET:
		/* What happened since the last frame, for example during a pause, is discarded
		 * too. */
		if (top->observer)
			observer__feed(top->observer, &top->sink, FEED_WHOLE);
		history__reset(top->history);
		snprintf(top->view.message, sizeof(top->view.message), "figures start from now");
		break;
	case VIEW_RECORD:
		record(top);
		break;
	case VIEW_STEP:
		play(top);
		break;
	case VIEW_SAVE_TEXT:
		save(top, "text", "txt");
		break;
	case VIEW_SAVE_JSON:
		save(top, "json", "json");
		break;
	default:
		break;
	}
}

static void on_key(void *ctx)
{
	struct top *top = ctx;
	__u64 interval = view__interval_ns(&top->view), window = view__window_ns(&top->view);
	struct terminal_click click;
	int key = 0;

	/* Each key acts on the frame that the previous one produced. */
	while (!top->quit && (key = terminal__key(top->terminal, &click)) > 0) {
		act(top, key == TERMINAL_CLICK
				 ? view__click(&top->view, click.x, click.y, click.second)
				 : view__key(&top->view, (unsigned int)key));
		show(top);
	}
	if (key < 0)
		top->quit = true;
	if (interval != view__interval_ns(&top->view))
		arm(top);
	if (window != view__window_ns(&top->view) && view__window_ns(&top->view))
		history__set_window(top->history, view__window_ns(&top->view));
	if (top->quit && top->observer)
		observer__end(top->observer);
}

/* ---- the clock, and signals ---- */

static void on_timer(void *ctx)
{
	struct top *top = ctx;
	__u64 times;

	if (read(top->timer_fd, &times, sizeof(times)) != sizeof(times))
		return;
	top__frame(top, false);
	if (top->quit && top->observer)
		observer__end(top->observer);
}

static void on_quit(void *ctx)
{
	struct top *top = ctx;

	top->quit = true;
	if (top->observer)
		observer__end(top->observer);
}

static void on_resize(void *ctx)
{
	struct top *top = ctx;

	terminal__resized(top->terminal);
	show(top);
}

static void on_stop(void *ctx)
{
	struct top *top = ctx;

	terminal__stop(top->terminal);
	show(top);
}

static void on_continue(void *ctx)
{
	struct top *top = ctx;

	terminal__continued(top->terminal);
	show(top);
}

static const struct {
	int number;
	bool terminal; /* only if there is a terminal */
	void (*handle)(void *ctx);
} signals[] = {
	{SIGINT, true, on_quit},     {SIGTERM, false, on_quit}, {SIGHUP, false, on_quit},
	{SIGWINCH, true, on_resize}, {SIGTSTP, true, on_stop},  {SIGCONT, true, on_continue},
};

#define SIGNALS (sizeof(signals) / sizeof(*signals))

int top__hook(struct top *top, struct observer *ob)
{
	int err = observer__watch(ob, top->timer_fd, on_timer, top);

	top->observer = ob;
	if (!err && top->terminal)
		err = observer__watch(ob, terminal__fd(top->terminal), on_key, top);
	for (size_t i = 0; i < SIGNALS && !err && top->terminal; i++)
		err = observer__on_signal(ob, signals[i].number, signals[i].handle, top);
	return err;
}

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < SIGNALS; i++)
		sigaddset(&set, signals[i].number);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void read_signals(struct top *top, int fd)
{
	struct signalfd_siginfo si;

	while (read(fd, &si, sizeof(si)) == sizeof(si))
		for (size_t i = 0; i < SIGNALS; i++)
			if (signals[i].number == (int)si.ssi_signo)
				signals[i].handle(top);
}

void top__loop(struct top *top)
{
	struct pollfd fds[3] = {
		{.fd = open_signals(), .events = POLLIN},
		{.fd = top->terminal ? terminal__fd(top->terminal) : -1, .events = POLLIN},
		{.fd = top->timer_fd, .events = POLLIN},
	};

	while (!top->quit && (poll(fds, 3, -1) >= 0 || errno == EINTR)) {
		if (fds[0].revents)
			read_signals(top, fds[0].fd);
		if (fds[1].revents && !top->quit)
			on_key(top);
		if (fds[2].revents && !top->quit)
			on_timer(top);
	}
	close(fds[0].fd);
}
