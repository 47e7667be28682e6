// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What shows that a rule does not hold: the histogram with the limit, the threads, and when. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/check/check_evidence.h"
#include "core/check/check_hist.h"
#include "core/rules/evidence.h"

#define FUNCTION_VALUE 9 /* columns */

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
	text__spaces(t, CHECK_INDENT);
	text__wrap(t, TEXT_DIM, CHECK_INDENT, CHECK_INDENT + 2, line);
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
			 snapshot_thread__name(thread, ascii).s);
	else
		snprintf(f.s, sizeof(f.s), "threads that have ended");
	return f;
}

/* "66.4 %  render (views.py:212)" */
static void put_function(const struct text *t, const struct assertion *a,
			 const struct evidence_row *row)
{
	const struct blame_row *r = row->function;
	const char *slash = strrchr(r->file, '/'), *file = slash ? slash + 1 : r->file;
	struct format_long name = format_sentence(file, strlen(file), t->ascii);
	struct format_long function = format_sentence(r->function, sizeof(r->function), t->ascii);
	char line[600];

	if (r->line)
		snprintf(line, sizeof(line), "%s (%s:%u)", function.s, name.s, r->line);
	else
		snprintf(line, sizeof(line), "%s%s%s", function.s, name.s[0] ? " in " : "", name.s);
	text__spaces(t, CHECK_INDENT);
	text__column(t, check__value(a, row->figure.value, t->ascii).s, -FUNCTION_VALUE);
	text__spaces(t, 2);
	text__wrap(t, TEXT_PLAIN, CHECK_INDENT + FUNCTION_VALUE + 2,
		   CHECK_INDENT + FUNCTION_VALUE + 4, line);
}

static void put_row(const struct text *t, const struct assertion *a, const struct evidence *e,
		    const struct evidence_row *row)
{
	char line[300];

	if (row->function) {
		put_function(t, a, row);
		return;
	}
	if (e->of_values && a->op <= ASSERTION_LE)
		snprintf(line, sizeof(line), "%s of %s beyond the limit, the longest %s",
			 format_count(row->beyond).s, format_count(row->samples).s,
			 check__value(a, row->longest, t->ascii).s);
	else
		snprintf(line, sizeof(line), "%s", check__value(a, row->figure.value, t->ascii).s);
	text__spaces(t, CHECK_INDENT);
	text__column(t, row_name(row, t->ascii).s, 32);
	if (t->width < 80) {
		putc('\n', t->out);
		text__spaces(t, CHECK_INDENT + 2);
		text__wrap(t, TEXT_PLAIN, CHECK_INDENT + 2, CHECK_INDENT + 2, line);
		return;
	}
	fprintf(t->out, "  %s\n", line);
}

static void put_moment(const struct text *t, const struct assertion *a, const struct moment *o,
		       size_t nr_runs)
{
	char run[40] = "", line[300];
	size_t n;

	if (nr_runs > 1)
		snprintf(run, sizeof(run), "run %zu, ", o->run + 1);
	n = (size_t)snprintf(line, sizeof(line), "%sbetween %s and %s: %s %u (%s), %s time%s", run,
			     format_ns(o->from_ns, t->ascii).s, format_ns(o->to_ns, t->ascii).s,
			     o->tid ? "thread" : "process", o->tid ? o->tid : (unsigned int)o->pid,
			     format_name(o->name[0] ? o->name : o->comm,
					 o->name[0] ? sizeof(o->name) : sizeof(o->comm), t->ascii)
				     .s,
			     format_count(o->values).s, o->values == 1 ? "" : "s");
	if (o->longest)
		snprintf(line + n, sizeof(line) - n, ", up to %s",
			 check__value(a, (double)o->longest, t->ascii).s);
	text__spaces(t, CHECK_INDENT);
	text__wrap(t, TEXT_PLAIN, CHECK_INDENT, CHECK_INDENT + 2, line);
}

/* The one with the longest value, or the most values. */
static const struct moment *worst_of(const struct moments_of_rule *m)
{
	const struct moment *worst = &m->kept[0];

	for (size_t i = 1; i < m->nr; i++) {
		const struct moment *o = &m->kept[i];

		if (o->longest > worst->longest ||
		    (o->longest == worst->longest && o->values > worst->values))
			worst = o;
	}
	return worst;
}

/* More moments than are kept are no moments, but a state: one line says from when to when, and one
 * gives an example. */
static void put_state(const struct text *t, const struct assertion *a,
		      const struct moments_of_rule *m, size_t nr_runs, const struct snapshot *run)
{
	__u64 observed = gil_elapsed(run->start_ns, run->end_ns);
	__u64 first = m->kept[0].from_ns;
	char line[400];

	if (nr_runs > 1)
		snprintf(line, sizeof(line),
			 "at %s moments of %zu runs; for example:", format_count(m->nr + m->more).s,
			 nr_runs);
	else
		snprintf(line, sizeof(line), "%s between %s and %s, at %s moments; for example:",
			 m->last_ns - first >= observed / 10 * 8 ? "throughout,"
								 : "again and again",
			 format_ns(first, t->ascii).s, format_ns(m->last_ns, t->ascii).s,
			 format_count(m->nr + m->more).s);
	text__spaces(t, CHECK_INDENT);
	text__wrap(t, TEXT_PLAIN, CHECK_INDENT, CHECK_INDENT + 2, line);
	put_moment(t, a, worst_of(m), nr_runs);
}

static void put_moments(const struct text *t, const struct assertion *a,
			const struct moments_of_rule *m, size_t nr_runs, const struct snapshot *run)
{
	if (m->more)
		put_state(t, a, m, nr_runs, run);
	for (size_t i = 0; !m->more && i < m->nr; i++)
		put_moment(t, a, &m->kept[i], nr_runs);
}

int check_evidence(const struct text *t, const struct check *c, size_t i)
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
		text__spaces(t, CHECK_INDENT);
		fprintf(t->out, "and %zu more\n", e.more);
	}
	if (c->moments && moments__of(c->moments, i)->nr) {
		putc('\n', t->out);
		put_moments(t, a, moments__of(c->moments, i), j->nr_runs,
			    c->runs.list[j->worst_run]);
	}
	return 0;
}

char *check_evidence__plain(const struct check *c, size_t i)
{
	enum judged verdict = c->judgements[i].verdict;
	struct text t = {.width = CHECK_WIDTH};
	char *text = NULL, *to, *from;
	size_t size;
	int err;

	if (verdict != JUDGED_FAIL && verdict != JUDGED_WARN)
		return NULL;
	t.out = open_memstream(&text, &size);
	if (!t.out)
		return NULL;
	err = check_evidence(&t, c, i);
	if (fclose(t.out) || err) {
		free(text);
		return NULL;
	}
	/* Each line loses its indentation, and the text the blank line at its beginning. */
	from = text + (text[0] == '\n');
	to = text;
	while (*from) {
		size_t length = strcspn(from, "\n"), skip = strspn(from, " ");

		if (skip > CHECK_INDENT)
			skip = CHECK_INDENT;
		length += from[length] == '\n';
		memmove(to, from + skip, length - skip);
		to += length - skip;
		from += length;
	}
	*to = '\0';
	return text;
}
