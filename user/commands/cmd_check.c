// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope check: checks rules about the GIL, for CI. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/check/check.h"
#include "commands/check_reports.h"
#include "commands/check_run.h"
#include "commands/command.h"
#include "commands/command_line.h"
#include "core/base/format.h"
#include "edge/observe/observe.h"
#include "edge/proc/privilege.h"

/* A rule or a file of rules; kept in command-line order. */
struct rule_source {
	const char *text;
	bool is_file;
};

struct check_options {
	struct rule_source *sources;
	size_t nr_sources;
	struct check_report_options reports;
	const char *baseline;
	const char **inputs; /* traces that were recorded earlier */
	size_t nr_inputs;
	const char *trace;
	size_t repeat;
	size_t warmups;
	enum judged inconclusive_is;
};

static int add_source(void *options, const char *text, bool is_file)
{
	struct check_options *o = options;
	struct rule_source *list = reallocarray(o->sources, o->nr_sources + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	o->sources = list;
	list[o->nr_sources++] = (struct rule_source){text, is_file};
	return 0;
}

static int set_assert(void *options, const char *value, struct failure *f)
{
	(void)f;
	return add_source(options, value, false);
}

static int set_config(void *options, const char *value, struct failure *f)
{
	(void)f;
	return add_source(options, value, true);
}

static int set_input(void *options, const char *value, struct failure *f)
{
	struct check_options *o = options;
	const char **list;

	if (o->nr_inputs == RUNS_LARGEST) {
		failure__what(f, "more than %d traces", RUNS_LARGEST);
		return -EINVAL;
	}
	list = reallocarray(o->inputs, o->nr_inputs + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	o->inputs = list;
	list[o->nr_inputs++] = value;
	return 0;
}

static int set_number(size_t *to, const char *value, long long least, struct failure *f)
{
	long long n;
	int err = options__number(value, least, RUNS_LARGEST, &n, f);

	if (!err)
		*to = (size_t)n;
	return err;
}

static int set_repeat(void *options, const char *value, struct failure *f)
{
	return set_number(&((struct check_options *)options)->repeat, value, 1, f);
}

static int set_warmup(void *options, const char *value, struct failure *f)
{
	return set_number(&((struct check_options *)options)->warmups, value, 0, f);
}

static int set_inconclusive(void *options, const char *value, struct failure *f)
{
	enum judged *is = &((struct check_options *)options)->inconclusive_is;

	int choice, err = options__choice(value, "pass|fail", &choice, f);

	if (!err)
		*is = choice ? JUDGED_FAIL : JUDGED_PASS;
	return err;
}

#define SETTER(name, field, stored)                                                                \
	static int set_##name(void *options, const char *value, struct failure *f)                 \
	{                                                                                          \
		(void)value, (void)f;                                                              \
		((struct check_options *)options)->field = stored;                                 \
		return 0;                                                                          \
	}

SETTER(baseline, baseline, value)
SETTER(save_baseline, reports.save_baseline, value)
SETTER(trace, trace, value)
SETTER(json, reports.format, "json")
SETTER(tap, reports.format, "tap")
SETTER(output, reports.output, value)
SETTER(junit, reports.junit, value)
SETTER(openmetrics, reports.openmetrics, value)
SETTER(github, reports.github, true)
SETTER(force, reports.force, true)

static const struct option_row check_rule_rows[] = {
	{0, "assert", "RULE", "a rule that must hold; can be given several times", set_assert},
	{0, "config", "FILE", "a file of rules, one per line; # begins a comment", set_config},
	{0, "repeat", "N", "run the command N times; judge the median, unless a rule says over ...",
	 set_repeat},
	{0, "warmup", "N", "first run the command N times without judging it", set_warmup},
	{0, "baseline", "FILE", "JSON of earlier runs, for rules with \"vs baseline\"",
	 set_baseline},
	{0, "save-baseline", "FILE", "write these runs as a baseline to FILE", set_save_baseline},
	{'i', "input", "FILE",
	 "judge a trace of gilscope record instead of a target; several traces count as "
	 "several runs",
	 set_input},
	{0, "inconclusive", "pass|fail", "what an inconclusive rule counts as", set_inconclusive},
	{0},
};

static const struct option_row check_output_rows[] = {
	{0, "json", NULL, "print JSON (schema gilscope-check/1) instead of text", set_json},
	{0, "tap", NULL, "print TAP instead of text", set_tap},
	{'o', "output", "FILE",
	 "write the report to FILE; - is standard output. Without -o it goes to standard output, "
	 "or, "
	 "with a launched command, to standard error",
	 set_output},
	OUTPUT_COLOUR_ROW,
	{0, "junit", "FILE", "also write JUnit XML to FILE", set_junit},
	{0, "openmetrics", "FILE",
	 "also write OpenMetrics text to FILE; if that ends in .prom, in the format of "
	 "Prometheus, for node_exporter",
	 set_openmetrics},
	{0, "trace", "FILE", "record each run, and keep the trace of a failing one", set_trace},
	{0, "force", NULL, "replace these files even if they are links, or another user's",
	 set_force},
	{0, "github", NULL,
	 "also print annotations for GitHub Actions, and add to the step's summary", set_github},
	{0},
};

static const char usage[] =
	"usage: gilscope check [OPTIONS] --assert RULE... -- COMMAND [ARGS...]\n"
	"       gilscope check [OPTIONS] --assert RULE... -p PID[,PID...] [-d SECS]\n"
	"       gilscope check [OPTIONS] --assert RULE... --name NAME [-d SECS]\n"
	"       gilscope check [OPTIONS] --assert RULE... -i FILE\n"
	"       gilscope check [OPTIONS] --config FILE ...\n"
	"\n"
	"Measures what the Global Interpreter Lock (GIL) does, and exits with status 1\n"
	"if a rule about it does not hold. A rule is a metric with a statistic, an\n"
	"optional scope, an operator and a limit; gilscope metrics lists the metrics.\n";

static const char examples[] =
	"EXAMPLES\n"
	"  gilscope check --assert 'hold.max < 50ms' -- pytest\n"
	"  gilscope check --assert 'wait.p99{thread~\"io*\"} < 10ms if wait.count >= 100' \\\n"
	"    --repeat 5 -- ./bench\n"
	"  gilscope check --assert 'wait.p99 < 20ms' --unit app.service -d 60\n"
	"  gilscope check --config gil.rules --junit gil.xml --github -- make test\n"
	"  gilscope check --save-baseline gil.json --assert 'gil_enabled == 0' -- ./bench\n"
	"  gilscope check --baseline gil.json \\\n"
	"    --assert 'wait.sum < +10% and +5ms vs baseline' -- ./bench\n"
	"\n"
	"EXIT STATUS\n"
	"  the launched command's, if it failed; 0 all rules hold; 1 a rule does not\n"
	"  hold; 2 usage error, a rule that is wrong or matches nothing, or a report\n"
	"  that could not be written; 3 a rule is inconclusive; 4 cannot observe; 126 or\n"
	"  127 the command cannot be run or found\n";

/* ---- the command ---- */

/* Everything that one invocation needs. */
struct session {
	const struct check_options *options;
	struct observe_options *observe;
	struct assertion_set set;
	struct baseline baseline;
	struct check_runs runs;
	struct check_reports reports;
};

/* Describes the target in a few words. */
static void set_title(char *title, size_t size, const struct session *s)
{
	const struct target_spec *spec = &s->observe->target;
	size_t used = 0;

	target_spec__tell(spec, title, size);
	for (size_t i = 0; i < s->options->nr_inputs && used < size; i++)
		used += (size_t)snprintf(title + used, size - used, "%s%s", i ? ", " : "",
					 s->options->inputs[i]);
}

/* Keeps the trace of the run in which the first failing rule was broken most. */
static int keep_trace(struct check *c, struct session *s, struct failure *f)
{
	const char *path = s->options->trace;
	size_t run = s->runs.nr;

	if (!path)
		return 0;
	for (size_t i = 0; run == s->runs.nr && i < s->set.nr; i++)
		if (c->judgements[i].verdict == JUDGED_FAIL)
			run = c->judgements[i].worst_run;
	if (run < s->runs.nr)
		c->trace = path;
	return check_runs__keep_trace(&s->runs, run, f);
}

static int judge_runs(struct session *s, struct failure *f)
{
	struct check c = {
		.moments = s->runs.moments,
		.launched = s->observe->target.argv != NULL,
		.command_status = s->runs.command_status,
		.warmups = s->runs.warmups,
		.inconclusive_is = s->options->inconclusive_is,
	};
	const struct runs now = {s->runs.list, s->runs.nr};
	const struct runs before = {s->baseline.list, s->baseline.nr};
	char title[300] = "";
	int status = EXIT_STATUS_USAGE;

	set_title(title, sizeof(title), s);
	c.title = title;
	if (check__judge(&c, &s->set, &now, &before)) {
		failure__what(f, "out of memory");
		status = EXIT_STATUS_CANNOT_OBSERVE;
	} else if (!keep_trace(&c, s, f) && !check_reports__write(&s->reports, &c, f)) {
		status = check__status(&c);
	}
	check__clear(&c);
	if (!f->what[0] && c.command_status) {
		failure__say("gilscope: the command failed with status %d, which is therefore the "
			     "exit status; the rules alone would give %d",
			     c.command_status, status);
		status = c.command_status;
	}
	return status;
}

/* True if files may have to be removed or renamed at the end. */
static bool touches_files(const struct check_options *o)
{
	const struct check_report_options *r = &o->reports;

	return o->trace || r->output || r->junit || r->openmetrics || r->save_baseline;
}

/* Gets the runs from a target or from traces. Returns 0, or -errno with f and *status filled. */
static int get_runs(struct session *s, struct failure *f, int *status)
{
	const struct check_options *o = s->options;
	int err = 0;

	if (!o->nr_inputs) {
		s->observe->progress = !o->trace;
		s->observe->needs_later = touches_files(o) ? output_file__rights() : 0;
		if (o->trace)
			err = check_runs__record(&s->runs, s->observe, o->trace, o->reports.force,
						 o->repeat, o->warmups, f, status);
		else
			err = check_runs__observe(&s->runs, s->observe, o->repeat, o->warmups, f,
						  status);
		if (err || s->runs.nr)
			return err;
		failure__what(f, "interrupted before the first run that counts");
		*status = EXIT_STATUS_CANNOT_OBSERVE;
		return -EINTR;
	}
	*status = EXIT_STATUS_USAGE;
	privilege__keep(output_file__rights());
	for (size_t i = 0; !err && i < o->nr_inputs; i++) {
		if (s->runs.moments)
			moments__begin(s->runs.moments, i);
		err = check_runs__replay(&s->runs, o->inputs[i], f);
	}
	return err;
}

static int get_runs_and_judge(void *session, struct failure *f)
{
	struct session *s = session;
	struct check_report_options reports = s->options->reports;
	struct moments *moments;
	int status = EXIT_STATUS_USAGE;

	reports.for_people = output__default(s->observe);
	s->observe->force = reports.force;
	if (s->options->baseline && baseline__read(&s->baseline, s->options->baseline, f))
		return status;
	if (s->options->nr_inputs)
		output_file__drop_on_signals();
	moments = moments__new(&s->set);
	if (!moments) {
		failure__what(f, "out of memory");
	} else if (!check_reports__open(&s->reports, &reports, f)) {
		s->runs.moments = moments__wanted(moments) ? moments : NULL;
		if (!get_runs(s, f, &status))
			status = judge_runs(s, f);
	}
	check_reports__drop(&s->reports);
	check_runs__clear(&s->runs);
	moments__free(moments);
	return status;
}

static int read_rules(struct assertion_set *set, const struct check_options *o, struct failure *f)
{
	int err = 0;

	for (size_t i = 0; !err && i < o->nr_sources; i++) {
		const struct rule_source *s = &o->sources[i];

		err = s->is_file ? assertion_set__read(set, s->text, NULL, f)
				 : assertion_set__add(set, s->text, f);
	}
	if (!err && !set->nr) {
		failure__what(f, "no rule given: use --assert RULE or --config FILE");
		failure__command(f, "gilscope check --assert 'hold.max < 50ms' -- COMMAND");
		err = -EINVAL;
	}
	return err;
}

/* Keeps the reports for programs apart from the output of a launched command. */
static int check_outputs(const struct session *s, char **argv, struct failure *f)
{
	const struct check_report_options *o = &s->options->reports;
	const struct output_wish wishes[] = {
		{strcmp(o->format, "json") ? NULL : "--json", o->output},
		{strcmp(o->format, "tap") ? NULL : "--tap", o->output},
		{o->junit ? "--junit" : NULL, o->junit},
		{o->openmetrics ? "--openmetrics" : NULL, o->openmetrics},
		{o->save_baseline ? "--save-baseline" : NULL, o->save_baseline},
	};

	return output__check(s->observe, wishes, sizeof(wishes) / sizeof(*wishes), argv, f);
}

/* Rules about functions need samples of code. */
#define BLAME_HZ 997

static void take_samples(struct session *s)
{
	for (size_t i = 0; !s->observe->blame_hz && i < s->set.nr; i++) {
		const struct assertion *a = &s->set.list[i];

		if (metric__is_per_function(a->figure.metric))
			s->observe->blame_hz = BLAME_HZ;
	}
}

/* Reads the rules and checks that the options make sense together. */
static int check(void *session, int argc, char **argv, int rest, struct failure *f)
{
	struct session *s = session;
	const struct check_options *o = s->options;
	const struct target_spec *spec = &s->observe->target;
	bool has_target = spec->nr_pids || target_spec__is_open(spec) || rest < argc;

	if (read_rules(&s->set, o, f))
		return -EINVAL;
	take_samples(s);
	if (o->nr_inputs && (has_target || o->trace || o->repeat > 1 || o->warmups))
		failure__what(
			f, "-i replaces a target and cannot be combined with -p, --all, a command, "
			   "--trace, --repeat or --warmup");
	else if (o->reports.github && strcmp(o->reports.format, "text") && rest == argc &&
		 output__is_stdout(o->reports.output))
		failure__what(f, "--github and --%s both write to standard output: use -o FILE",
			      o->reports.format);
	else if (!o->nr_inputs && (observe_options__finish(s->observe, argc, argv, rest, f) ||
				   check_outputs(s, argv, f)))
		return -EINVAL;
	else if (o->trace && observe_options__need_holds(s->observe, "check --trace", f))
		return -EINVAL;
	else if ((o->repeat > 1 || o->warmups) && !spec->argv)
		failure__what(f, "--repeat and --warmup need a command to run: -- COMMAND");
	for (size_t i = 0; !f->what[0] && i < s->set.nr; i++) {
		const struct assertion *a = &s->set.list[i];

		if (!a->vs_baseline || o->baseline)
			continue;
		failure__what(f, "%s: \"%s\" needs --baseline FILE", check__place(a).s,
			      check__rule(a, false).s);
		failure__cause(f, "there is nothing to compare with; --save-baseline FILE writes a "
				  "baseline");
	}
	return f->what[0] ? -EINVAL : 0;
}

int cmd_check(int argc, char **argv)
{
	struct observe_options oo;
	struct check_options co = {
		.reports.format = "text",
		.repeat = 1,
		.inconclusive_is = JUDGED_INCONCLUSIVE,
	};
	struct session s = {.options = &co, .observe = &oo};
	const struct option_group groups[] = {
		{"Rules", check_rule_rows, &co},
		{"Target", observe_option_rows, &oo},
		{"Output", check_output_rows, &co},
		{0},
	};
	const struct command_line line = {usage, examples, groups, check, get_runs_and_judge,
					  &s,    NULL};
	int status;

	observe_options__init(&oo);
	status = command_line__run(&line, argc, argv);
	baseline__clear(&s.baseline);
	assertion_set__clear(&s.set);
	observe_options__clear(&oo);
	free(co.sources);
	free(co.inputs);
	return status;
}
