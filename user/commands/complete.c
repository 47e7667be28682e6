// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "commands/complete.h"
#include "core/base/format.h"
#include "core/base/program.h"
#include "core/base/selector.h"
#include "core/export/export.h"
#include "core/report/render.h"
#include "core/rules/statistic.h"
#include "core/screen/theme.h"
#include "edge/proc/proc_list.h"
#include "edge/proc/proc_maps.h"

/* The word that is being typed, and what stands before the part of it that is completed. */
struct typed {
	const char *word;
	const char *before; /* "--source=", "12,"; not terminated */
	int length;
};

static void offer(const struct typed *t, const char *word, const char *help)
{
	if (!strncmp(word, t->word, strlen(t->word)))
		printf("%.*s%s\t%.*s\n", t->length, t->before, word, (int)strcspn(help, "\n"),
		       help);
}

void complete__offer(const char *typed, const char *word, const char *help)
{
	const struct typed t = {.word = typed, .before = ""};

	offer(&t, word, help);
}

/* ---- the values of options ---- */

/* Names are enough here: looking into each process would take too long between two keys. */
static bool is_python(pid_t pid, char command[PROGRAM_NAME])
{
	static const char *const names[] = {"python", "uwsgi", "gunicorn", "celery", "pytest"};
	char comm[16];

	command[0] = '\0';
	proc__comm(pid, comm);
	proc__command(pid, command);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strstr(comm, names[i]) || strstr(command, names[i]))
			return true;
	return false;
}

static void offer_pid(void *ctx, pid_t pid)
{
	char command[PROGRAM_NAME], number[16];

	snprintf(number, sizeof(number), "%d", pid);
	if (is_python(pid, command))
		offer(ctx, number, command);
}

static void offer_pids(struct typed *t)
{
	const char *comma = strrchr(t->word, ',');

	if (comma && !t->length) {
		t->before = t->word;
		t->length = (int)(comma + 1 - t->word);
		t->word = comma + 1;
	}
	proc_list__each(offer_pid, t);
}

/* The names of those processes that -p would be offered, and what they are in. */
static void offer_name(void *ctx, const char *name)
{
	offer(ctx, name, "");
}

static void offer_name_of(void *ctx, pid_t pid)
{
	char command[PROGRAM_NAME] = "";

	if (is_python(pid, command) && command[0] && command[0] != '-')
		offer_name(ctx, command);
}

static void offer_unit_of(void *ctx, pid_t pid)
{
	char command[PROGRAM_NAME], cgroups[4096];

	if (!is_python(pid, command))
		return;
	proc__cgroups(pid, cgroups, sizeof(cgroups));
	selector__each_unit(cgroups, offer_name, ctx);
}

static void offer_container_of(void *ctx, pid_t pid)
{
	char command[PROGRAM_NAME], cgroups[4096];

	if (!is_python(pid, command))
		return;
	proc__cgroups(pid, cgroups, sizeof(cgroups));
	selector__each_container(cgroups, offer_name, ctx);
}

static void offer_names(struct typed *t)
{
	proc_list__each(offer_name_of, t);
}

static void offer_units(struct typed *t)
{
	proc_list__each(offer_unit_of, t);
}

static void offer_containers(struct typed *t)
{
	proc_list__each(offer_container_of, t);
}

static void offer_statistic(struct typed *t, const struct metric *m, struct statistic st)
{
	char word[128];
	size_t n;
	const char *name = metric__rule_name(m, &n);

	if (!statistic__applies(m, st.kind))
		return;
	if (st.kind == STATISTIC_VALUE)
		snprintf(word, sizeof(word), "%.*s", (int)n, name);
	else
		snprintf(word, sizeof(word), "%.*s.%s", (int)n, name, statistic__name(&st).s);
	offer(t, word, m->help);
}

static bool has_key(const struct metric *m, enum scope_key key)
{
	if (key == SCOPE_THREAD)
		return metric__is_per_thread(m);
	return key >= SCOPE_PID || metric__is_per_function(m);
}

/* The keys of a scope that has begun: "wait.max{thr", or "wait.max{thread="io",pr". */
static void offer_keys(struct typed *t)
{
	const char *scope = strchr(t->word, '{'), *comma = strrchr(scope, ',');
	const struct metric *m = metric__find_rule_name(t->word, strcspn(t->word, ".{"));
	const char *begin = comma ? comma + 1 : scope + 1;

	if (!t->length)
		t->before = t->word;
	t->length += (int)(begin - t->word);
	t->word = begin;
	for (int key = 0; m && key < SCOPE_KEYS; key++) {
		char word[32];

		snprintf(word, sizeof(word), "%s=", scope_key_table[key].name);
		if (has_key(m, (enum scope_key)key))
			offer(t, word, scope_key_table[key].help);
	}
}

