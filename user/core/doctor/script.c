// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/doctor/script.h"

#define WORD 1024

/* Takes the next word of a line as a shell would, without its quotes: they matter only for blanks.
 * Returns false at the end of the line, and for what only a shell can tell: variables, patterns, the
 * output of commands. */
static bool next_word(const char **at, char word[WORD])
{
	const char *s = *at + strspn(*at, " \t");
	char quote = '\0';
	size_t n = 0;

	if (!*s || *s == '\n' || *s == '#' || *s == ';' || *s == '&' || *s == '|')
		return false;
	for (; *s && *s != '\n' && n + 1 < WORD; s++) {
		if (!quote && (*s == ' ' || *s == '\t' || *s == ';'))
			break;
		if (*s == quote)
			quote = '\0';
		else if (!quote && (*s == '\'' || *s == '"'))
			quote = *s;
		else if (quote != '\'' && strchr("$`*?~\\", *s))
			return false;
		else
			word[n++] = *s;
	}
	word[n] = '\0';
	*at = s;
	return n && !quote;
}

static const char *basename_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The words after a program's name; if that is env, the program that it starts. */
static bool see_through_env(const char *rest, char word[WORD])
{
	if (strcmp(basename_of(word), "env") != 0)
		return true;
	while (next_word(&rest, word)) {
		bool takes_one = !strcmp(word, "-u") || !strcmp(word, "-C");

		if (takes_one && !next_word(&rest, word))
			return false;
		if (!takes_one && word[0] != '-' && !strchr(word, '='))
			return true;
	}
	return false;
}

static bool is_shell(const char *path)
{
	static const char *const shells[] = {"sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"};

	for (size_t i = 0; i < sizeof(shells) / sizeof(*shells); i++)
		if (!strcmp(basename_of(path), shells[i]))
			return true;
	return false;
}

/* Looks for a line with exec, of which there may be several: what cannot be read is not guessed. */
static bool find_exec(const char *text, char word[WORD])
{
	char found[WORD] = "";

	for (const char *line = text; line; line = strchr(line, '\n')) {
		const char *at = line += *line == '\n';

		if (!next_word(&at, word) || strcmp(word, "exec") != 0)
			continue;
		/* exec 2> log goes on with the same shell. */
		at += strspn(at, " \t0123456789");
		if (*at == '<' || *at == '>')
			continue;
		if (!next_word(&at, word))
			return false;
		/* exec -a NAME PROGRAM */
		if (!strcmp(word, "-a") && !(next_word(&at, word) && next_word(&at, word)))
			return false;
		if (word[0] == '-' || !see_through_env(at, word) ||
		    (found[0] && strcmp(found, word) != 0))
			return false;
		strcpy(found, word);
	}
	strcpy(word, found);
	return found[0];
}

enum script_kind script__read(const char *text, size_t length, char *program, size_t size)
{
	char word[WORD];
	const char *at = text + 2;

	program[0] = '\0';
	/* In what is not text, the rest of the lines would be missing. */
	if (length < 3 || strncmp(text, "#!", 2) != 0 || strlen(text) != length)
		return SCRIPT_NONE;
	if (!next_word(&at, word) || !see_through_env(at, word))
		return SCRIPT_UNCLEAR;
	if (!is_shell(word)) {
		snprintf(program, size, "%s", word);
		return SCRIPT_INTERPRETER;
	}
	at = strchr(text, '\n');
	if (!at || !find_exec(at, word))
		return SCRIPT_UNCLEAR;
	snprintf(program, size, "%s", word);
	return SCRIPT_WRAPPER;
}
