// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <string.h>

#include "core/base/format.h"
#include "core/base/text.h"

void text__style(const struct text *t, enum text_style style)
{
	static const char *const codes[] = {
		[TEXT_PLAIN] = "0",   [TEXT_BOLD] = "1",   [TEXT_DIM] = "2",   [TEXT_GOOD] = "1;32",
		[TEXT_FAIR] = "1;33", [TEXT_BAD] = "1;31", [TEXT_HOLD] = "36", [TEXT_WAIT] = "33",
	};

	if (t->colour)
		fprintf(t->out, "\033[%sm", codes[style]);
}

void text__spaces(const struct text *t, int columns)
{
	fprintf(t->out, "%*s", columns > 0 ? columns : 0, "");
}

void text__column(const struct text *t, const char *s, int columns)
{
	int used = format__columns(s);

	if (columns < 0)
		text__spaces(t, -columns - used);
	fputs(s, t->out);
	if (columns > 0)
		text__spaces(t, columns - used);
}

void text__bar(const struct text *t, double share, int columns, enum text_style style)
{
	static const char *const eighths[] = {"", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
	int steps = t->ascii ? 1 : 8;
	int filled;

	if (!(share > 0))
		share = 0;
	if (share > 1)
		share = 1;
	filled = (int)(share * columns * steps + 0.5);
	if (!filled && share > 0)
		filled = 1;
	putc('|', t->out);
	text__style(t, style);
	for (int i = 0; i < filled / steps; i++)
		fputs(t->ascii ? "#" : "█", t->out);
	if (filled % steps)
		fputs(eighths[filled % steps], t->out);
	text__style(t, TEXT_PLAIN);
	text__spaces(t, columns - (filled + steps - 1) / steps);
	putc('|', t->out);
}

/* Units are not separated from their numbers. */
static bool is_unit_word(const char *word)
{
	static const char *const units[] = {"ns", "us", "µs", "ms", "s", "min", "h", "%"};
	size_t length = strcspn(word, " .,;:)");

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strlen(units[i]) == length && !strncmp(units[i], word, length))
			return true;
	}
	return false;
}

/* The length of the words that must stay on one line: the first one, and units after it. */
static size_t unbroken(const char *s)
{
	size_t length = strcspn(s, " ");

	while (s[length] == ' ' && is_unit_word(s + length + 1))
		length += 1 + strcspn(s + length + 1, " ");
	return length;
}

void text__wrap(const struct text *t, enum text_style style, int at, int indent, const char *s)
{
	bool first = true;

	if (style)
		text__style(t, style);
	while (*s) {
		int length = (int)unbroken(s);
		char word[256];
		int columns;

		snprintf(word, sizeof(word), "%.*s", length, s);
		columns = format__columns(word);
		if (!first && at + 1 + columns > t->width) {
			putc('\n', t->out);
			text__spaces(t, indent);
			at = indent;
		} else if (!first) {
			putc(' ', t->out);
			at++;
		}
		fputs(word, t->out);
		at += columns;
		first = false;
		s += length;
		s += strspn(s, " ");
	}
	if (style)
		text__style(t, TEXT_PLAIN);
	putc('\n', t->out);
}

void text__note(const struct text *t, int indent, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (t->terse)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text__spaces(t, indent);
	text__wrap(t, TEXT_DIM, indent, indent, line);
}

void text__label(const struct text *t, const char *label, int columns)
{
	text__spaces(t, 2);
	if (*label)
		text__style(t, TEXT_BOLD);
	fputs(label, t->out);
	if (*label)
		text__style(t, TEXT_PLAIN);
	text__spaces(t, columns - 2 - format__columns(label));
}
