// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "commands/check_reports.h"
#include "commands/command.h"
#include "core/base/version.h"

/* node_exporter reads only files with this ending, and not OpenMetrics. */
static bool is_prom(const char *path)
{
	size_t length = strlen(path);

	return length > 5 && !strcmp(path + length - 5, ".prom");
}

static bool same_stream(const char *a, const char *b)
{
	if (output__is_stdout(a) || output__is_stdout(b))
		return output__is_stdout(a) && output__is_stdout(b);
	return !strcmp(a, b);
}

static int open_report(struct check_reports *r, const struct check_report_options *o,
		       const char *format, const char *path, struct failure *f)
{
	struct check_report *report = &r->list[r->nr];
	int err = output__open(&report->output, path, r->force, f);

	report->format = check_format__find(format);
	report->fenced = o->github && strcmp(format, "github") && same_stream(path, o->for_people);
	if (!err)
		r->nr++;
	return err;
}

/* Opened for appending: the file is GitHub's, and may belong to another user than that of a
 * container in which this runs; other tools write to it too. */
static int open_summary(struct check_reports *r, struct failure *f)
{
	const char *path = getenv("GITHUB_STEP_SUMMARY");
	struct output_file file;
	int err;

	if (!path || !*path)
		return 0;
	err = output_file__open(&file, path, OUTPUT_APPEND, true, f);
	if (err) {
		failure__cause(f, "GITHUB_STEP_SUMMARY names a file that cannot be written");
		return err;
	}
	r->summary = fdopen(file.fd, "a");
	if (r->summary)
		return 0;
	close(file.fd);
	failure__what(f, "out of memory");
	return -ENOMEM;
}

int check_reports__open(struct check_reports *r, const struct check_report_options *o,
			struct failure *f)
{
	const char *output = o->output;
	int err;

	if (!output && !strcmp(o->format, "text"))
		output = o->for_people;
	r->force = o->force;
	err = open_report(r, o, o->format, output, f);
	if (!err && o->junit)
		err = open_report(r, o, "junit", o->junit, f);
	if (!err && o->openmetrics)
		err = open_report(r, o, is_prom(o->openmetrics) ? "prometheus" : "openmetrics",
				  o->openmetrics, f);
	if (!err && o->save_baseline)
		err = output__open(&r->baseline, o->save_baseline, o->force, f);
	if (!err && o->github)
		err = open_report(r, o, "github", o->for_people, f) ?: open_summary(r, f);
	return err;
}

void check_reports__drop(struct check_reports *r)
{
	for (size_t i = 0; i < r->nr; i++)
		output__drop(&r->list[i].output);
	output__drop(&r->baseline);
	if (r->summary)
		fclose(r->summary);
	r->summary = NULL;
}

/* GitHub's runner takes any line that begins with "::" for a command. The report contains names
 * that the program chose, so it is fenced off with a random word. */
static void put_fence(const struct check_report *report, const char *word, const char *fmt)
{
	if (report->fenced)
		fprintf(report->output.stream, fmt, word);
}

static int write_report(struct check_report *report, const struct check *c, struct failure *f)
{
	struct render_options look = output__look(&report->output);
	unsigned char random[8] = {0};
	char word[2 * sizeof(random) + 1];
	int err = 0;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		err = -errno;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(word + 2 * i, 3, "%02x", random[i]);
	put_fence(report, word, "::stop-commands::%s\n");
	err = err ?: report->format->render(report->output.stream, c, &look);
	put_fence(report, word, "::%s::\n");
	return output__end(&report->output, err, f);
}

int check_reports__write(struct check_reports *r, const struct check *c, struct failure *f)
{
	int err = 0;

	for (size_t i = 0; !err && i < r->nr; i++)
		err = write_report(&r->list[i], c, f);
	if (!err && r->baseline.stream) {
		err = baseline__write(r->baseline.stream, &c->runs, GILSCOPE_VERSION);
		err = output__end(&r->baseline, err, f);
	}
	if (!err && r->summary && check_markdown(r->summary, c, NULL)) {
		failure__what(f, "cannot write the step's summary: %s", strerror(errno));
		err = -EIO;
	}
	return err;
}