/* A rule begins with a figure; the shell hands on the quote in front of it. */
static void offer_figures(struct typed *t)
{
	static const unsigned int ppm[] = {500000, 900000, 990000, 999000};

	t->word += *t->word == '\'' || *t->word == '"';
	if (strchr(t->word, '{')) {
		offer_keys(t);
		return;
	}
	for (const struct metric *m = metric_table; m->name; m++)
		for (int kind = 0; kind < STATISTICS; kind++) {
			struct statistic st = {.kind = (enum statistic_kind)kind};

			for (size_t i = 0; kind == STATISTIC_PERCENTILE && i < 4; i++) {
				st.ppm = ppm[i];
				offer_statistic(t, m, st);
			}
			if (kind != STATISTIC_PERCENTILE)
				offer_statistic(t, m, st);
		}
}

static void offer_formats(struct typed *t)
{
	for (const struct renderer *r = renderer_table; r->name; r++)
		offer(t, r->name, "the summary");
	for (const struct exporter *e = exporter_table; e->name; e++)
		offer(t, e->name, "each wait and each hold");
}

static void offer_themes(struct typed *t)
{
	for (const struct theme *theme = theme_table; theme->name; theme++)
		offer(t, theme->name, theme->help);
}

/* "auto|usdt|uprobe" */
static void offer_choices(const struct typed *t, const char *at)
{
	while (*at) {
		size_t n = strcspn(at, "|");
		char word[64];

		snprintf(word, sizeof(word), "%.*s", (int)n, at);
		offer(t, word, "");
		at += n + (at[n] == '|');
	}
}

/* By the option's name, because several have an argument called NAME. */
static const struct {
	const char *option;
	void (*offer)(struct typed *t);
} values[] = {
	{"pid", offer_pids},       {"name", offer_names},
	{"unit", offer_units},     {"container", offer_containers},
	{"assert", offer_figures}, {"format", offer_formats},
	{"theme", offer_themes},
};

static void offer_values(struct typed *t, const struct option_row *row)
{
	for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++)
		if (!strcmp(values[i].option, row->name)) {
			values[i].offer(t);
			return;
		}
	if (strstr(row->arg, "FILE") || !strcmp(row->name, "cgroup"))
		puts(":files");
	else if (strchr(row->arg, '|'))
		offer_choices(t, row->arg);
}

/* ---- words ---- */

/* The option that the word is, in its short or long form; with = only if `whole` is false. */
static const struct option_row *find_option(const struct option_group *groups, const char *word,
					    bool whole)
{
	size_t n = strcspn(word, "=");

	if (word[0] != '-' || (whole && word[n]))
		return NULL;
	for (; groups->title; groups++)
		for (const struct option_row *row = groups->rows; row->name; row++) {
			if (word[1] != '-' && row->letter == word[1] && !word[2])
				return row;
			if (word[1] == '-' && strlen(row->name) == n - 2 &&
			    !strncmp(row->name, word + 2, n - 2))
				return row;
		}
	return NULL;
}

static void offer_options(const char *typed, const struct option_group *groups)
{
	for (; groups->title; groups++)
		for (const struct option_row *row = groups->rows; row->name; row++) {
			char word[64];

			snprintf(word, sizeof(word), "--%s", row->name);
			complete__offer(typed, word, row->help);
		}
	complete__offer(typed, "--help", "show the help");
}

/* The words that are no options. Most commands only take a command to launch, after "--". */
static void offer_words(const struct command_line *c, const struct typed *t, bool after_dashes)
{
	if (!c->words && after_dashes)
		puts(":command");
	else if (c->words && c->words[0] == ':')
		puts(c->words);
	else if (c->words)
		offer_choices(t, c->words);
}

void complete__words(const struct command_line *c, int argc, char **argv)
{
	const struct option_row *row = NULL; /* the option whose value the next word is */
	struct typed t = {.word = argc > 2 ? argv[argc - 1] : "", .before = ""};

	for (int i = 2; i < argc - 1; i++) {
		/* bash makes a word of each = in the line. */
		if (row && !strcmp(argv[i], "="))
			continue;
		if (row) {
			row = NULL;
			continue;
		}
		row = find_option(c->groups, argv[i], true);
		if (row && !row->arg)
			row = NULL;
		else if (!row && (argv[i][0] != '-' || !strcmp(argv[i], "--"))) {
			offer_words(c, &t, true);
			return;
		}
	}
	if (!row && strchr(t.word, '=')) {
		row = find_option(c->groups, t.word, false);
		t.before = t.word;
		t.length = (int)(strchr(t.word, '=') + 1 - t.word);
		t.word += t.length;
	}
	if (row && row->arg) {
		t.word += !t.length && *t.word == '=';
		offer_values(&t, row);
		return;
	}
	if (t.word[0] == '-' || !t.word[0])
		offer_options(t.word, c->groups);
	if (t.word[0] != '-')
		offer_words(c, &t, false);
}
