// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The report for people: a line for each rule, and the evidence below rules that do not hold. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/check/check.h"
#include "core/check/check_evidence.h"
#include "core/base/format.h"
#include "core/base/text.h"
#include "core/report/text_missed.h"

#define WIDTH_DEFAULT 80
#define WIDTH_LARGEST 120
#define WIDTH_LEAST   60 /* the histogram needs this much */
#define INDENT        CHECK_INDENT

static const struct {
	const char *word;
	enum text_style style;
} verdicts[] = {
	[JUDGED_PASS] = {"pass", TEXT_GOOD},  [JUDGED_SKIPPED] = {"skipped", TEXT_DIM},
	[JUDGED_WARN] = {"warn", TEXT_FAIR},  [JUDGED_INCONCLUSIVE] = {"inconclusive", TEXT_FAIR},
	[JUDGED_ERROR] = {"error", TEXT_BAD}, [JUDGED_FAIL] = {"FAIL", TEXT_BAD},
};

static void put_verdict(const struct text *t, const struct assertion *a, const struct judgement *j)
{
	char line[900];

	text__style(t, verdicts[j->verdict].style);
	text__column(t, verdicts[j->verdict].word, INDENT - 2);
	text__style(t, TEXT_PLAIN);
	fputs("  ", t->out);
	text__wrap(t, TEXT_BOLD, INDENT, INDENT + 2, check__rule(a, t->ascii).s);
	if (j->verdict == JUDGED_ERROR)
		return;
	snprintf(line, sizeof(line), "%s%s%s", check__measured(a, j, t->ascii).s,
		 isnan(j->limit) ? "" : "; ", check__distance(a, j, t->ascii).s);
	text__spaces(t, INDENT);
	text__wrap(t, TEXT_PLAIN, INDENT, INDENT, line);
	if (j->why[0]) {
		text__spaces(t, INDENT);
		text__wrap(t, TEXT_DIM, INDENT, INDENT, j->why);
	}
}

static void put_error(const struct text *t, const struct assertion *a, const struct judgement *j)
{
	struct failure f = {0};
	char *rest = f.what, *line;

	assertion_error__tell(&j->error, check__place(a).s, a->text, &f);
	while ((line = strsep(&rest, "\n"))) {
		text__spaces(t, INDENT);
		fprintf(t->out, "%s\n", line);
	}
}

/* Prints where the capture is, and the summary. */
static void put_end(const struct text *t, const struct check *c)
{
	struct format summary = check__summary(c);
	char line[400];
	int n;

	if (c->trace) {
		snprintf(line, sizeof(line), "The capture of the failing run is in %.300s.",
			 c->trace);
		text__wrap(t, TEXT_PLAIN, 0, 0, line);
	}
	n = snprintf(line, sizeof(line), "%s", summary.s);
	if (c->command_status > 0)
		snprintf(line + n, sizeof(line) - (size_t)n,
			 ". The command itself ended with status %d.", c->command_status);
	text__wrap(t, TEXT_BOLD, 0, 0, line);
}

int check_text(FILE *out, const struct check *c, const struct render_options *o)
{
	struct text t = {.out = out, .colour = o->colour, .ascii = o->ascii};
	int err = 0;

	t.width = o->width > 0 ? o->width : WIDTH_DEFAULT;
	if (t.width < WIDTH_LEAST)
		t.width = WIDTH_LEAST;
	if (t.width > WIDTH_LARGEST)
		t.width = WIDTH_LARGEST;
	for (size_t i = 0; !err && i < c->set->nr; i++) {
		const struct judgement *j = &c->judgements[i];

		put_verdict(&t, &c->set->list[i], j);
		if (j->verdict == JUDGED_ERROR)
			put_error(&t, &c->set->list[i], j);
		else if (j->verdict == JUDGED_FAIL || j->verdict == JUDGED_WARN) {
			err = check_evidence(&t, c, i);
			if (i + 1 < c->set->nr)
				putc('\n', out);
		}
	}
	if (err)
		return err;
	text_missed(&t, c->runs.list[c->runs.nr - 1]);
	putc('\n', out);
	put_end(&t, c);
	return check__flush(out);
}
