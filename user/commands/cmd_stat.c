// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope stat: prints a summary when the target ends, or at Ctrl-C. */
#include <errno.h>
#include <string.h>

#include "commands/command.h"
#include "commands/command_line.h"
#include "edge/observe/observe.h"
#include "commands/output.h"
#include "core/report/render.h"

struct stat_options {
	struct observe_options observe;
	const char *format;
	const char *output; /* NULL: where reports go by default */
	bool force;
};

static int set_json(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct stat_options *)options)->format = "json";
	return 0;
}

static int set_output(void *options, const char *value, struct failure *f)
{
	(void)f;
	((struct stat_options *)options)->output = value;
	return 0;
}

static int set_force(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct stat_options *)options)->force = true;
	return 0;
}

static const struct option_row stat_option_rows[] = {
	{0, "json", NULL, "print JSON (schema gilscope/1) instead of text", set_json},
	{'o', "output", "FILE",
	 "write the report to FILE; - is standard output. Without -o it goes to standard output, "
	 "or, "
	 "with a launched command, to standard error",
	 set_output},
	{0, "force", NULL, "replace FILE even if it is a link, or another user's", set_force},
	{0},
};

static const char usage[] =
	"usage: gilscope stat [OPTIONS] -p PID[,PID...]\n"
	"       gilscope stat [OPTIONS] -- COMMAND [ARGS...]\n"
	"       gilscope stat [OPTIONS] --all\n"
	"\n"
	"Measures what the Global Interpreter Lock (GIL) does to running CPython\n"
	"programs: how long threads wait for it, how long they hold it and why, and\n"
	"which thread gets it next. Prints a summary when the target ends, after -d\n"
	"SECS, or at Ctrl-C.\n";

static const char examples[] =
	"EXAMPLES\n"
	"  gilscope stat -- python3 app.py     run a program and measure it\n"
	"  gilscope stat -p 1234 -d 10         measure a running server for ten seconds\n"
	"  gilscope stat --json -o gil.json -- make test\n"
	"  gilscope stat --json --command-output stderr -- make test | jq .verdict.text\n"
	"  gilscope stat --all -d 5            which programs here are GIL-bound?\n"
	"\n"
	"EXIT STATUS\n"
	"  the launched command's (128+N if signal N ended it); 0; 2 usage error, or the\n"
	"  report could not be written; 4 cannot observe; 126 or 127 the command cannot\n"
	"  be run or found\n";

/* Writes the report and closes the output. Returns 0, or -errno with f filled. */
static int write_report(struct output *out, const struct stat_options *o, const struct snapshot *s,
			struct failure *f)
{
	struct render_options look = output__look(out);
	int err;

	if (!s) {
		output__drop(out);
		failure__what(f, "cannot make the report: out of memory");
		return -ENOMEM;
	}
	err = renderer__find(o->format)->render(out->stream, s, &look);
	return output__end(out, err, f);
}

static int check(void *options, int argc, char **argv, int rest, struct failure *f)
{
	struct stat_options *o = options;
	const struct output_wish wish = {strcmp(o->format, "text") ? "--json" : NULL, o->output};

	return observe_options__finish(&o->observe, argc, argv, rest, f)
		       ?: output__check(&o->observe, &wish, 1, argv, f);
}

static int observe(void *options, struct failure *f)
{
	struct stat_options *so = options;
	/* The text for a terminal: if nothing was seen, the message says all. */
	bool brief = !so->output && !strcmp(so->format, "text");
	struct observer *ob;
	struct output out;
	struct snapshot *s;
	int status, err;

	if (brief)
		so->output = output__default(&so->observe);
	so->observe.force = so->force;
	if (output__open(&out, so->output, so->force, f))
		return EXIT_STATUS_USAGE;
	so->observe.needs_later = output__needs(&out);
	if (observer__start(&ob, &so->observe, f, &status)) {
		output__drop(&out);
		return status;
	}
	memset(f, 0, sizeof(*f));
	observer__run(ob);
	observer__stop(ob);
	s = observer__snapshot(ob);
	if (s && brief && !observer__has_seen(ob))
		err = 0, output__drop(&out);
	else
		err = write_report(&out, so, s, f);
	snapshot__free(s);
	if (err) {
		observer__finish(ob, NULL);
		return EXIT_STATUS_USAGE;
	}
	return observer__finish(ob, f);
}

int cmd_stat(int argc, char **argv)
{
	struct stat_options so = {.format = "text"};
	const struct option_group groups[] = {
		{"Target", observe_option_rows, &so.observe},
		{"Output", stat_option_rows, &so},
		{0},
	};
	const struct command_line line = {usage, examples, groups, check, observe, &so, NULL};
	int status;

	observe_options__init(&so.observe);
	status = command_line__run(&line, argc, argv);
	observe_options__clear(&so.observe);
	return status;
}
