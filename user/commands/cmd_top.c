// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope top: the live dashboard. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/command.h"
#include "core/base/output_file.h"
#include "commands/command_line.h"
#include "commands/output.h"
#include "core/base/locale.h"
#include "edge/top/command_output.h"
#include "edge/proc/privilege.h"
#include "edge/top/top.h"

struct top_options {
	struct observe_options observe;
	bool batch;
	bool ascii;
	bool no_mouse;
	long long count;
	unsigned long long interval_ns;
	const struct theme *theme;
	const char *command_output; /* --command-output, which is top's own affair */
	bool force;
	const char *input; /* a trace to play back; NULL: live */
};

static int set_batch(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct top_options *)options)->batch = true;
	return 0;
}

static int set_ascii(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct top_options *)options)->ascii = true;
	return 0;
}

static int set_no_mouse(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct top_options *)options)->no_mouse = true;
	return 0;
}

static int set_count(void *options, const char *value, struct failure *f)
{
	return options__number(value, 1, 1LL << 40, &((struct top_options *)options)->count, f);
}

static int set_interval(void *options, const char *value, struct failure *f)
{
	struct top_options *to = options;
	int err = options__seconds(value, &to->interval_ns, f);

	if (err || to->interval_ns <= VIEW_INTERVAL_MOST)
		return err;
	failure__what(f, "the longest interval is 10 seconds");
	return -EINVAL;
}

static int set_theme(void *options, const char *value, struct failure *f)
{
	struct top_options *o = options;

	int choice;

	o->theme = theme__find(value);
	return options__choice(value, THEME_CHOICES, &choice, f);
}

static int set_force(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct top_options *)options)->force = true;
	return 0;
}

static int set_input(void *options, const char *value, struct failure *f)
{
	(void)f;
	((struct top_options *)options)->input = value;
	return 0;
}

static const struct option_row top_option_rows[] = {
	{'i', "input", "FILE", "play back a recorded trace; - is standard input", set_input},
	{'b', "batch", NULL,
	 "print each frame as text; the default if standard output "
	 "is not a terminal",
	 set_batch},
	{'n', "count", "N", "end after N frames", set_count},
	{0, "interval", "SECS", "time between frames: 0.1, 0.25 (the default), 0.5, 1, 2, 5, or 10",
	 set_interval},
	{0, "ascii", NULL, "use only ASCII characters", set_ascii},
	{0, "no-mouse", NULL, "leave the mouse to the terminal, to select text with it",
	 set_no_mouse},
	{0, "theme", THEME_CHOICES, "colours; safe ones suit any colour vision", set_theme},
	OUTPUT_COLOUR_ROW,
	{0, "force", NULL, "append to the --command-output even if it is another user's",
	 set_force},
	{0},
};

static const char usage[] =
	"usage: gilscope top [OPTIONS] -p PID[,PID...]\n"
	"       gilscope top [OPTIONS] -- COMMAND [ARGS...]\n"
	"       gilscope top [OPTIONS] --name NAME | --unit UNIT | --cgroup PATH |\n"
	"         --container ID\n"
	"       gilscope top [OPTIONS] --all\n"
	"       gilscope top [OPTIONS] -i FILE\n"
	"\n"
	"Shows live what the Global Interpreter Lock (GIL) does to running CPython\n"
	"programs. Press ? for the keys. When the target has ended, the last frame stays\n"
	"until you press q.\n";

static const char examples[] =
	"EXAMPLES\n"
	"  gilscope top -p 1234                     watch a running server\n"
	"  gilscope top -- python3 app.py           run a program and watch it\n"
	"  gilscope top --name celery               all that is called so\n"
	"  gilscope top --container 3f2a9c          what runs in a container\n"
	"  gilscope top --all                       every Python on this machine\n"
	"  gilscope top -i app.gil                  play back a recording\n"
	"  gilscope top -b -n 10 --interval 1 -p 1234 > gil.log\n"
	"\n"
	"EXIT STATUS\n"
	"  the launched command's (128+N if signal N ended it); 0; 2 usage error, or\n"
	"  there is no terminal; 4 cannot observe; 126 or 127 the command cannot be run\n"
	"  or found\n";

/* Starts the observation, and keeps a launched command's output off the screen. */
static int start(struct observer **ob, struct command_output **output, const struct top_options *to,
		 bool screen, struct failure *f, int *status)
{
	int err = 0;

	*status = EXIT_STATUS_USAGE;
	if (to->observe.target.argv && (screen || to->command_output))
		err = command_output__divert(output, to->command_output, to->force, f);
	if (err)
		return err;
	err = observer__start(ob, &to->observe, f, status);
	if (*output)
		command_output__restore(*output);
	return err;
}

/* "ENDED", with the exit status if that is not 0. */
static const char *state_text(const struct snapshot *s, char *text, size_t size)
{
	if (s->exit_status > 0)
		snprintf(text, size, "ENDED (status %d)", s->exit_status);
	else
		snprintf(text, size, "ENDED");
	return text;
}

