// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/config.h"
#include "core/base/suggest.h"

#define BLANKS " \t\r"

/* Cuts the blanks at both ends. */
static char *trim(char *s)
{
	size_t n;

	s += strspn(s, BLANKS);
	n = strlen(s);
	while (n && strchr(BLANKS, s[n - 1]))
		s[--n] = '\0';
	return s;
}

static bool is_among(const char *list, const char *word, size_t length)
{
	for (list += strspn(list, " "); *list; list += strspn(list, " ")) {
		size_t n = strcspn(list, " ");

		if (n == length && !memcmp(list, word, n))
			return true;
		list += n;
	}
	return false;
}

bool config_line__is_for(const struct config_line *line, const char *command)
{
	return is_among(line->sections, command, strlen(command));
}

static int check_sections(const char *sections, const char *known, const char *path, int number,
			  struct failure *f)
{
	const char *at = sections;

	for (at += strspn(at, " "); *at; at += strspn(at, " ")) {
		size_t n = strcspn(at, " ");
		struct suggestion s = suggest__begin(at, n);

		for (const char *k = known; *k; k += strcspn(k, " ")) {
			k += strspn(k, " ");
			suggest__offer(&s, k, strcspn(k, " "));
		}
		if (!is_among(known, at, n)) {
			failure__what(
				f,
				s.best[0] ? "%s:%d: there is no command '%.*s' (did you mean %s?)"
					  : "%s:%d: there is no command '%.*s'%s",
				path, number, (int)n, at, s.best);
			return -EINVAL;
		}
		at += n;
	}
	if (*trim((char *)sections))
		return 0;
	failure__what(f, "%s:%d: a section needs the name of a command, such as [stat]", path,
		      number);
	return -EINVAL;
}

static int add(struct config *c, const struct config_line *line)
{
	struct config_line *list = reallocarray(c->lines, c->nr + 1, sizeof(*list));

	if (!list)
		return -ENOMEM;
	c->lines = list;
	list[c->nr++] = *line;
	return 0;
}

static int parse_line(struct config *c, char *text, struct config_line *line, const char *path,
		      const char *known, struct failure *f)
{
	char *value, *end;

	text = trim(text);
	if (!*text || *text == '#')
		return 0;
	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || *trim(end + 1)) {
			failure__what(f, "%s:%d: not a section such as [stat]", path, line->number);
			return -EINVAL;
		}
		*end = '\0';
		line->sections = text + 1;
		for (char *at = text + 1; *at; at++)
			*at = *at == '\t' ? ' ' : *at;
		return check_sections(line->sections, known, path, line->number, f);
	}
	if (!line->sections) {
		failure__what(f, "%s:%d: there is no section before it, such as [stat]", path,
			      line->number);
		return -EINVAL;
	}
	value = strchr(text, '=');
	line->value = value ? trim(value + 1) : NULL;
	if (value)
		*value = '\0';
	text = trim(text);
	line->name = !strncmp(text, "--", 2) ? text + 2 : text;
	return add(c, line);
}

int config__parse(struct config *c, char *text, const char *path, const char *known,
		  struct failure *f)
{
	struct config_line line = {0};
	char *at;

	*c = (struct config){0};
	while ((at = strsep(&text, "\n"))) {
		int err;

		line.number++;
		err = parse_line(c, at, &line, path, known, f);
		if (err) {
			config__clear(c);
			return err;
		}
	}
	return 0;
}

void config__clear(struct config *c)
{
	free(c->lines);
	*c = (struct config){0};
}

const char *config__refusal(unsigned int owner, unsigned int mode, unsigned int user)
{
	if (!S_ISREG(mode))
		return "it is not a regular file";
	if (owner && owner != user)
		return user ? "it belongs to another user"
			    : "it does not belong to root, who runs gilscope (as under sudo)";
	if (mode & 022)
		return "others may write to it";
	return NULL;
}
