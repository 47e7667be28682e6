// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope check: passes or fails by rules about the GIL. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "check.h"
#include "check_run.h"
#include "command.h"
#include "observe.h"
#include "output.h"

#define MAX_REPEAT 1000

/* A rule or a file of rules, in the order of the command line. */
struct source {
	const char *text;
	bool is_file;
};

struct check_options {
	struct source *sources;
	size_t nr_sources;
	const char *format; /* of what goes to -o */
	const char *output;
	const char *junit; /* files, or NULL */
	const char *openmetrics;
	bool github;
	const char *baseline;
	const char *save_baseline;
	size_t repeat;
	size_t warmups;
	enum judged inconclusive_is;
};

static int add_source(void *options, const char *text, bool is_file)
{
	struct check_options *o = options;
	struct source *list = reallocarray(o->sources, o->nr_sources + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	o->sources = list;
	list[o->nr_sources++] = (struct source){text, is_file};
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

static int set_number(size_t *to, const char *value, long long least, struct failure *f)
{
	long long n;
	int err = options__number(value, least, MAX_REPEAT, &n, f);

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

	if (!strcmp(value, "pass"))
		*is = JUDGED_PASS;
	else if (!strcmp(value, "fail"))
		*is = JUDGED_FAIL;
	else {
		failure__what(f, "not pass or fail");
		return -EINVAL;
	}
	return 0;
}

#define SETTER(name, field, stored)                                                                \
	static int set_##name(void *options, const char *value, struct failure *f)                 \
	{                                                                                          \
		(void)value, (void)f;                                                              \
		((struct check_options *)options)->field = stored;                                 \
		return 0;                                                                          \
	}

SETTER(baseline, baseline, value)
SETTER(save_baseline, save_baseline, value)
SETTER(json, format, "json")
SETTER(tap, format, "tap")
SETTER(output, output, value)
SETTER(junit, junit, value)
SETTER(openmetrics, openmetrics, value)
SETTER(github, github, true)

static const struct option_row check_rule_rows[] = {
	{0, "assert", "RULE", "a rule that must hold; may be given several times", set_assert},
	{0, "config", "FILE", "a file of rules, one a line; # begins a comment", set_config},
	{0, "repeat", "N",
	 "run the command N times; judge the median, unless a\nrule says over ...", set_repeat},
	{0, "warmup", "N", "before that, run it N times without judging it", set_warmup},
	{0, "baseline", "FILE",
	 "what rules with \"vs baseline\" compare with: JSON of\nearlier runs", set_baseline},
	{0, "save-baseline", "FILE", "write such a file", set_save_baseline},
	{0, "inconclusive", "pass|fail", "what a rule counts as that cannot be decided",
	 set_inconclusive},
	{0},
};

static const struct option_row check_output_rows[] = {
	{0, "json", NULL, "print JSON (schema gilscope-check/1) and not text", set_json},
	{0, "tap", NULL, "print TAP and not text", set_tap},
	{'o', "output", "FILE", "write that to FILE; - is standard output", set_output},
	{0, "junit", "FILE", "write JUnit XML to FILE, too", set_junit},
	{0, "openmetrics", "FILE", "write OpenMetrics text to FILE, too", set_openmetrics},
	{0, "github", NULL,
	 "print annotations for GitHub Actions, too, and add to\nthe step's summary", set_github},
	{0},
};

static void print_help(const struct option_group *groups)
{
	fputs("usage: gilscope check [OPTIONS] --assert RULE... -- COMMAND [ARGS...]\n"
	      "       gilscope check [OPTIONS] --assert RULE... -p PID[,PID...] [-d SECS]\n"
	      "       gilscope check [OPTIONS] --config FILE ...\n"
	      "\n"
	      "Measures what the Global Interpreter Lock (GIL) does, and exits with 1 if a rule "
	      "about "
	      "it does not\n"
	      "hold. A rule is a metric with a statistic, perhaps a scope, an operator and a "
	      "limit; "
	      "gilscope\n"
	      "metrics lists what there is.\n"
	      "\n",
	      stdout);
	options__help(groups, stdout);
	fputs("\n"
	      "EXAMPLES\n"
	      "  gilscope check --assert 'hold.max < 50ms' -- pytest\n"
	      "  gilscope check --assert 'wait.p99{thread~\"io*\"} < 10ms if wait.count >= 100' "
	      "--repeat 5 -- ./bench\n"
	      "  gilscope check --config gil.rules --junit gil.xml --github -- make test\n"
	      "  gilscope check --save-baseline gil.json --assert 'gil_enabled == 0' -- ./bench\n"
	      "  gilscope check --baseline gil.json --assert 'wait.sum < +10% and +5ms vs "
	      "baseline' "
	      "-- ./bench\n"
	      "\n"
	      "EXIT STATUS\n"
	      "  the launched command's, if that failed; 0 all rules hold; 1 one does not; 2 "
	      "usage, a "
	      "rule that is\n"
	      "  wrong or matches nothing, or a report that could not be written; 3 a rule is "
	      "inconclusive; 4 cannot\n"
	      "  observe; 126 or 127 the command cannot be run or found\n",
	      stdout);
}

/* ---- what is written ---- */

struct report {
	const struct check_format *format;
	struct output output;
};

#define MAX_REPORTS 4

struct reports {
	struct report list[MAX_REPORTS];
	size_t nr;
	struct output baseline; /* stream NULL: not wanted */
	FILE *summary;          /* GitHub's; NULL: there is none */
};

static int open_report(struct reports *r, const char *format, const char *path, struct failure *f)
{
	struct report *report = &r->list[r->nr];
	int err = output__open(&report->output, path, f);

	report->format = check_format__find(format);
	if (!err)
		r->nr++;
	return err;
}

/* The file is GitHub's, and others write to it too. */
static int open_summary(struct reports *r, struct failure *f)
{
	const char *path = getenv("GITHUB_STEP_SUMMARY");

	if (!path || !*path)
		return 0;
	r->summary = fopen(path, "ae");
	if (r->summary)
		return 0;
	failure__what(f, "cannot write to %s: %s", path, strerror(errno));
	failure__cause(f, "GITHUB_STEP_SUMMARY names a file that cannot be written");
	return -errno;
}

static int open_reports(struct reports *r, const struct check_options *o, struct failure *f)
{
	int err = open_report(r, o->format, o->output, f);

	if (!err && o->junit)
		err = open_report(r, "junit", o->junit, f);
	if (!err && o->openmetrics)
		err = open_report(r, "openmetrics", o->openmetrics, f);
	if (!err && o->save_baseline)
		err = output__open(&r->baseline, o->save_baseline, f);
	if (!err && o->github)
		err = open_report(r, "github", "-", f) ?: open_summary(r, f);
	return err;
}

static void drop_reports(struct reports *r)
{
	for (size_t i = 0; i < r->nr; i++)
		output__drop(&r->list[i].output);
	output__drop(&r->baseline);
	if (r->summary)
		fclose(r->summary);
	r->summary = NULL;
}

/* GitHub's runner takes any line that begins with "::" for a command, so that the report, which has
 * names that the program chose, is fenced off by a word that nobody knows. */
static void put_fence(const struct reports *r, const struct report *report, const char *word,
		      const char *fmt)
{
	bool is_github = r->list[r->nr - 1].format->render == check_github;

	if (is_github && !report->output.path && report->format->render != check_github)
		fprintf(report->output.stream, fmt, word);
}

static int write_report(struct reports *r, struct report *report, const struct check *c,
			struct failure *f)
{
	struct render_options look = output__look(&report->output);
	unsigned char random[8] = {0};
	char word[2 * sizeof(random) + 1];
	int err = output__begin(&report->output);

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		err = -errno;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(word + 2 * i, 3, "%02x", random[i]);
	put_fence(r, report, word, "::stop-commands::%s\n");
	err = err ?: report->format->render(report->output.stream, c, &look);
	put_fence(r, report, word, "::%s::\n");
	return output__end(&report->output, err, f);
}

static int write_reports(struct reports *r, const struct check *c, struct failure *f)
{
	int err = 0;

	for (size_t i = 0; !err && i < r->nr; i++)
		err = write_report(r, &r->list[i], c, f);
	if (!err && r->baseline.stream) {
		err = output__begin(&r->baseline);
		err = err ?: baseline__write(r->baseline.stream, &c->runs, GILSCOPE_VERSION);
		err = output__end(&r->baseline, err, f);
	}
	if (!err && r->summary && check_markdown(r->summary, c, NULL)) {
		failure__what(f, "cannot write the step's summary: %s", strerror(errno));
		err = -EIO;
	}
	return err;
}

/* ---- the command ---- */

/* What was observed, in a few words. */
static void set_title(char *title, size_t size, const struct observe_options *oo)
{
	size_t used = 0;

	if (oo->target.all)
		snprintf(title, size, "all processes");
	for (size_t i = 0; i < oo->target.nr_pids && used < size; i++)
		used += (size_t)snprintf(title + used, size - used, "%s%d", i ? ", " : "process ",
					 oo->target.pids[i]);
	for (char **arg = oo->target.argv; arg && *arg && used < size; arg++)
		used += (size_t)snprintf(title + used, size - used, "%s%s", used ? " " : "", *arg);
}

static int judge_runs(struct reports *reports, const struct check_options *co,
		      const struct observe_options *oo, const struct assertion_set *set,
		      const struct check_runs *runs, const struct baseline *baseline,
		      struct failure *f)
{
	struct check c = {
		.moments = runs->moments,
		.command_status = runs->command_status,
		.warmups = co->warmups,
		.inconclusive_is = co->inconclusive_is,
	};
	const struct runs now = {runs->list, runs->nr}, before = {baseline->list, baseline->nr};
	char title[300] = "";
	int status;

	set_title(title, sizeof(title), oo);
	c.title = title;
	if (check__judge(&c, set, &now, &before)) {
		failure__what(f, "out of memory");
		status = EXIT_STATUS_CANNOT_OBSERVE;
	} else {
		status = write_reports(reports, &c, f) ? EXIT_STATUS_USAGE : check__status(&c);
	}
	check__clear(&c);
	if (status != EXIT_STATUS_USAGE && runs->command_status) {
		fprintf(stderr,
			"gilscope: the command ended with status %d, and so does this; by the "
			"rules "
			"alone it would be %d\n",
			runs->command_status, status);
		status = runs->command_status;
	}
	return status;
}

static int observe_and_judge(const struct observe_options *oo, const struct check_options *co,
			     const struct assertion_set *set, const struct baseline *baseline,
			     struct failure *f)
{
	struct moments *moments = moments__new(set);
	struct reports reports = {0};
	struct check_runs runs = {0};
	int status = EXIT_STATUS_USAGE;

	if (!moments)
		failure__what(f, "out of memory");
	else if (!open_reports(&reports, co, f)) {
		runs.moments = moments__wanted(moments) ? moments : NULL;
		if (!check_runs__observe(&runs, oo, co->repeat, co->warmups, f, &status))
			status = judge_runs(&reports, co, oo, set, &runs, baseline, f);
	}
	drop_reports(&reports);
	check_runs__clear(&runs);
	moments__free(moments);
	return status;
}

static int read_rules(struct assertion_set *set, const struct check_options *o, struct failure *f)
{
	int err = 0;

	for (size_t i = 0; !err && i < o->nr_sources; i++) {
		const struct source *s = &o->sources[i];

		err = s->is_file ? assertion_set__read(set, s->text, NULL, f)
				 : assertion_set__add(set, s->text, f);
	}
	if (!err && !set->nr) {
		failure__what(f, "no rule: give one with --assert RULE or --config FILE");
		failure__command(f, "gilscope check --assert 'hold.max < 50ms' -- COMMAND");
		err = -EINVAL;
	}
	return err;
}

/* Options that make no sense together. */
static int check_combination(const struct check_options *o, const struct observe_options *oo,
			     const struct assertion_set *set, struct failure *f)
{
	if ((o->repeat > 1 || o->warmups) && !oo->target.argv)
		failure__what(f, "--repeat and --warmup need a command to run: -- COMMAND");
	else if (o->github && strcmp(o->format, "text") && (!o->output || !strcmp(o->output, "-")))
		failure__what(f, "--github and --%s both go to standard output: give -o FILE",
			      o->format);
	for (size_t i = 0; !f->what[0] && i < set->nr; i++) {
		if (!set->list[i].vs_baseline || o->baseline)
			continue;
		failure__what(f, "%s: \"%s\" needs --baseline FILE",
			      set->list[i].file ? set->list[i].file : "--assert",
			      assertion__print(&set->list[i]).s);
		failure__cause(f, "there is nothing to compare with: an earlier run writes it with "
				  "--save-baseline FILE");
	}
	return f->what[0] ? -EINVAL : 0;
}

int cmd_check(int argc, char **argv)
{
	struct observe_options oo;
	struct check_options co = {
		.format = "text",
		.repeat = 1,
		.inconclusive_is = JUDGED_INCONCLUSIVE,
	};
	const struct option_group groups[] = {
		{"Rules", check_rule_rows, &co},
		{"Target", observe_option_rows, &oo},
		{"Output", check_output_rows, &co},
		{0},
	};
	struct assertion_set set = {0};
	struct baseline baseline = {0};
	struct failure f = {0};
	int rest, status = EXIT_STATUS_OK, err;

	observe_options__init(&oo);
	err = options__parse(groups, argc, argv, &rest, &f);
	if (err > 0) {
		print_help(groups);
		goto out;
	}
	err = err ?: read_rules(&set, &co, &f);
	err = err ?: observe_options__finish(&oo, argc, argv, rest, &f);
	err = err ?: check_combination(&co, &oo, &set, &f);
	if (err && !f.command[0])
		failure__command(&f, "gilscope check --help");
	if (!err && co.baseline)
		err = baseline__read(&baseline, co.baseline, &f);
	status = err ? EXIT_STATUS_USAGE : observe_and_judge(&oo, &co, &set, &baseline, &f);
	if (f.what[0])
		failure__print(&f, stderr);
out:
	baseline__clear(&baseline);
	assertion_set__clear(&set);
	observe_options__clear(&oo);
	free(co.sources);
	return status;
}
