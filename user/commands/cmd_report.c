// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope report: summarizes a recorded trace as stat would have, or exports it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/command.h"
#include "core/base/suggest.h"
#include "core/base/version.h"
#include "commands/command_line.h"
#include "core/export/export.h"
#include "core/html/html.h"
#include "core/base/format.h"
#include "core/base/locale.h"
#include "commands/output.h"
#include "commands/report_verify.h"
#include "edge/proc/privilege.h"
#include "core/report/render.h"
#include "core/report/stacks.h"

/* An export of so many bytes is announced. */
#define LARGE (256.0 * (1 << 20))

/* A time in the trace, counted from its start, or from its end. */
struct moment {
	bool given, from_end;
	unsigned long long ns;
};

struct report_options {
	const char *path;
	const char *format;
	const char *output; /* NULL: stdout */
	struct moment from, to;
	long long pid, tid;        /* 0: all */
	unsigned long long min_ns; /* exports: shorter waits and holds are left out */
	const char *weight;        /* of stacks: "wait" or "hold"; NULL: it was not given */
	bool verify, force;
	const struct option_group *groups; /* parsed again for options after the path */
};

static int set_json(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct report_options *)options)->format = "json";
	return 0;
}

static int set_format(void *options, const char *value, struct failure *f)
{
	if (!renderer__find(value) && !exporter__find(value) && strcmp(value, "html") != 0) {
		struct suggestion s = suggest__begin(value, strlen(value));

		suggest__offer(&s, "html", strlen("html"));
		for (const struct renderer *r = renderer_table; r->name; r++)
			suggest__offer(&s, r->name, strlen(r->name));
		for (const struct exporter *e = exporter_table; e->name; e++)
			suggest__offer(&s, e->name, strlen(e->name));
		failure__what(
			f, "unknown format '%s'%s%s%s; use " RENDER_NAMES ", html" EXPORT_NAMES,
			value, s.best[0] ? " (did you mean " : "", s.best, s.best[0] ? "?)" : "");
		return -EINVAL;
	}
	((struct report_options *)options)->format = value;
	return 0;
}

static int set_output(void *options, const char *value, struct failure *f)
{
	(void)f;
	((struct report_options *)options)->output = value;
	return 0;
}

static int set_moment(struct moment *m, const char *value, struct failure *f)
{
	*m = (struct moment){.given = true, .from_end = value[0] == '-'};
	if (strspn(value, "0.") == strlen(value))
		return *value ? 0 : options__seconds(value, &m->ns, f);
	return options__seconds(value + m->from_end, &m->ns, f);
}

static int set_from(void *options, const char *value, struct failure *f)
{
	return set_moment(&((struct report_options *)options)->from, value, f);
}

static int set_to(void *options, const char *value, struct failure *f)
{
	return set_moment(&((struct report_options *)options)->to, value, f);
}

static int set_pid(void *options, const char *value, struct failure *f)
{
	return options__number(value, 1, 4194304, &((struct report_options *)options)->pid, f);
}

static int set_thread(void *options, const char *value, struct failure *f)
{
	return options__number(value, 1, 4194304, &((struct report_options *)options)->tid, f);
}

static int set_min(void *options, const char *value, struct failure *f)
{
	return options__seconds(value, &((struct report_options *)options)->min_ns, f);
}

static int set_weight(void *options, const char *value, struct failure *f)
{
	int choice, err = options__choice(value, "wait|hold", &choice, f);

	((struct report_options *)options)->weight = value;
	return err;
}

static int set_verify(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct report_options *)options)->verify = true;
	return 0;
}

static int set_force(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct report_options *)options)->force = true;
	return 0;
}

static const struct option_row part_rows[] = {
	{0, "from", "SECS", "begin at this time of the trace; -SECS counts from its end", set_from},
	{0, "to", "SECS", "end at this time", set_to},
	{'p', "pid", "PID", "only this process", set_pid},
	{'t', "thread", "TID", "only this thread", set_thread},
	{0},
};

