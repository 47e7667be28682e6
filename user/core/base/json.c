// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <math.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/utf8.h"

/* A terminal that shows the JSON must not take a name for a command, and not only ASCII has
 * controls. */
static void put_control(FILE *out, __u32 c)
{
	if (c > 0xffff)
		fprintf(out, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
			0xdc00 + (c & 0x3ff));
	else
		fprintf(out, "\\u%04x", c);
}

static void put_string(FILE *out, const char *s)
{
	size_t n;

	putc('"', out);
	for (; *s; s += n) {
		__u32 c = utf8__decode(s, &n);

		if (c == '"' || c == '\\')
			fprintf(out, "\\%c", (int)c);
		else if (c == '\n')
			fputs("\\n", out);
		else if (c == '\t')
			fputs("\\t", out);
		else if (c == UTF8_INVALID)
			fputs("\\ufffd", out);
		else if (utf8__columns(c) < 0)
			put_control(out, c);
		else
			fwrite(s, 1, n, out);
	}
	putc('"', out);
}

static bool is_inline(const struct json *j)
{
	return j->inline_depth && j->depth >= j->inline_depth;
}

static void new_line(struct json *j)
{
	putc('\n', j->out);
	for (unsigned int i = 0; i < j->depth; i++)
		fputs("  ", j->out);
}

static void begin(struct json *j, const char *key)
{
	if (j->started)
		putc(',', j->out);
	if (is_inline(j))
		fputs(j->started ? " " : "", j->out);
	else if (j->depth)
		new_line(j);
	j->started = true;
	if (key) {
		put_string(j->out, key);
		fputs(": ", j->out);
	}
}

void json__open(struct json *j, const char *key, char bracket)
{
	begin(j, key);
	putc(bracket, j->out);
	j->depth++;
	j->started = false;
}

void json__open_inline(struct json *j, const char *key, char bracket)
{
	json__open(j, key, bracket);
	if (!j->inline_depth)
		j->inline_depth = j->depth;
}

void json__close(struct json *j, char bracket)
{
	bool on_one_line = is_inline(j) || !j->started;

	if (j->inline_depth == j->depth)
		j->inline_depth = 0;
	j->depth--;
	if (!on_one_line)
		new_line(j);
	putc(bracket, j->out);
	j->started = true;
}

void json__string(struct json *j, const char *key, const char *value)
{
	begin(j, key);
	put_string(j->out, value);
}

void json__text(struct json *j, const char *key, const char *value)
{
	if (value && *value)
		json__string(j, key, value);
	else
		json__null(j, key);
}

void json__name(struct json *j, const char *key, const char *name, size_t size)
{
	char copy[64];

	snprintf(copy, sizeof(copy), "%.*s", (int)size, name);
	json__string(j, key, copy);
}

void json__integer(struct json *j, const char *key, __u64 value)
{
	begin(j, key);
	fprintf(j->out, "%llu", (unsigned long long)value);
}

void json__integer_if(struct json *j, const char *key, bool known, __u64 value)
{
	if (known)
		json__integer(j, key, value);
	else
		json__null(j, key);
}

void json__signed(struct json *j, const char *key, long long value)
{
	begin(j, key);
	fprintf(j->out, "%lld", value);
}

/* Uses integers, because printf's decimal point depends on the locale, and JSON's does not. */
void json__real(struct json *j, const char *key, double value)
{
	unsigned long long millionths;

	if (!isfinite(value) || fabs(value) > 1e12) {
		json__null(j, key);
		return;
	}
	begin(j, key);
	millionths = (unsigned long long)(fabs(value) * 1e6 + 0.5);
	fprintf(j->out, "%s%llu.%06llu", value < 0 && millionths ? "-" : "", millionths / 1000000,
		millionths % 1000000);
}

void json__bool(struct json *j, const char *key, bool value)
{
	begin(j, key);
	fputs(value ? "true" : "false", j->out);
}

void json__null(struct json *j, const char *key)
{
	begin(j, key);
	fputs("null", j->out);
}
