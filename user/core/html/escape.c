// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/html/escape.h"

struct escaped {
	FILE *out;
	enum escape how;
	bool in_line;
	bool more; /* lines: there was one before */
};

/* In a script element "<" may begin its end, and in both "&" may be taken for an entity. */
static void put_char(FILE *out, char c, enum escape how)
{
	const char *special = strchr("<>&\"", c);

	if (!c || !special)
		putc(c, out);
	else if (how == ESCAPE_TEXT)
		fprintf(out, "&#%d;", c);
	else if (c == '"')
		fputs(how == ESCAPE_LINES ? "\\\"" : "\"", out);
	else
		fprintf(out, "\\u%04x", (unsigned int)c);
}

static void put_line_char(struct escaped *e, char c)
{
	if (!e->in_line && (c == ' ' || c == '\n'))
		return;
	if (!e->in_line)
		fputs(e->more ? ", \"" : "\"", e->out);
	e->more = e->in_line = true;
	if (c == '\n') {
		putc('"', e->out);
		e->in_line = false;
	} else {
		if (c == '\\')
			putc('\\', e->out);
		put_char(e->out, c, ESCAPE_LINES);
	}
}

static ssize_t on_write(void *cookie, const char *data, size_t size)
{
	struct escaped *e = cookie;

	for (size_t i = 0; i < size; i++) {
		if (e->how == ESCAPE_LINES)
			put_line_char(e, data[i]);
		else
			put_char(e->out, data[i], e->how);
	}
	return (ssize_t)size;
}

static int on_close(void *cookie)
{
	struct escaped *e = cookie;

	if (e->in_line)
		putc('"', e->out);
	free(e);
	return 0;
}

FILE *escape__open(FILE *out, enum escape how)
{
	const cookie_io_functions_t functions = {.write = on_write, .close = on_close};
	struct escaped *e = calloc(1, sizeof(*e));
	FILE *stream;

	if (!e)
		return NULL;
	e->out = out;
	e->how = how;
	stream = fopencookie(e, "w", functions);
	if (!stream)
		free(e);
	return stream;
}