static const struct option_row output_rows[] = {
	{0, "json", NULL, "print JSON (schema gilscope/1): --format json", set_json},
	{0, "format", "NAME", RENDER_NAMES ", html" EXPORT_NAMES, set_format},
	{0, "weight", "wait|hold",
	 "weigh stacks by the time that others waited (wait, the default), or that the GIL was "
	 "held (hold)",
	 set_weight},
	{0, "min", "SECS", "in an export, leave out waits and holds that are shorter", set_min},
	{'o', "output", "FILE", "write to FILE; - is standard output", set_output},
	OUTPUT_COLOUR_ROW,
	{0, "force", NULL, "replace FILE even if it is a link, or another user's", set_force},
	{0, "verify", NULL, "only check that a replay gives the figures that the kernel kept",
	 set_verify},
	{0},
};

static const char usage[] =
	"usage: gilscope report [OPTIONS] FILE\n"
	"\n"
	"Summarizes or exports FILE, a recording of gilscope record (- is standard\n"
	"input). The summary is what gilscope stat would have printed. Other formats are\n"
	"a page for a browser (html), the stacks of code that make others wait (folded,\n"
	"pprof, speedscope), a timeline for Perfetto (open it at\n"
	"https://ui.perfetto.dev), and a line for each wait and each hold, as csv or\n"
	"ndjson.\n";

static const char examples[] =
	"EXAMPLES\n"
	"  gilscope report app.gil                       summarize all\n"
	"  gilscope report app.gil --from 2 --to 2.5     summarize half a second\n"
	"  gilscope report app.gil --from -10            summarize the last ten seconds\n"
	"  gilscope report app.gil --format html -o app.html\n"
	"                                                a page to look at and pass on\n"
	"  gilscope report app.gil --format perfetto -o app.pftrace\n"
	"  gilscope report app.gil --format folded | flamegraph.pl > app.svg\n"
	"  gilscope report app.gil --format csv | sort -t, -k3nr | head\n"
	"                                                the longest waits and holds\n"
	"\n"
	"EXIT STATUS\n"
	"  0; 1 --verify found a difference; 2 usage error, or the trace cannot be read\n"
	"  or the report cannot be written; 4 the trace has no samples of code\n";

/* ---- the part of the trace ---- */

static int resolve(struct replay *r, const struct moment *m, const char *name, __u64 *ns,
		   struct failure *f)
{
	__u64 start = replay__start(r), end;

	if (!m->given)
		return 0;
	*ns = start + m->ns;
	if (!m->from_end)
		return 0;
	end = replay__end(r);
	if (!end) {
		failure__what(f, "--%s: the end of this trace is not known", name);
		failure__cause(f, "the trace is cut off, or comes through a pipe");
		return -EINVAL;
	}
	*ns = end - start > m->ns ? end - m->ns : start;
	return 0;
}

/* Moves the replay to the beginning of the wanted part, and sets *until to its end. Returns 0, or
 * -errno with f filled. */
static int begin(struct replay *r, const struct report_options *o, __u64 *until, struct failure *f)
{
	__u64 from = replay__start(r);
	int err;

	*until = ~0ULL;
	err = resolve(r, &o->from, "from", &from, f);
	err = err ?: resolve(r, &o->to, "to", until, f);
	if (!err && from >= *until) {
		failure__what(f, "the part between --from and --to is empty");
		err = -EINVAL;
	}
	if (err)
		return err;
	replay__only(r, (pid_t)o->pid, (pid_t)o->tid);
	if (from > replay__start(r))
		err = replay__begin(r, from, f);
	return err < 0 ? err : 0;
}

/* ---- damage to the file ---- */

static void tell_condition(const struct replay *r, const char *path)
{
	const struct trace_condition *c = replay__condition(r);
	char seconds[32];

	snprintf(seconds, sizeof(seconds), "%.3f",
		 (double)gil_elapsed(replay__start(r), replay__now(r)) / 1e9);

	if (c->damaged || c->missing)
		failure__say("gilscope: %s is damaged, first at byte %llu; %llu piece%s missing",
			     path, c->first_damage, c->missing, c->missing == 1 ? " is" : "s are");
	if (c->ended && !c->whole)
		failure__say(
			"gilscope: %s is cut off: its complete part was read, %llu edges up to "
			"%s s",
			path, c->edges, seconds);
}

