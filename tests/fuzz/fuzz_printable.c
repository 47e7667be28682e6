// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any bytes as a foreign word in a message and in a command to try, cut to any size. Nothing that
 * disturbs a terminal may come out, and a shell must take the word in the command for the same word.
 * The first byte chooses the locale, the second one the room.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/printable.h"
#include "core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
bool __wrap_locale__is_utf8(void); /* the linker puts it in place of locale__is_utf8() */

static bool is_utf8;

bool __wrap_locale__is_utf8(void)
{
	return is_utf8;
}

__attribute__((format(printf, 4, 5))) static bool make(char *to, size_t size, enum printable kind,
						       const char *fmt, ...)
{
	va_list ap;
	bool ok;

	va_start(ap, fmt);
	ok = printable__vformat(to, size, kind, fmt, ap);
	va_end(ap);
	return ok;
}

static void check_harmless(const char *s, bool lines, bool ascii)
{
	size_t n;

	for (; *s; s += n) {
		__u32 c = utf8__decode(s, &n);

		if (c == '\n' && lines)
			continue;
		if (c == UTF8_INVALID || utf8__columns(c) < 0 || (ascii && c >= 0x80))
			abort();
	}
}

/* Takes a word as a shell does: plain characters, '...', or $'...' with \', \\ and \ooo. */
static void unquote(const char *s, char *word)
{
	bool escaped = !strncmp(s, "$'", 2) || !strncmp(s, "./$'", 4);
	const char *quote = strchr(s, '\'');

	if (!quote) {
		if (strpbrk(s, " \t\n|&;<>()$`\\\"*?[]#~!{}^"))
			abort();
		strcpy(word, s);
		return;
	}
	for (; s < quote; s++)
		if (!escaped || *s != '$')
			*word++ = *s;
	for (s++; *s != '\''; s++) {
		if (!*s)
			abort();
		if (!escaped || *s != '\\') {
			*word++ = *s;
		} else if (s[1] >= '0' && s[1] <= '3') {
			*word++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 3;
		} else {
			*word++ = *++s;
		}
	}
	if (s[1])
		abort();
	*word = '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[1024], cut[257], word[1024], *s;

	if (size < 2 || size > 200)
		return 0;
	is_utf8 = data[0] & 1;
	s = strndup((const char *)data + 2, size - 2);
	make(text, sizeof(text), PRINTABLE_TEXT, "%s%5.3s|%-4c%%%d", s, s, s[0], (int)size);
	check_harmless(text, false, false);
	make(cut, (size_t)data[1] + 1, PRINTABLE_TEXT, "%s", s);
	check_harmless(cut, false, false);
	if (strncmp(cut, text, strlen(cut)) != 0)
		abort();
	if (!make(text, sizeof(text), PRINTABLE_SHELL, "%s", s))
		abort();
	check_harmless(text, false, !(data[0] & 1));
	unquote(text, word);
	if (strcmp(word + (s[0] == '-' && s[1] ? 2 : 0), s) != 0)
		abort();
	if (make(cut, (size_t)data[1] + 1, PRINTABLE_SHELL, "%s", s) && strcmp(cut, text) != 0)
		abort();
	printable__lines(cut, (size_t)data[1] + 1, s, data[0] & 2);
	check_harmless(cut, true, data[0] & 2);
	free(s);
	return 0;
}
