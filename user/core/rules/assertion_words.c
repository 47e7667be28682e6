// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <string.h>
#include <errno.h>

#include "core/rules/assertion_parser.h"

const char *parser__here(const struct parser *p)
{
	return p->text + p->at;
}

int parser__wrong(struct parser *p, size_t at, size_t length, const char *fmt, ...)
{
	va_list ap;

	p->e->at = (int)at;
	p->e->length = (int)length;
	va_start(ap, fmt);
	vsnprintf(p->e->message, sizeof(p->e->message), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

int parser__suggest(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->e->suggestion, sizeof(p->e->suggestion), fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* ---- words ---- */

bool parser__is_blank(char c)
{
	return c == ' ' || c == '\t';
}

bool parser__is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

bool parser__is_digit(char c)
{
	return c >= '0' && c <= '9';
}

void parser__skip_blanks(struct parser *p)
{
	while (parser__is_blank(*parser__here(p)))
		p->at++;
}

size_t parser__word_length(const char *s)
{
	size_t n = 0;

	while (parser__is_word(s[n]))
		n++;
	return n;
}

/* How many bytes to underline where the text is unexpected. */
size_t parser__stray_length(const char *s)
{
	size_t n = parser__word_length(s);

	return n ? n : *s != '\0';
}

bool parser__is_keyword(const struct parser *p, const char *word)
{
	return parser__word_length(parser__here(p)) == strlen(word) &&
	       !strncmp(parser__here(p), word, strlen(word));
}

bool parser__take_keyword(struct parser *p, const char *word)
{
	if (!parser__is_keyword(p, word))
		return false;
	p->at += strlen(word);
	parser__skip_blanks(p);
	return true;
}
