// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <string.h>

#include "core/base/program.h"
#include "core/base/utf8.h"

/* The rest of a command line: words, each with a zero byte after it, though the last one may lack it. */
struct words {
	const char *at, *end;
};

struct word {
	const char *s;
	size_t length;
};

static bool next(struct words *w, struct word *word)
{
	if (w->at >= w->end)
		return false;
	word->s = w->at;
	word->length = strnlen(w->at, (size_t)(w->end - w->at));
	w->at += word->length + 1;
	return true;
}

static struct word basename_of(struct word w)
{
	const char *slash = memrchr(w.s, '/', w.length);

	if (slash && slash + 1 < w.s + w.length) {
		w.length -= (size_t)(slash + 1 - w.s);
		w.s = slash + 1;
	}
	return w;
}

/* Adds the printable characters of a word, and a '?' for each of the others. */
static void add(char name[PROGRAM_NAME], const char *prefix, struct word w)
{
	char text[4 * PROGRAM_NAME];
	size_t used = strlen(prefix),
	       length = w.length < sizeof(text) ? w.length : sizeof(text) - 1;

	memcpy(text, w.s, length);
	text[length] = '\0';
	memcpy(name, prefix, used + 1);
	for (const char *at = text; *at; at += length) {
		__u32 c = utf8__decode(at, &length);
		bool plain = c != UTF8_INVALID && utf8__columns(c) >= 0;

		if (used + (plain ? length : 1) >= PROGRAM_NAME)
			break;
		if (plain)
			memcpy(name + used, at, length);
		else
			name[used] = '?';
		used += plain ? length : 1;
	}
	name[used] = '\0';
}

/* The first line of the code after -c. */
static struct word first_line(struct word w)
{
	const char *line_end = memchr(w.s, '\n', w.length);

	if (line_end)
		w.length = (size_t)(line_end - w.s);
	return w;
}

/*
 * Reads Python's own options. Letters may come together, as in -um. Returns the letter of the option
 * that says what runs: 'm' or 'c', with *what the word that it needs; or 0, with *what the script, or
 * empty if there is none.
 */
static char read_options(struct words *w, struct word *what)
{
	while (next(w, what)) {
		if (what->length < 2 || what->s[0] != '-') {
			if (what->length == 1 && what->s[0] == '-') /* standard input */
				what->length = 0;
			return 0;
		}
		if (what->s[1] == '-') { /* only --check-hash-based-pycs has an argument */
			if (what->length == 2)
				break;
			if (!strncmp(what->s, "--check-hash-based-pycs", what->length))
				next(w, what);
			continue;
		}
		for (size_t i = 1; i < what->length; i++) {
			char letter = what->s[i];

			if (!strchr("mcWX", letter))
				continue;
			what->s += i + 1;
			what->length -= i + 1;
			if (!what->length && !next(w, what))
				what->length = 0;
			if (letter == 'm' || letter == 'c')
				return letter;
			break;
		}
	}
	if (!next(w, what))
		what->length = 0;
	return 0;
}

void program__name(const char *args, size_t size, char name[PROGRAM_NAME])
{
	struct words w = {args, args + size};
	struct word program, what;
	char option;

	name[0] = '\0';
	/* A title is often padded with zero bytes. */
	while (size && !args[size - 1])
		size--;
	w.end = args + size;
	if (!next(&w, &program) || !program.length)
		return;
	/* Who sets a title writes over all arguments; a path may have blanks in it, too. */
	if (w.at >= w.end && memchr(program.s, ' ', program.length) && program.s[0] != '/') {
		add(name, "", program);
		return;
	}
	program = basename_of(program);
	if (program.length < 6 || strncmp(program.s, "python", 6) != 0) {
		add(name, "", program);
		return;
	}
	option = read_options(&w, &what);
	if (option && what.length)
		add(name, option == 'm' ? "-m " : "-c ", option == 'm' ? what : first_line(what));
	else
		add(name, "", what.length ? basename_of(what) : program);
}
