// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope stat: prints a summary when the target ends, or at Ctrl-C. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands/command.h"
#include "commands/command_line.h"
#include "edge/observe/observe.h"
#include "commands/output.h"
#include "core/base/version.h"
#include "core/html/html.h"
#include "core/report/render.h"
#include "core/report/totals.h"
#include "commands/stat_interval.h"
#include "commands/stat_repeat.h"

#define INTERVAL_LEAST 100000000ULL

struct stat_options {
	struct observe_options observe;
	const char *format;
	const char *output; /* NULL: where reports go by default */
	const char *html;   /* a file for a page; NULL: none */
	bool force;
	unsigned long long interval_ns; /* 0: none */
	long long repeat;
	const char *separator; /* of CSV; NULL: no CSV */
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

static int set_interval(void *options, const char *value, struct failure *f)
{
	struct stat_options *o = options;
	int err = options__seconds(value, &o->interval_ns, f);

	if (err || o->interval_ns >= INTERVAL_LEAST)
		return err;
	failure__what(f, "the shortest interval is 100ms");
	return -EINVAL;
}

static int set_repeat(void *options, const char *value, struct failure *f)
{
	return options__number(value, 1, 1000000, &((struct stat_options *)options)->repeat, f);
}

static int set_separator(void *options, const char *value, struct failure *f)
{
	if (!*value || strpbrk(value, "0123456789.\n")) {
		failure__what(f, "not a separator, such as , or ;");
		return -EINVAL;
	}
	((struct stat_options *)options)->separator = value;
	return 0;
}

static int set_force(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct stat_options *)options)->force = true;
	return 0;
}

static const struct option_row stat_option_rows[] = {
	{'I', "interval", "SECS",
	 "also print what each SECS have added, a line each, and at the end the summary",
	 set_interval},
	{'r', "repeat", "N", "run the command N times; print mean, error and range of each figure",
	 set_repeat},
	{'x', "field-separator", "SEP",
	 "print figures only, with SEP between the fields, as perf stat does: -x,", set_separator},
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
	"  gilscope stat -p 1234 -I 1          a line each second\n"
	"  gilscope stat -p 1234 -I 1 -x, -d 60 > gil.csv\n"
	"  gilscope stat -r 5 -- ./bench       five runs: mean, error and range\n"
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

/* JSON without line ends, which are in no string: a line behind those of the intervals. */
static int write_json_line(FILE *out, const struct snapshot *s, const struct render_options *look)
{
	char *text = NULL;
	size_t size;
	FILE *memory = open_memstream(&text, &size);
	int err = memory ? renderer__find("json")->render(memory, s, look) : -ENOMEM;

	if (memory && fclose(memory) && !err)
		err = -ENOMEM;
	for (const char *at = text; !err && *at; at += strspn(at, "\n ")) {
		size_t n = strcspn(at, "\n");

		fwrite(at, 1, n, out);
		at += n;
	}
	free(text);
	putc('\n', out);
	return err ?: fflush(out) ? -errno : 0;
}

static struct totals_style style_of(const struct stat_options *o, const struct render_options *look)
{
	enum totals_format format = o->separator                ? TOTALS_CSV
				    : strcmp(o->format, "text") ? TOTALS_JSON
								: TOTALS_TEXT;

	return (struct totals_style){format, o->separator, look};
}

static int write_report(FILE *out, const struct stat_options *o, const struct snapshot *s,
			const struct render_options *look)
{
	struct totals_style style = style_of(o, look);
	struct totals t;

	if (o->separator) {
		totals__of(s, &t);
		if (!o->interval_ns)
			totals__put_csv(out, &style, &t);
		return fflush(out) ? -errno : 0;
	}
	if (o->interval_ns && style.format == TOTALS_JSON)
		return write_json_line(out, s, look);
	if (o->interval_ns)
		putc('\n', out);
	return renderer__find(o->format)->render(out, s, look);
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
		err = write_report(out->report.stream, o, s, &look);
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

/* -I, -r and -x. */
static int check_figures(const struct stat_options *o, struct failure *f)
{
	if (o->repeat && !o->observe.target.argv)
		failure__what(f, "-r needs a command to run: -- COMMAND");
	else if (o->repeat && (o->interval_ns || o->html))
		failure__what(f, "-r cannot be used with %s", o->html ? "--html" : "-I");
	else if (o->separator && strcmp(o->format, "text") != 0)
		failure__what(f, "-x and --json are two forms of the report: use one of them");
	else
		return 0;
	return -EINVAL;
}

static int check(void *options, int argc, char **argv, int rest, struct failure *f)
{
	struct stat_options *o = options;
	const struct output_wish wish = {strcmp(o->format, "text")   ? "--json"
					 : o->separator && o->output ? "-x"
								     : NULL,
					 o->output};

	return observe_options__finish(&o->observe, argc, argv, rest, f)
		       ?: check_html(o, f)
		       ?: check_figures(o, f)
		       ?: output__check(&o->observe, &wish, 1, argv, f);
}

/* Observes to the end. Returns what was seen; NULL if memory ran out. */
static struct snapshot *measure(const struct stat_options *so, struct observer *ob, FILE *out,
				struct failure *f)
{
	const struct output to = {.stream = out};
	const struct render_options look = output__look(&to);
	const struct totals_style style = style_of(so, &look);
	struct stat_interval iv = {
		.observer = ob,
		.out = out,
		.style = &style,
		.ns = so->interval_ns,
		.duration_ns = so->observe.duration_ns,
	};
	bool ticking = so->interval_ns && !stat_interval__start(&iv, f);
	struct snapshot *s;

	observer__run(ob);
	observer__stop(ob);
	s = observer__snapshot(ob);
	if (ticking && (observer__has_seen(ob) || iv.number))
		stat_interval__end(&iv, s);
	return s;
}

static int write_runs(struct outputs *out, const struct stat_options *so, const struct stat_runs *r,
		      struct failure *f)
{
	FILE *to = out->report.stream;
	const struct render_options look = output__look(&out->report);
	const struct totals_style style = style_of(so, &look);
	int err = 0;

	totals__put_runs(to, &style, r->list, r->nr);
	if (style.format == TOTALS_TEXT) {
		fputs("\nThe last run:\n", to);
		err = renderer__find("text")->render(to, r->last, &look);
	} else if (fflush(to)) {
		err = -errno;
	}
	return output__end(&out->report, err, f);
}

/* -r */
static int repeat(const struct stat_options *so, struct observe_options *o, struct outputs *out,
		  struct failure *f)
{
	struct stat_runs r = {0};
	struct failure later = {0};
	int err = stat_repeat__run(&r, o, (size_t)so->repeat, f);
	int status = err && !r.status ? EXIT_STATUS_CANNOT_OBSERVE : r.status;

	if (!r.nr)
		drop(out);
	else if (write_runs(out, so, &r, err ? &later : f))
		status = EXIT_STATUS_USAGE;
	stat_runs__clear(&r);
	return status;
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
	so->observe.progress = !so->interval_ns;
	if (open_outputs(&out, so, f))
		return EXIT_STATUS_USAGE;
	so->observe.needs_later = output__needs(&out.report) | output__needs(&out.page);
	if (so->repeat)
		return repeat(so, &so->observe, &out, f);
	if (observer__start(&ob, &so->observe, f, &status)) {
		drop(&out);
		return status;
	}
	memset(f, 0, sizeof(*f));
	s = measure(so, ob, out.report.stream, f);
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