/* ---- the output ---- */

/* Closes the output in any case. */
static int write_report(struct output *out, const struct report_options *o,
			const struct snapshot *s, const struct chart *chart, struct failure *f)
{
	const struct html_options page = {.version = GILSCOPE_VERSION, .chart = chart};
	struct render_options look = output__look(out);

	if (chart)
		return output__end(out, html__write(out->stream, s, &page), f);
	look.by_hold = o->weight && !strcmp(o->weight, "hold");
	return output__end(out, renderer__find(o->format)->render(out->stream, s, &look), f);
}

/* Says before it is written that an export is going to be large. */
static void tell_size(const struct report_options *o, const struct replay *r, __u64 until)
{
	__u64 start = replay__header(r)->start_ns, from = replay__start(r), end = replay__end(r);
	double size, share = 1;
	struct stat st;

	if (o->min_ns || stat(o->path, &st) || !S_ISREG(st.st_mode))
		return;
	if (end > start)
		share = (double)gil_elapsed(from, until < end ? until : end) /
			(double)(end - start);
	size = (double)st.st_size * exporter__find(o->format)->growth * share;
	if (size < LARGE)
		return;
	failure__say(
		"gilscope: this export is going to take some %s; --from and --to limit it to a "
		"part of the time, and --min 0.001 to waits and holds of a millisecond or more",
		format_bytes((__u64)size).s);
}

static int write_export(struct output *out, const struct report_options *o, struct replay *r,
			__u64 until, struct failure *f)
{
	const struct export_part part = {.until_ns = until, .min_ns = o->min_ns};
	int err;

	f->what[0] = '\0';
	tell_size(o, r, until);
	err = exporter__find(o->format)->run(out->stream, r, &part, f);
	if (!err || !f->what[0])
		return output__end(out, err, f);
	output__end(out, err, NULL);
	return err;
}

/* Moves to the wanted part and replays it. For a page, a new *chart is drawn meanwhile. */
static int replay_part(struct replay *r, const struct report_options *o, struct chart **chart,
		       struct failure *f)
{
	__u64 until;
	int err = begin(r, o, &until, f);

	if (!err && !strcmp(o->format, "html")) {
		*chart = chart__new();
		if (*chart)
			chart__follow(*chart, r);
		else
			err = -ENOMEM;
	}
	if (!err && replay__run(r, until, f) < 0)
		err = -EINVAL;
	if (*chart)
		err = chart__finish(*chart) ?: err;
	if (err == -ENOMEM)
		failure__what(f, "cannot make the report: out of memory");
	return err;
}

/* The state of a GIL that nobody takes or releases in this part comes from before it, so everything
 * before the part is replayed too. */
static int replay_again(struct replay **r, const struct report_options *o, struct chart **chart,
			struct failure *f)
{
	int err;

	chart__free(*chart);
	*chart = NULL;
	replay__free(*r);
	err = replay__open(r, o->path, f);
	if (err)
		return err;
	replay__read_all(*r);
	return replay_part(*r, o, chart, f);
}

/* Refuses to overwrite the trace that is being read. */
static int check_output(const struct report_options *o, struct failure *f)
{
	struct stat in, out;

	if (!o->output || !strcmp(o->output, "-") || stat(o->path, &in) || stat(o->output, &out) ||
	    !S_ISREG(in.st_mode) || in.st_dev != out.st_dev || in.st_ino != out.st_ino)
		return 0;
	failure__what(f, "-o %s is the trace itself", o->output);
	return -EINVAL;
}

static bool is_regular(const char *path)
{
	struct stat st;

	return strcmp(path, "-") && !stat(path, &st) && S_ISREG(st.st_mode);
}

static int check_stacks(const struct report_options *o, const struct snapshot *s, struct failure *f)
{
	const struct renderer *renderer = renderer__find(o->format);

	if (!renderer || !renderer->of_stacks || stacks__are_in(s))
		return 0;
	failure__what(f, "%s has no samples of code, and --format %s is about these", o->path,
		      o->format);
	failure__cause(f, "it was recorded without --blame, or by an earlier version");
	failure__command(f, "gilscope record --blame 997 -o new.gil -p PID");
	return -ENODATA;
}

