// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* TAP version 14: a line for each rule, followed by a YAML block with details. */
#include <stdlib.h>
#include <string.h>

#include "core/check/check_evidence.h"
#include "core/base/format.h"
#include "core/base/json.h"

/* Escapes what would begin a directive. */
static void put_description(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '#' || *s == '\\')
			putc('\\', out);
		putc(*s, out);
	}
}

/* JSON strings are also valid YAML. */
static void put_yaml(FILE *out, const char *key, const char *value)
{
	struct json j = {.out = out};

	fprintf(out, "  %s: ", key);
	json__string(&j, NULL, value);
	putc('\n', out);
}

/* As a block of lines, which people can read. */
static void put_evidence(FILE *out, const struct check *c, size_t i)
{
	char *text = check_evidence__plain(c, i), *rest = text, *line;

	if (text)
		fputs("  evidence: |\n", out);
	while (rest && (line = strsep(&rest, "\n")))
		if (line[0])
			fprintf(out, "    %s\n", line);
	free(text);
}

static void put_rule(FILE *out, const struct check *c, size_t i)
{
	const struct assertion *a = &c->set->list[i];
	const struct judgement *j = &c->judgements[i];
	bool tolerated =
		j->verdict == JUDGED_INCONCLUSIVE && (c->inconclusive_is == JUDGED_PASS || a->warn);
	bool ok = j->verdict == JUDGED_PASS || j->verdict == JUDGED_SKIPPED || tolerated;

	fprintf(out, "%s %zu - ", ok ? "ok" : "not ok", i + 1);
	put_description(out, check__rule(a, false).s);
	if (j->verdict == JUDGED_SKIPPED || tolerated)
		fprintf(out, " # SKIP %s",
			tolerated ? "inconclusive" : "its condition does not hold");
	else if (j->verdict == JUDGED_WARN)
		fputs(" # TODO only a warning", out);
	putc('\n', out);
	fputs("  ---\n", out);
	put_yaml(out, "verdict", judged__name(j->verdict));
	put_yaml(out, "message", check__sentence(a, j, false).s);
	put_yaml(out, "at", check__place(a).s);
	put_evidence(out, c, i);
	fputs("  ...\n", out);
}

int check_tap(FILE *out, const struct check *c, const struct render_options *o)
{
	(void)o;
	fprintf(out, "TAP version 14\n1..%zu\n", c->set->nr + c->launched);
	for (size_t i = 0; i < c->set->nr; i++)
		put_rule(out, c, i);
	if (c->launched)
		fprintf(out, "%s %zu - the command succeeds\n",
			c->command_status > 0 ? "not ok" : "ok", c->set->nr + 1);
	return check__flush(out);
}
