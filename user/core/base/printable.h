/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Messages with foreign words in them. Other programs choose the names of files, threads and
 * processes, and a terminal takes some bytes for commands; so every %s and %c of a message is made
 * harmless where it is put in, and no caller can forget it. The format itself is ours: only it can
 * begin a new line.
 */
#ifndef PRINTABLE_H
#define PRINTABLE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

enum printable {
	PRINTABLE_TEXT,  /* for people: a character that could disturb a terminal becomes '?' */
	PRINTABLE_SHELL, /* for a shell: each %s becomes one word, quoted if it needs to be */
};

/*
 * Like vsnprintf, for the conversions c, d, i, s, u, x and %, with flags, width, precision, and the
 * lengths h, l, ll and z. Text that does not fit is cut, but never inside a character. Returns
 * false if something was cut.
 */
bool printable__vformat(char *to, size_t size, enum printable kind, const char *fmt, va_list ap)
	__attribute__((format(printf, 4, 0)));

/* Copies s, in which only line ends are left of the characters that could disturb a terminal. With
 * `ascii`, characters beyond ASCII become '?' too. Cut to fit. */
void printable__lines(char *to, size_t size, const char *s, bool ascii);

#endif
