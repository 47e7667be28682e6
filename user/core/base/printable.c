// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/locale.h"
#include "core/base/printable.h"
#include "core/base/utf8.h"

/* Text that grows to the end of a buffer. */
struct line {
	char *to;
	size_t used, size;
	bool cut;
};

/* Appends all of it or, if it does not fit, nothing; then nothing more follows. */
static void put(struct line *l, const char *s, size_t n)
{
	if (l->cut || n >= l->size - l->used) {
		l->cut = true;
		return;
	}
	memcpy(l->to + l->used, s, n);
	l->used += n;
	l->to[l->used] = '\0';
}

static bool is_harmless(__u32 c, bool ascii)
{
	return c != UTF8_INVALID && utf8__columns(c) >= 0 && (!ascii || c < 0x80);
}

static void put_text(struct line *l, const char *s)
{
	size_t n;

	for (; *s; s += n) {
		bool ok = is_harmless(utf8__decode(s, &n), false);

		put(l, ok ? s : "?", ok ? n : 1);
	}
}

/* ---- words of a shell ---- */

static bool is_plain(const char *s)
{
	return *s && !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "_@%+=:,./-")];
}

/* In another locale the terminal may take the bytes of a character for something else. */
static bool is_harmless_word(const char *s)
{
	bool ascii = !locale__is_utf8();
	size_t n;

	for (; *s; s += n)
		if (*s == '\'' || !is_harmless(utf8__decode(s, &n), ascii))
			return false;
	return true;
}

/* $'...' names any byte: bash, zsh, ksh and busybox know it. */
static void put_escaped(struct line *l, const char *s)
{
	bool ascii = !locale__is_utf8();
	char octal[8];
	size_t n;

	put(l, "$'", 2);
	for (; *s; s += n) {
		bool ok = is_harmless(utf8__decode(s, &n), ascii);

		if (*s == '\'' || *s == '\\')
			put(l, "\\", 1);
		if (ok)
			put(l, s, n);
		for (size_t i = 0; !ok && i < n; i++) {
			snprintf(octal, sizeof(octal), "\\%03o", (unsigned char)s[i]);
			put(l, octal, 4);
		}
	}
	put(l, "'", 1);
}

static void put_word(struct line *l, const char *s)
{
	/* It is the name of a file; without a folder, a command would take it for an option. */
	bool like_option = s[0] == '-' && s[1];

	if (like_option)
		put(l, "./", 2);
	if (is_plain(s)) {
		put(l, s, strlen(s));
	} else if (is_harmless_word(s)) {
		put(l, "'", 1);
		put(l, s, strlen(s));
		put(l, "'", 1);
	} else {
		put_escaped(l, s);
	}
}

/* ---- conversions ---- */

/* A conversion such as "%-*.3s": the part before the letters, with the numbers in place of stars,
 * and how long the argument is. */
struct conversion {
	char flags[8];
	int width, precision; /* -1: none */
	int longs;            /* 1: long, 2: long long, 3: size_t */
	char letter;
};

static int read_number(const char **fmt, va_list *ap)
{
	int n = 0;

	if (**fmt == '*') {
		++*fmt;
		return va_arg(*ap, int);
	}
	while (**fmt >= '0' && **fmt <= '9')
		n = n * 10 + *(*fmt)++ - '0';
	return n;
}

/* Reads the conversion behind a '%', and the arguments of its stars. */
static const char *read_conversion(struct conversion *c, const char *fmt, va_list *ap)
{
	size_t flags = strspn(fmt, "-+ 0#");

	*c = (struct conversion){.width = -1, .precision = -1};
	memcpy(c->flags, fmt, flags < sizeof(c->flags) ? flags : sizeof(c->flags) - 1);
	fmt += flags;
	if (*fmt == '*' || (*fmt >= '0' && *fmt <= '9'))
		c->width = read_number(&fmt, ap);
	if (*fmt == '.') {
		fmt++;
		c->precision = read_number(&fmt, ap);
	}
	for (; *fmt == 'h' || *fmt == 'l' || *fmt == 'z'; fmt++)
		c->longs = *fmt == 'z' ? 3 : *fmt == 'l' ? c->longs + 1 : 0;
	c->letter = *fmt;
	return *fmt ? fmt + 1 : fmt;
}

static void put_integer(struct line *l, const struct conversion *c, va_list *ap)
{
	bool is_signed = c->letter == 'd' || c->letter == 'i';
	char spec[16], digits[64];
	long long n;

	if (c->longs == 0)
		n = is_signed ? va_arg(*ap, int) : (long long)va_arg(*ap, unsigned int);
	else if (c->longs == 1)
		n = is_signed ? va_arg(*ap, long) : (long long)va_arg(*ap, unsigned long);
	else if (c->longs == 2)
		n = va_arg(*ap, long long);
	else
		n = (long long)va_arg(*ap, size_t);
	snprintf(spec, sizeof(spec), "%%%s*.*ll%c", c->flags, c->letter);
	snprintf(digits, sizeof(digits), spec, c->width < 0 ? 0 : c->width, c->precision, n);
	put(l, digits, strlen(digits));
}

static void put_padding(struct line *l, int columns)
{
	while (columns-- > 0)
		put(l, " ", 1);
}

/* The argument is read only up to the precision, and may lack an end. */
static void put_string(struct line *l, const struct conversion *c, enum printable kind,
		       const char *s)
{
	size_t size = !s ? 0 : c->precision < 0 ? strlen(s) : strnlen(s, (size_t)c->precision);
	int padding = c->width - (int)size;
	bool left = strchr(c->flags, '-');
	char *copy = strndup(s ?: "", size);

	if (!left)
		put_padding(l, padding);
	if (!copy)
		l->cut = true;
	else if (kind == PRINTABLE_SHELL)
		put_word(l, copy);
	else
		put_text(l, copy);
	if (left)
		put_padding(l, padding);
	free(copy);
}

static void put_conversion(struct line *l, const struct conversion *c, enum printable kind,
			   va_list *ap)
{
	char letter[2] = "";

	switch (c->letter) {
	case 's':
		put_string(l, c, kind, va_arg(*ap, const char *));
		break;
	case 'c':
		letter[0] = (char)va_arg(*ap, int);
		put_string(l, c, kind, letter);
		break;
	case 'd':
	case 'i':
	case 'u':
	case 'x':
		put_integer(l, c, ap);
		break;
	case '%':
		put(l, "%", 1);
		break;
	default: /* its argument cannot be skipped */
		abort();
	}
}

bool printable__vformat(char *to, size_t size, enum printable kind, const char *fmt, va_list list)
{
	struct line l = {.to = to, .size = size};
	struct conversion c;
	va_list ap;

	to[0] = '\0';
	va_copy(ap, list);
	while (*fmt) {
		size_t plain = strcspn(fmt, "%");

		for (size_t i = 0; i < plain; i++)
			put(&l, fmt + i, 1);
		fmt += plain;
		if (!*fmt)
			break;
		fmt = read_conversion(&c, fmt + 1, &ap);
		put_conversion(&l, &c, kind, &ap);
	}
	va_end(ap);
	return !l.cut;
}

void printable__lines(char *to, size_t size, const char *s, bool ascii)
{
	struct line l = {.to = to, .size = size};
	size_t n;

	to[0] = '\0';
	for (; *s; s += n) {
		bool ok = is_harmless(utf8__decode(s, &n), ascii) || *s == '\n';

		put(&l, ok ? s : "?", ok ? n : 1);
	}
}
