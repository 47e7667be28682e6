// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope stat: a summary when the target ends, or at Ctrl-C. */
#include <errno.h>
#include <string.h>

#include "command.h"
#include "observe.h"
#include "output.h"
#include "render.h"

struct stat_options {
	const char *format;
	const char *output; /* NULL: stdout */
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

static const struct option_row stat_option_rows[] = {
	{0, "json", NULL, "print JSON (schema gilscope/1) and not text", set_json},
	{'o', "output", "FILE", "write the report to FILE; - is standard output", set_output},
	{0},
};

static void print_help(const struct option_group *groups)
{
	fputs("usage: gilscope stat [OPTIONS] -p PID[,PID...]\n"
	      "       gilscope stat [OPTIONS] -- COMMAND [ARGS...]\n"
	      "       gilscope stat [OPTIONS] --all\n"
	      "\n"
	      "Measures what the Global Interpreter Lock (GIL) does to running CPython programs: "
	      "how long\n"
	      "threads wait for it, how long they hold it and why, and to whom it goes next. "
	      "Prints a\n"
	      "summary when the target ends, after -d SECS, or at Ctrl-C.\n"
	      "\n",
	      stdout);
	options__help(groups, stdout);
	fputs("\n"
	      "EXAMPLES\n"
	      "  gilscope stat -- python3 app.py          run a program and measure it\n"
	      "  gilscope stat -p 1234 -d 10              ten seconds of a running server\n"
	      "  gilscope stat --json -o gil.json -- make test\n"
	      "  gilscope stat --all -d 5                 who on this machine is GIL-bound?\n"
	      "\n"
	      "EXIT STATUS\n"
	      "  the launched command's (128+N if signal N ended it); 0; 2 usage, or the report "
	      "could not be\n"
	      "  written; 4 cannot observe; 126 or 127 the command cannot be run or found\n",
	      stdout);
}

/* 0, or -errno with f filled. Closes the output. */
static int write_report(struct output *out, const struct stat_options *o, const struct snapshot *s,
			struct failure *f)
{
	struct render_options look = output__look(out);
	int err = output__begin(out);

	err = err ?: renderer__find(o->format)->render(out->stream, s, &look);
	return output__end(out, err, f);
}

static int observe(const struct observe_options *oo, const struct stat_options *so,
		   struct failure *f)
{
	struct observer *ob;
	struct output out;
	struct snapshot *s;
	int status, err;

	if (output__open(&out, so->output, f))
		return EXIT_STATUS_USAGE;
	if (observer__start(&ob, oo, f, &status)) {
		output__drop(&out);
		return status;
	}
	memset(f, 0, sizeof(*f));
	observer__run(ob);
	observer__stop(ob);
	s = observer__snapshot(ob);
	err = s ? write_report(&out, so, s, f) : -ENOMEM;
	snapshot__free(s);
	if (err) {
		observer__finish(ob, NULL);
		return EXIT_STATUS_USAGE;
	}
	return observer__finish(ob, f);
}

int cmd_stat(int argc, char **argv)
{
	struct observe_options oo;
	struct stat_options so = {.format = "text"};
	const struct option_group groups[] = {
		{"Target", observe_option_rows, &oo},
		{"Output", stat_option_rows, &so},
		{0},
	};
	struct failure f = {0};
	int rest, status, err;

	observe_options__init(&oo);
	err = options__parse(groups, argc, argv, &rest, &f);
	if (err > 0) {
		print_help(groups);
		observe_options__clear(&oo);
		return EXIT_STATUS_OK;
	}
	err = err ?: observe_options__finish(&oo, argc, argv, rest, &f);
	if (err)
		failure__command(&f, "gilscope stat --help");
	status = err ? EXIT_STATUS_USAGE : observe(&oo, &so, &f);
	if (f.what[0])
		failure__print(&f, stderr);
	observe_options__clear(&oo);
	return status;
}