/* Runs from the first frame to the last one. */
static int watch(struct top *top, struct observer *ob, struct failure *f)
{
	char text[64];
	int err = top__open(top, f);

	err = err ?: top__hook(top, ob);
	if (err)
		return err;
	if (top->terminal)
		top__frame(top, false);
	if (!top->quit)
		observer__run(ob);
	if (top->quit)
		return top->err;
	/* The target has ended, or -d SECS are over. */
	observer__stop(ob);
	top->facts.state = "ENDED";
	top->view.paused = false;
	observer__feed(ob, &top->sink, FEED_WHOLE);
	top->observer = NULL;
	top->facts.state = state_text(history__span(top->history, HISTORY_ALL), text, sizeof(text));
	top__frame(top, true);
	observer__detach(ob);
	if (top->terminal && top->frames_left)
		top__loop(top);
	top->facts.state = NULL;
	return top->err;
}

/* Sets up what live display and playback have in common. */
static struct top prepare(const struct top_options *to)
{
	bool asked, coloured = output__is_coloured(true, &asked);
	struct top top = {
		.ascii = to->ascii || !locale__is_utf8(),
		/* A theme asks for colours, too. */
		.no_colour = !coloured && (asked || !to->theme),
		.frames_left = to->count ? to->count : -1,
		.timer_fd = -1,
	};

	view__init(&top.view);
	view__set_interval(&top.view, to->interval_ns);
	if (to->theme)
		top.view.theme = to->theme;
	return top;
}

static bool wants_screen(const struct top_options *to)
{
	return !to->batch && terminal__is_there();
}

static int observe(const struct top_options *to, struct failure *f)
{
	struct top top = prepare(to);
	bool screen = wants_screen(to);
	struct command_output *output = NULL;
	struct observer *ob = NULL;
	int status, err;

	err = start(&ob, &output, to, screen, f, &status);
	if (!err) {
		memset(f, 0, sizeof(*f));
		if (screen)
			err = terminal__open(&top.terminal, !to->no_mouse, f);
		err = err ?: watch(&top, ob, f);
		if (err && !f->what[0])
			failure__what(f, "cannot write to standard output: %s", strerror(-err));
		top__close(&top);
	}
	command_output__show(output);
	if (ob) {
		int ended = observer__finish(ob, err ? NULL : f);

		status = err ? EXIT_STATUS_USAGE : ended;
	}
	command_output__finish(output);
	return status;
}

/* Plays back a trace: on a screen at the chosen speed, as text as fast as possible. */
static int play_back(const struct top_options *to, struct failure *f)
{
	struct top top = prepare(to);
	int err = replay__open(&top.replay, to->input, f);

	err = err ?: replay__need_figures(top.replay, to->input, f);
	top.view.playback = true;
	top.player.replay = top.replay;
	if (!err) {
		top.replay_end_ns = replay__end(top.replay);
		top.replayed_ns = replay__start(top.replay);
	}
	if (!err && wants_screen(to))
		err = terminal__open(&top.terminal, !to->no_mouse, f);
	err = err ?: top__open(&top, f);
	if (!err)
		top__frame(&top, false);
	while (!err && !top.terminal && !top.quit && !top.facts.state)
		top__frame(&top, false);
	if (!err && top.terminal)
		top__loop(&top);
	err = err ?: top.err;
	if (err && !f->what[0])
		failure__what(f, "cannot write to standard output: %s", strerror(-err));
	top__close(&top);
	replay__free(top.replay);
	return err ? EXIT_STATUS_USAGE : EXIT_STATUS_OK;
}

static int check(void *options, int argc, char **argv, int rest, struct failure *f)
{
	struct top_options *to = options;
	const struct target_spec *target = &to->observe.target;

	if (!to->input && observe_options__finish(&to->observe, argc, argv, rest, f))
		return -EINVAL;
	/* top itself moves all of the command's output, and shows it in the end. */
	to->command_output = to->observe.command_output;
	to->observe.command_output = NULL;
	if (to->command_output && !strcmp(to->command_output, COMMAND_OUTPUT_STDERR))
		to->command_output = "/dev/stderr";
	if (to->command_output && !target->argv)
		failure__what(f, "--command-output needs a command to launch: -- COMMAND");
	else if (to->command_output && wants_screen(to) && isatty(2) &&
		 !strcmp(to->command_output, "/dev/stderr"))
		failure__what(f, "the command's output would disturb the screen: give a file");
	else if (!to->input)
		return 0;
	else if (rest < argc || target_spec__is_open(target) || target->nr_pids)
		failure__what(f, "a target cannot be combined with -i FILE");
	else if (to->observe.duration_ns)
		failure__what(f, "-d needs a target; -n limits a playback");
	else
		return 0;
	return -EINVAL;
}

static int run(void *options, struct failure *f)
{
	struct top_options *to = options;

	/* Some keys save the display to files, or start a recorder. */
	to->observe.needs_later =
		output_file__rights() | CAPABILITIES_PROBES | CAPABILITY(CAP_SYS_NICE);
	if (!to->input)
		return observe(to, f);
	privilege__keep(output_file__rights());
	return play_back(to, f);
}

int cmd_top(int argc, char **argv)
{
	struct top_options to = {.interval_ns = 250000000};
	const struct option_group groups[] = {
		{"Target", observe_option_rows, &to.observe},
		{"Output", top_option_rows, &to},
		{0},
	};
	const struct command_line line = {usage, examples, groups, check, run, &to, NULL};
	int status;

	observe_options__init(&to.observe);
	status = command_line__run(&line, argc, argv);
	observe_options__clear(&to.observe);
	return status;
}
