// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Every figure of the verdict stands in the report below it, written in the same way. */
#include <ctype.h>

#include "core/figures/verdict.h"
#include "core/report/render.h"
#include "verdict_told.h"

/* Figures in the advice are no measurements. */
static const char *const constants[] = {
	"0.005", "0.001", "PYTHON_GIL=0", "PYTHON_GIL=1", "gil=1", "(5 ms by default)",
};

/* Each run of blanks becomes one, so that a line's end is no difference. */
static void squeeze(char *s)
{
	char *to = s;

	for (char *from = s; *from; from++) {
		if (!isspace((unsigned char)*from))
			*to++ = *from;
		else if (to == s || to[-1] != ' ')
			*to++ = ' ';
	}
	*to = '\0';
}

static char *report_of(struct snapshot *s)
{
	struct render_options o = {.width = 120, .ascii = true};
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int err = renderer__find("text")->render(out, s, &o);

	fclose(out);
	if (err) {
		free(text);
		return NULL;
	}
	return text;
}

/* The length of the figure at s, with its unit; 0 if there is none. */
static size_t figure_length(const char *s)
{
	static const char *const units[] = {"%", "ns", "us", "ms", "s", "min"};
	size_t n = strspn(s, "0123456789.,"), length;

	while (n && strchr(".,", s[n - 1]))
		n--;
	if (!n || s[n] != ' ')
		return n;
	length = strcspn(s + n + 1, " .,;:)");
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strlen(units[i]) == length && !strncmp(s + n + 1, units[i], length))
			return n + 1 + length;
	}
	return n;
}

static bool part_of_a_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || c == '=' || c == '-';
}

/* True if the text has the figure, and not only as a part of another one. */
static bool has_figure(const char *text, const char *figure)
{
	size_t n = strlen(figure);

	for (const char *at = strstr(text, figure); at; at = strstr(at + 1, figure)) {
		if ((at == text || !strchr("0123456789.,", at[-1])) &&
		    !strchr("0123456789", at[n] ? at[n] : ' '))
			return true;
	}
	return false;
}

static void remove_constants(char *s)
{
	for (size_t i = 0; i < sizeof(constants) / sizeof(*constants); i++) {
		char *at;

		while ((at = strstr(s, constants[i])))
			memset(at, ' ', strlen(constants[i]));
	}
}

/* Checks a sentence of the verdict. A number of processes or of GILs is that of their lines, and so
 * is one of threads if all of them are in the table. */
static void check_sentence(const char *name, const char *sentence, const char *report)
{
	char text[VERDICT_TEXT], figure[64];

	snprintf(text, sizeof(text), "%s", sentence);
	remove_constants(text);
	for (char *at = text; *at && !test_failure[0]; at++) {
		size_t n = at > text && part_of_a_word(at[-1]) ? 0 : figure_length(at);
		bool lines;

		if (!n)
			continue;
		snprintf(figure, sizeof(figure), "%.*s", (int)n, at);
		lines = !strncmp(at + n, " process", 8) || !strncmp(at + n, " GIL", 4) ||
			!strncmp(at + n, " other GIL", 10) ||
			(strtol(figure, NULL, 10) <= 10 &&
			 (!strncmp(at + n, " threads", 8) || !strncmp(at + n, " short-lived", 12)));
		CHECK(lines || has_figure(report, figure), "%s: %s is not in the report: %s", name,
		      figure, sentence);
		at += n - 1;
	}
}

/* Takes the snapshot. */
static void check_report(const char *name, struct snapshot *s)
{
	struct verdict v = verdict__of_snapshot(s);
	struct verdict_text text;
	char *report = report_of(s), *body;

	snapshot__free(s);
	verdict__tell(&v, true, &text);
	CHECK(report, "%s cannot be rendered", name);
	body = strstr(report, "\n\n");
	if (!body) /* nothing was observed */
		body = report + strlen(report);
	squeeze(body);
	check_sentence(name, text.sentence, body);
	for (int i = 0; i < VERDICT_SUPPORT && !test_failure[0]; i++)
		check_sentence(name, text.support[i], body);
	free(report);
}

TEST(every_figure_of_a_verdict_is_in_the_report)
{
	for (const struct fixture *f = fixture_table; f->name && !test_failure[0]; f++)
		check_report(f->name, fixture__make(f->name));
}

/* A group of which only some are in the table. */
TEST(the_size_of_a_group_is_in_the_report)
{
	struct story st = begin();

	add_threads(&st, 40, "worker");
	compute(&st, 40, 400, 0);
	story__end(&st, false);
	snapshot__finish(st.snapshot);
	check_report("40 threads", st.snapshot);
}

/* Threads that wait only a little, some less than others. */
TEST(the_least_and_the_most_are_in_the_report)
{
	struct story st = begin();

	add_threads(&st, 60, "client");
	for (int i = 0; i < 6000; i++) {
		__u32 tid = (__u32)i % 60 + 1, next = tid % 60 + 1;

		story__edge(&st, tid, GIL_EDGE_ACQUIRE, 0);
		story__wait(&st, next);
		story__pass(&st, (100 + tid) * US);
		story__hand_over(&st, tid, next, false);
		story__edge(&st, next, GIL_EDGE_RELEASE, 0);
		story__pass(&st, 500 * US);
	}
	story__end(&st, false);
	snapshot__finish(st.snapshot);
	check_report("60 clients", st.snapshot);
}

TEST_MAIN
