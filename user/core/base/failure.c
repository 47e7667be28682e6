// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <string.h>

#include "core/base/failure.h"
#include "core/base/format.h"
#include "core/base/locale.h"
#include "core/base/printable.h"
#include "core/base/text.h"

#define DEFINE_SETTER(field)                                                                       \
	void failure__##field(struct failure *f, const char *fmt, ...)                             \
	{                                                                                          \
		va_list ap;                                                                        \
                                                                                                   \
		if (!f)                                                                            \
			return;                                                                    \
		va_start(ap, fmt);                                                                 \
		printable__vformat(f->field, sizeof(f->field), PRINTABLE_TEXT, fmt, ap);           \
		va_end(ap);                                                                        \
	}

DEFINE_SETTER(what)
DEFINE_SETTER(cause)

void failure__command(struct failure *f, const char *fmt, ...)
{
	va_list ap;

	if (!f)
		return;
	va_start(ap, fmt);
	/* Half a command might do something else, or wait for the end of a word. */
	if (!printable__vformat(f->command, sizeof(f->command), PRINTABLE_SHELL, fmt, ap))
		f->command[0] = '\0';
	va_end(ap);
}

void failure__word(struct failure *f, const char *word)
{
	struct failure next;

	/* Nothing is added to a command that was left out. */
	if (!f->command[0])
		return;
	/* A word that begins with a dash is an option, and not the name of a file. */
	if (!strcmp(word, "-") || !strcmp(word, "--"))
		failure__command(&next, word[1] ? "--" : "-");
	else if (!strncmp(word, "--", 2))
		failure__command(&next, "--%s", word + 2);
	else if (word[0] == '-')
		failure__command(&next, "-%s", word + 1);
	else
		failure__command(&next, "%s", word);
	if (!next.command[0] ||
	    strlen(f->command) + 1 + strlen(next.command) >= sizeof(f->command)) {
		f->command[0] = '\0';
		return;
	}
	strcat(f->command, " ");
	strcat(f->command, next.command);
}

static int width;

void failure__set_width(int columns)
{
	width = columns;
}

static void print_line(FILE *out, const char *label, const char *s, bool wrapped)
{
	const struct text t = {.out = out, .width = width < 20 ? 20 : width};
	char text[1024], *rest = text, *line;
	int indent = label[0] == ' ' ? 4 : 2;

	printable__lines(text, sizeof(text), s, !locale__is_utf8());
	fputs(label, out);
	/* A line that fits keeps its blanks: there may be a mark in it that belongs below a word. */
	for (bool first = true; (line = strsep(&rest, "\n")); first = false) {
		int at = first ? (int)strlen(label) : 0;

		if (wrapped && width && at + format__columns(line) > width)
			text__wrap(&t, TEXT_PLAIN, at, indent, line);
		else
			fprintf(out, "%s\n", line);
	}
}

void failure__print(const struct failure *f, FILE *out)
{
	print_line(out, "gilscope: ", f->what, true);
	if (f->cause[0])
		print_line(out, "  likely cause: ", f->cause, true);
	if (f->command[0])
		print_line(out, "  try: ", f->command, false);
}

void failure__say(const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	printable__vformat(text, sizeof(text), PRINTABLE_TEXT, fmt, ap);
	va_end(ap);
	print_line(stderr, "", text, true);
}