static int run_report(const struct report_options *o, struct replay **replay, struct failure *f)
{
	struct output out = {0};
	struct snapshot *s = NULL;
	struct chart *chart = NULL;
	struct replay *r;
	int err = replay_part(*replay, o, &chart, f);

	if (!err && replay__has_skipped(*replay))
		err = replay_again(replay, o, &chart, f);
	r = *replay;
	err = err ?: replay__need_figures(r, o->path, f) ?: replay__need_found(r, o->path, f);
	if (!err) {
		s = replay__snapshot(r);
		err = s ? check_stacks(o, s, f) : -ENOMEM;
		if (!s)
			failure__what(f, "cannot make the report: out of memory");
	}
	err = err ?: output__open(&out, o->output, o->force, f);
	err = err ?: write_report(&out, o, s, chart, f);
	chart__free(chart);
	snapshot__free(s);
	return err;
}

static int run_export(const struct report_options *o, struct replay *r, struct failure *f)
{
	struct output out = {0};
	__u64 until;
	int err = begin(r, o, &until, f) ?: output__open(&out, o->output, o->force, f);

	return err ?: write_export(&out, o, r, until, f) ?: replay__need_found(r, o->path, f);
}

static int run(const struct report_options *o, struct replay **replay, struct failure *f)
{
	const struct exporter *exporter = exporter__find(o->format);
	const struct renderer *renderer = renderer__find(o->format);
	bool is_binary = exporter ? exporter->binary : renderer && renderer->binary;
	int err;

	if (is_binary && (!o->output || !strcmp(o->output, "-")) && isatty(STDOUT_FILENO)) {
		failure__what(f, "refusing to write binary data to a terminal; use -o FILE");
		return -EINVAL;
	}
	if (!is_regular(o->path))
		replay__read_all(*replay);
	err = check_output(o, f);
	if (err)
		return err;
	return exporter ? run_export(o, *replay, f) : run_report(o, replay, f);
}

/* ---- the command ---- */

static int report(void *options, struct failure *f)
{
	const struct report_options *o = options;
	struct replay *r;
	int status, err;

	privilege__keep(o->output ? output_file__rights() : CAPABILITY(CAP_DAC_READ_SEARCH));
	output_file__drop_on_signals();
	if (replay__open(&r, o->path, f))
		return EXIT_STATUS_USAGE;
	if (o->verify) {
		status = report_verify(r, o->path, f);
	} else {
		err = run(o, &r, f);
		status = err == -ENODATA ? EXIT_STATUS_CANNOT_OBSERVE
			 : err           ? EXIT_STATUS_USAGE
					 : EXIT_STATUS_OK;
		if (r)
			tell_condition(r, o->path);
	}
	replay__free(r);
	return status;
}

/* Takes the path after the options, and parses the options after it. */
static int take_file(void *options, int argc, char **argv, int rest, struct failure *f)
{
	struct report_options *o = options;
	int err;

	if (rest == argc) {
		failure__what(f, "no trace given");
		return -EINVAL;
	}
	o->path = argv[rest];
	argv += rest;
	argc -= rest;
	err = options__parse(o->groups, argc, argv, &rest, f);
	if (err > 0 || (!err && rest < argc)) {
		failure__what(f, "unexpected argument '%s': report reads one trace", argv[rest]);
		err = -EINVAL;
	}
	if (!err && o->min_ns && !exporter__find(o->format)) {
		failure__what(f, "--min is for exports: --format perfetto, csv or ndjson");
		err = -EINVAL;
	}
	if (!err && o->weight &&
	    (!renderer__find(o->format) || !renderer__find(o->format)->of_stacks)) {
		failure__what(f, "--weight is for stacks: --format folded, pprof or speedscope");
		err = -EINVAL;
	}
	return err;
}

int cmd_report(int argc, char **argv)
{
	struct report_options o = {.format = "text"};
	const struct option_group groups[] = {
		{"Part of the trace", part_rows, &o},
		{"Output", output_rows, &o},
		{0},
	};
	const struct command_line line = {usage, examples, groups, take_file, report, &o, ":files"};

	o.groups = groups;
	return command_line__run(&line, argc, argv);
}
