/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Compares text with the files in tests/golden (or in GOLDEN_DIR). UPDATE_GOLDEN=1 rewrites the
 * files: read the difference before you keep it.
 */
#ifndef GOLDEN_H
#define GOLDEN_H

#include <errno.h>
#include <stdbool.h>

#include "test.h"

static char *golden_read(const char *path)
{
	FILE *in = fopen(path, "r");
	char *text = NULL;
	size_t size = 0;
	ssize_t n;

	if (!in)
		return NULL;
	n = getdelim(&text, &size, '\0', in);
	fclose(in);
	if (n >= 0)
		return text;
	free(text);
	return NULL;
}

static void golden_write(const char *path, const char *text)
{
	FILE *out = fopen(path, "w");

	CHECK(out, "%.250s: %s", path, strerror(errno));
	fputs(text, out);
	fclose(out);
}

/* The line on which two texts first differ. */
static int golden_difference(const char *a, const char *b)
{
	int line = 1;

	for (; *a && *a == *b; a++, b++)
		line += *a == '\n';
	return line;
}

/* Fails the test unless the file has this text. Frees the text. */
static void golden_check(const char *name, char *got)
{
	const char *dir = getenv("GOLDEN_DIR"), *update = getenv("UPDATE_GOLDEN");
	char path[256];
	char *want;
	int line = 0;

	snprintf(path, sizeof(path), "%s/%s", dir ? dir : "tests/golden", name);
	if (update && update[0] == '1')
		golden_write(path, got);
	want = golden_read(path);
	if (want)
		line = strcmp(got, want) ? golden_difference(got, want) : 0;
	free(got);
	CHECK(want, "%.250s: %s", path, strerror(errno));
	free(want);
	CHECK(!line, "%.250s: line %d differs", path, line);
}

#endif
