// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * JUnit XML, as read by Jenkins, GitLab and others. JUnit has no warnings: a warning is a test that
 * passes and has some output. Nor does it have inconclusive tests: these are errors, because the
 * test could not be carried out. XML 1.0 cannot represent most control characters, so they are
 * replaced.
 */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/check/check_evidence.h"
#include "core/base/format.h"
#include "core/base/utf8.h"

static void put_escaped(FILE *out, const char *s)
{
	size_t n;

	for (; *s; s += n) {
		__u32 c = utf8__decode(s, &n);

		if (c == '&')
			fputs("&amp;", out);
		else if (c == '<')
			fputs("&lt;", out);
		else if (c == '>')
			fputs("&gt;", out);
		else if (c == '"')
			fputs("&quot;", out);
		else if (c == '\n' || c == '\t')
			fprintf(out, "&#%u;", c);
		else if (c == UTF8_INVALID || c < 0x20 || c == 0xfffe || c == 0xffff)
			fputs("\xef\xbf\xbd", out);
		else
			fwrite(s, 1, n, out);
	}
}

static void put_attribute(FILE *out, const char *name, const char *value)
{
	fprintf(out, " %s=\"", name);
	put_escaped(out, value);
	putc('"', out);
}

/* Writes seconds in JUnit's form, independent of the locale. */
static void put_seconds(FILE *out, __u64 ns)
{
	fprintf(out, " time=\"%llu.%03llu\"", (unsigned long long)(ns / 1000000000),
		(unsigned long long)(ns / 1000000 % 1000));
}

static __u64 duration(const struct check *c)
{
	__u64 ns = 0;

	for (size_t i = 0; i < c->runs.nr; i++)
		ns += gil_elapsed(c->runs.list[i]->start_ns, c->runs.list[i]->end_ns);
	return ns;
}

enum outcome {
	OUTCOME_PASS,
	OUTCOME_SKIPPED,
	OUTCOME_ERROR,
	OUTCOME_FAILURE,
};

static enum outcome outcome(const struct check *c, size_t i)
{
	switch (c->judgements[i].verdict) {
	case JUDGED_SKIPPED:
		return OUTCOME_SKIPPED;
	case JUDGED_FAIL:
		return OUTCOME_FAILURE;
	case JUDGED_ERROR:
		return OUTCOME_ERROR;
	case JUDGED_INCONCLUSIVE:
		if (c->inconclusive_is == JUDGED_PASS || c->set->list[i].warn)
			return OUTCOME_SKIPPED;
		return c->inconclusive_is == JUDGED_FAIL ? OUTCOME_FAILURE : OUTCOME_ERROR;
	default:
		return OUTCOME_PASS;
	}
}

static size_t count(const struct check *c, enum outcome wanted)
{
	size_t n = 0;

	for (size_t i = 0; i < c->set->nr; i++)
		n += outcome(c, i) == wanted;
	return n;
}

static void put_evidence(FILE *out, const struct check *c, size_t i)
{
	char *text = check_evidence__plain(c, i), *rest = text, *line;

	if (text)
		fputs("\n\n", out);
	while (rest && (line = strsep(&rest, "\n"))) {
		put_escaped(out, line);
		if (rest)
			putc('\n', out);
	}
	free(text);
}

/* Every rule is about the whole of the runs, so each takes as long as these. */
static void put_case(FILE *out, const struct check *c, size_t i)
{
	static const char *const elements[] = {NULL, "skipped", "error", "failure"};
	const struct assertion *a = &c->set->list[i];
	const struct judgement *j = &c->judgements[i];
	const char *element = elements[outcome(c, i)];
	struct check_sentence sentence = check__sentence(a, j, false);

	fputs("    <testcase", out);
	put_attribute(out, "classname", "gilscope.check");
	put_attribute(out, "name", assertion__print(a).s);
	put_seconds(out, duration(c));
	fputs(">\n", out);
	if (element) {
		fprintf(out, "      <%s", element);
		put_attribute(out, "message", sentence.s);
		if (strcmp(element, "skipped"))
			put_attribute(out, "type", judged__name(j->verdict));
		putc('>', out);
		put_escaped(out, check__place(a).s);
		put_evidence(out, c, i);
		fprintf(out, "</%s>\n", element);
	}
	fputs("      <system-out>", out);
	put_escaped(out, judged__name(j->verdict));
	fputs(": ", out);
	put_escaped(out, sentence.s);
	fputs("</system-out>\n    </testcase>\n", out);
}

/* A failure of the command is a test of its own. */
static void put_command(FILE *out, const struct check *c)
{
	char message[64];

	fputs("    <testcase", out);
	put_attribute(out, "classname", "gilscope.check");
	put_attribute(out, "name", "the command succeeds");
	put_seconds(out, duration(c));
	fputs(">\n", out);
	if (c->command_status) {
		snprintf(message, sizeof(message), "it ended with status %d", c->command_status);
		fputs("      <failure", out);
		put_attribute(out, "message", message);
		put_attribute(out, "type", "command");
		fputs(">", out);
		put_escaped(out, c->title);
		fputs("</failure>\n", out);
	}
	fputs("    </testcase>\n", out);
}

int check_junit(FILE *out, const struct check *c, const struct render_options *o)
{
	size_t failures = count(c, OUTCOME_FAILURE) + (c->command_status > 0);
	char numbers[128];

	(void)o;
	snprintf(numbers, sizeof(numbers), " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\"",
		 c->set->nr + c->launched, failures, count(c, OUTCOME_ERROR));
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"gilscope check\"%s",
		numbers);
	put_seconds(out, duration(c));
	fputs(">\n  <testsuite", out);
	put_attribute(out, "name", c->title);
	fprintf(out, "%s skipped=\"%zu\"", numbers, count(c, OUTCOME_SKIPPED));
	put_seconds(out, duration(c));
	fputs(">\n", out);
	for (size_t i = 0; i < c->set->nr; i++)
		put_case(out, c, i);
	if (c->launched)
		put_command(out, c);
	fputs("  </testsuite>\n</testsuites>\n", out);
	return check__flush(out);
}
