// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * For GitHub Actions: workflow commands, which become annotations of the run and of lines in a file
 * of rules; and Markdown for the summary of the step. Both contain names that the observed program
 * chose, so everything with a special meaning is escaped.
 */
#include <string.h>

#include "core/check/check.h"
#include "core/rules/evidence.h"
#include "core/base/format.h"
#include "core/base/utf8.h"

/* Escapes what the runner unescapes: % and line ends; in a property, also what would end it. */
static void put_escaped(FILE *out, const char *s, bool property)
{
	for (; *s; s++) {
		if (*s == '%' || *s == '\r' || *s == '\n' || (property && (*s == ':' || *s == ',')))
			fprintf(out, "%%%02X", (unsigned char)*s);
		else
			putc(*s, out);
	}
}

static const char *level(const struct check *c, size_t i)
{
	switch (c->judgements[i].verdict) {
	case JUDGED_FAIL:
	case JUDGED_ERROR:
		return "error";
	case JUDGED_WARN:
		return "warning";
	case JUDGED_INCONCLUSIVE:
		return c->inconclusive_is == JUDGED_PASS || c->set->list[i].warn ? "warning"
										 : "error";
	default:
		return NULL;
	}
}

/* Puts the worst thread into the annotation. The rest is in the log. */
static int put_worst(FILE *out, const struct check *c, size_t i)
{
	const struct assertion *a = &c->set->list[i];
	const struct judgement *j = &c->judgements[i];
	static struct evidence e;
	const struct evidence_row *row = &e.row[0];
	char line[400];
	int err;

	if (j->verdict != JUDGED_FAIL && j->verdict != JUDGED_WARN)
		return 0;
	err = evidence__of(&e, a, j, c->runs.list[j->worst_run]);
	if (err || !e.nr)
		return err;
	if (row->function)
		snprintf(line, sizeof(line), "\nworst: %s",
			 format_sentence(row->function->function, sizeof(row->function->function),
					 false)
				 .s);
	else if (row->thread)
		snprintf(line, sizeof(line), "\nworst: thread %u (%s)", row->thread->tid,
			 snapshot_thread__name(row->thread, false).s);
	else
		snprintf(line, sizeof(line), "\nworst: process %d (%s)", row->process->pid,
			 snapshot_process__name(row->process, false).s);
	put_escaped(out, line, false);
	return 0;
}

static int put_annotation(FILE *out, const struct check *c, size_t i)
{
	const struct assertion *a = &c->set->list[i];
	const struct judgement *j = &c->judgements[i];
	const char *kind = level(c, i);
	int err;

	if (!kind)
		return 0;
	fprintf(out, "::%s ", kind);
	if (a->file) {
		fputs("file=", out);
		put_escaped(out, a->file, true);
		fprintf(out, ",line=%u,", a->line);
	}
	fputs("title=", out);
	put_escaped(out, judged__name(j->verdict), true);
	put_escaped(out, ": ", true);
	put_escaped(out, check__rule(a, false).s, true);
	fputs("::", out);
	put_escaped(out, check__sentence(a, j, false).s, false);
	err = put_worst(out, c, i);
	putc('\n', out);
	return err;
}

int check_github(FILE *out, const struct check *c, const struct render_options *o)
{
	int err = 0;

	(void)o;
	for (size_t i = 0; !err && i < c->set->nr; i++)
		err = put_annotation(out, c, i);
	if (c->command_status > 0)
		fprintf(out, "::error title=the command failed::it ended with status %d\n",
			c->command_status);
	return err ?: check__flush(out);
}

/* ---- the summary ---- */

/* Writes a cell of a table, so that nothing in it is Markdown, HTML or the end of the cell. */
static void put_cell(FILE *out, const char *s)
{
	size_t n;

	for (; *s; s += n) {
		__u32 c = utf8__decode(s, &n);

		if (c == '\n' || c == '\r' || c == '\t')
			putc(' ', out);
		else if (c == UTF8_INVALID || utf8__columns(c) < 0)
			fputs("\xef\xbf\xbd", out);
		else if (strchr("&<>\"'`|*_[]()#~$@!\\:", *s))
			fprintf(out, "&#%d;", *s);
		else
			fwrite(s, 1, n, out);
	}
}

static void put_line(FILE *out, const struct check *c, size_t i)
{
	static const char *const signs[] = {
		[JUDGED_PASS] = "✅ pass",      [JUDGED_SKIPPED] = "⏭️ skipped",
		[JUDGED_WARN] = "⚠️ warn", [JUDGED_INCONCLUSIVE] = "❔ inconclusive",
		[JUDGED_ERROR] = "❌ error",    [JUDGED_FAIL] = "❌ fail",
	};
	const struct assertion *a = &c->set->list[i];
	const struct judgement *j = &c->judgements[i];

	fprintf(out, "| %s | <code>", signs[j->verdict]);
	put_cell(out, check__rule(a, false).s);
	fputs("</code> | ", out);
	put_cell(out, check__measured(a, j, false).s);
	fputs(" | ", out);
	put_cell(out, check__distance(a, j, false).s);
	if (j->why[0] && check__distance(a, j, false).s[0])
		fputs("; ", out);
	put_cell(out, j->why);
	fputs(" |\n", out);
}

int check_markdown(FILE *out, const struct check *c, const struct render_options *o)
{
	(void)o;
	fputs("### gilscope check: ", out);
	put_cell(out, check__summary(c).s);
	fputs("\n\n", out);
	put_cell(out, c->title);
	if (c->command_status > 0)
		fprintf(out, " (ended with status %d)", c->command_status);
	fputs("\n\n| | rule | measured | |\n|---|---|---|---|\n", out);
	for (size_t i = 0; i < c->set->nr; i++)
		put_line(out, c, i);
	putc('\n', out);
	return check__flush(out);
}
