// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope stat: prints a summary when the target ends, or at Ctrl-C. */
#include <errno.h>
#include <string.h>

#include "commands/command.h"
#include "commands/command_line.h"
#include "edge/observe/observe.h"
#include "commands/output.h"
#include "core/base/version.h"
#include "core/html/html.h"
#include "core/report/render.h"

struct stat_options {
	struct observe_options observe;
	const char *format;
	const char *output; /* NULL: where reports go by default */
	const char *html;   /* a file for a page; NULL: none */
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

static int set_html(void *options, const char *value, struct failure *f)
{
	(void)f;
	((struct stat_options *)options)->html = value;
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
	{0, "html", "FILE", "also write the report to FILE as a page for a browser", set_html},
	OUTPUT_COLOUR_ROW,
	{0, "force", NULL, "replace FILE even if it is a link, or another user's", set_force},
	{0},
};

static const char usage[] =
	"usage: gilscope stat [OPTIONS] -p PID[,PID...]\n"
	"       gilscope stat [OPTIONS] -- COMMAND [ARGS...]\n"
	"       gilscope stat [OPTIONS] --name NAME | --unit UNIT | --cgroup PATH | --container "
	"ID\n"
	"       gilscope stat [OPTIONS] --name NAME | --unit UNIT | --cgroup PATH |\n"
	"         --container ID\n"
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
	"  gilscope stat --name gunicorn -d 10 all that is called so, and its children\n"
	"  gilscope stat --unit app.service    a service, also after its next start\n"
	"  gilscope stat --json -o gil.json -- make test\n"
	"  gilscope stat --blame 997 --html gil.html -- python3 app.py\n"
	"  gilscope stat --json --command-output stderr -- make test | jq .verdict.text\n"
	"  gilscope stat --all -d 5            which programs here are GIL-bound?\n"
	"\n"
	"EXIT STATUS\n"
	"  the launched command's (128+N if signal N ended it); 0; 2 usage error, or the\n"
	"  report could not be written; 4 cannot observe; 126 or 127 the command cannot\n"
	"  be run or found\n";

/* The report, and the page if there is one. */
struct outputs {
	struct output report, page;
};

static void drop(struct outputs *out)
{
	output__drop(&out->report);
	output__drop(&out->page);
}

static int open_outputs(struct outputs *out, const struct stat_options *o, struct failure *f)
{
	int err = output__open(&out->report, o->output, o->force, f);

	if (!err && o->html)
		err = output__open(&out->page, o->html, o->force, f);
	if (err)
		drop(out);
	return err;
}

/* Writes what is still open, and closes it. Returns 0, or -errno with f filled. */
static int write_outputs(struct outputs *out, const struct stat_options *o,
			 const struct snapshot *s, struct failure *f)
{
	const struct html_options page = {.version = GILSCOPE_VERSION};
	struct render_options look;
	int err = 0;

	if (!s) {
		drop(out);
		failure__what(f, "cannot make the report: out of memory");
		return -ENOMEM;
	}
	if (out->report.stream) {
		look = output__look(&out->report);
		err = renderer__find(o->format)->render(out->report.stream, s, &look);
		err = output__end(&out->report, err, f);
	}
	if (!err && out->page.stream)
		err = output__end(&out->page, html__write(out->page.stream, s, &page), f);
	drop(out);
	return err;
}

static int check_html(const struct stat_options *o, struct failure *f)
{
	if (!o->html || (!output__is_stdout(o->html) && (!o->output || strcmp(o->output, o->html))))
		return 0;
	if (output__is_stdout(o->html))
		failure__what(f,
			      "--html needs the name of a file: standard output is for the report");
	else
		failure__what(f, "-o and --html both write to %s", o->html);
	return -EINVAL;
}

static int check(void *options, int argc, char **argv, int rest, struct failure *f)
{
	struct stat_options *o = options;
	const struct output_wish wish = {strcmp(o->format, "text") ? "--json" : NULL, o->output};

	return observe_options__finish(&o->observe, argc, argv, rest, f)
		       ?: check_html(o, f)
		       ?: output__check(&o->observe, &wish, 1, argv, f);
}

static int observe(void *options, struct failure *f)
{
	struct stat_options *so = options;
	/* The text for a terminal: if nothing was seen, the message says all. */
	bool brief = !so->output && !strcmp(so->format, "text");
	struct outputs out = {0};
	struct observer *ob;
	struct snapshot *s;
	int status, err;

	if (brief)
		so->output = output__default(&so->observe);
	so->observe.force = so->force;
	if (open_outputs(&out, so, f))
		return EXIT_STATUS_USAGE;
	so->observe.needs_later = output__needs(&out.report) | output__needs(&out.page);
	if (observer__start(&ob, &so->observe, f, &status)) {
		drop(&out);
		return status;
	}
	memset(f, 0, sizeof(*f));
	observer__run(ob);
	observer__stop(ob);
	s = observer__snapshot(ob);
	if (s && brief && !observer__has_seen(ob)) {
		output__drop(&out.report);
		out.report.stream = NULL;
	}
	err = write_outputs(&out, so, s, f);
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
