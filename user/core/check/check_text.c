// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The report for people: a line for each rule, and the evidence below rules that do not hold. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/figures/bins.h"
#include "core/check/check.h"
#include "core/check/check_hist.h"
#include "core/rules/evidence.h"
#include "core/base/format.h"
#include "core/base/text.h"
#include "core/report/text_missed.h"

#define WIDTH_DEFAULT 80
#define WIDTH_LARGEST 120
#define INDENT        16

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

/* Prints the value of each run. */
static void put_runs(const struct text *t, const struct assertion *a, const struct judgement *j)
{
	char line[1024];
	size_t used = 0, i;

	for (i = 0; i < j->nr_runs && used + 100 < sizeof(line); i++)
		used += (size_t)snprintf(
			line + used, sizeof(line) - used, "%s%s", i ? ", " : "each run: ",
			j->of_run[i].skipped ? "skipped"
					     : check__value(a, j->of_run[i].value, t->ascii).s);
	if (i < j->nr_runs)
		snprintf(line + used, sizeof(line) - used, " and %zu more", j->nr_runs - i);
	text__spaces(t, INDENT);
	text__wrap(t, TEXT_DIM, INDENT, INDENT + 2, line);
}

static struct format row_name(const struct evidence_row *row, bool ascii)
{
	const struct snapshot_process *p = row->process;
	const struct gil_thread *thread = row->thread;
	struct format f;

	if (!thread)
		snprintf(f.s, sizeof(f.s), "process %d (%.40s)", p->pid,
			 snapshot_process__name(p, ascii).s);
	else if (thread->tid)
		snprintf(f.s, sizeof(f.s), "thread %u (%.40s)", thread->tid,
			 format_name(thread->comm, sizeof(thread->comm), ascii).s);
	else
		snprintf(f.s, sizeof(f.s), "threads that have ended");
	return f;
}

static void put_row(const struct text *t, const struct assertion *a, const struct evidence *e,
		    const struct evidence_row *row)
{
	char line[300];

	if (e->of_values && a->op <= ASSERTION_LE)
		snprintf(line, sizeof(line), "%s of %s beyond the limit, the longest %s",
			 format_count(row->beyond).s, format_count(row->samples).s,
			 check__value(a, row->longest, t->ascii).s);
	else
		snprintf(line, sizeof(line), "%s", check__value(a, row->figure.value, t->ascii).s);
	text__spaces(t, INDENT);
	text__column(t, row_name(row, t->ascii).s, 32);
	fprintf(t->out, "  %s\n", line);
}

static void put_moments(const struct text *t, const struct assertion *a,
			const struct moments_of_rule *m, size_t nr_runs)
{
	for (size_t i = 0; i < m->nr; i++) {
		const struct moment *o = &m->kept[i];
		char run[40] = "", line[300];
		size_t n;

		if (nr_runs > 1)
			snprintf(run, sizeof(run), "run %zu, ", o->run + 1);
		n = (size_t)snprintf(
			line, sizeof(line), "%sbetween %s and %s: %s %u (%s), %s time%s", run,
			format_ns(o->from_ns, t->ascii).s, format_ns(o->to_ns, t->ascii).s,
			o->tid ? "thread" : "process", o->tid ? o->tid : (unsigned int)o->pid,
			format_name(o->comm, sizeof(o->comm), t->ascii).s,
			format_count(o->values).s, o->values == 1 ? "" : "s");
		if (o->longest)
			snprintf(line + n, sizeof(line) - n, ", up to %s",
				 check__value(a, (double)o->longest, t->ascii).s);
		text__spaces(t, INDENT);
		text__wrap(t, TEXT_PLAIN, INDENT, INDENT + 2, line);
	}
	if (m->more) {
		text__spaces(t, INDENT);
		fprintf(t->out, "and at %zu more times\n", m->more);
	}
}

static int put_evidence(const struct text *t, const struct check *c, size_t i)
{
	const struct assertion *a = &c->set->list[i];
	const struct judgement *j = &c->judgements[i];
	static struct evidence e;
	int err = evidence__of(&e, a, j, c->runs.list[j->worst_run]);

	if (err)
		return err;
	if (j->nr_runs > 1)
		put_runs(t, a, j);
	if (e.hist.count) {
		putc('\n', t->out);
		check_hist(t, &e.hist, a, j);
	}
	if (e.nr)
		putc('\n', t->out);
	for (size_t k = 0; k < e.nr; k++)
		put_row(t, a, &e, &e.row[k]);
	if (e.more) {
		text__spaces(t, INDENT);
		fprintf(t->out, "and %zu more\n", e.more);
	}
	if (c->moments && moments__of(c->moments, i)->nr) {
		putc('\n', t->out);
		put_moments(t, a, moments__of(c->moments, i), j->nr_runs);
	}
	if (i + 1 < c->set->nr)
		putc('\n', t->out);
	return 0;
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
	if (t.width < WIDTH_DEFAULT)
		t.width = WIDTH_DEFAULT;
	if (t.width > WIDTH_LARGEST)
		t.width = WIDTH_LARGEST;
	for (size_t i = 0; !err && i < c->set->nr; i++) {
		const struct judgement *j = &c->judgements[i];

		put_verdict(&t, &c->set->list[i], j);
		if (j->verdict == JUDGED_ERROR)
			put_error(&t, &c->set->list[i], j);
		else if (j->verdict == JUDGED_FAIL || j->verdict == JUDGED_WARN)
			err = put_evidence(&t, c, i);
	}
	if (err)
		return err;
	text_missed(&t, c->runs.list[c->runs.nr - 1]);
	putc('\n', out);
	put_end(&t, c);
	return check__flush(out);
}
