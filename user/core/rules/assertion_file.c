// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sets of rules, and the files they come from. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/rules/assertion.h"

#define MAX_RULES 1000
#define MAX_FILES 64 /* including included files, so a file that includes itself ends here */
#define MAX_SIZE  (1 << 20)

void assertion_set__clear(struct assertion_set *set)
{
	for (size_t i = 0; i < set->nr_files; i++)
		free(set->files[i]);
	free(set->files);
	free(set->list);
	memset(set, 0, sizeof(*set));
}

static int add(struct assertion_set *set, const char *text, const char *file, unsigned int line,
	       struct failure *f)
{
	struct assertion_error e;
	struct assertion *list;
	char place[256] = "--assert";
	int err;

	if (file)
		snprintf(place, sizeof(place), "%.240s:%u", file, line);
	if (set->nr == MAX_RULES) {
		failure__what(f, "%s: more than %d rules", place, MAX_RULES);
		return -EINVAL;
	}
	list = reallocarray(set->list, set->nr + 1, sizeof(*list));
	if (!list) {
		failure__what(f, "out of memory");
		return -ENOMEM;
	}
	set->list = list;
	err = assertion__parse(&list[set->nr], text, &e);
	if (err) {
		assertion_error__tell(&e, place, text, f);
		return err;
	}
	list[set->nr].file = file;
	list[set->nr].line = line;
	set->nr++;
	return 0;
}

int assertion_set__add(struct assertion_set *set, const char *text, struct failure *f)
{
	return add(set, text, NULL, 0, f);
}

/* ---- files ---- */

static int read_system(void *ctx, const char *path, char **text, size_t *size)
{
	FILE *in = fopen(path, "re");
	int err = 0;

	(void)ctx;
	*text = NULL;
	if (!in)
		return -errno;
	*text = malloc(MAX_SIZE + 1);
	*size = *text ? fread(*text, 1, MAX_SIZE + 1, in) : 0;
	if (!*text)
		err = -ENOMEM;
	else if (ferror(in))
		err = errno ? -errno : -EIO;
	fclose(in);
	if (err) {
		free(*text);
		*text = NULL;
	}
	return err;
}

/* Keeps the name of a file for its rules. NULL if there is no memory. */
static char *keep_name(struct assertion_set *set, const char *path)
{
	char **files = reallocarray(set->files, set->nr_files + 1, sizeof(*files));

	if (!files)
		return NULL;
	set->files = files;
	files[set->nr_files] = strdup(path);
	return files[set->nr_files] ? files[set->nr_files++] : NULL;
}

static int read_file(struct assertion_set *set, const char *path,
		     const struct assertion_reader *reader, struct failure *f);

/* The path that an include names, relative to the including file; NULL if there is none. */
static char *included_path(const char *file, const char *argument)
{
	const char *slash = strrchr(file, '/');
	int folder = slash && argument[0] != '/' ? (int)(slash - file) + 1 : 0;
	size_t length = strlen(argument);
	char *path = NULL;

	if (length > 1 && argument[0] == '"' && argument[length - 1] == '"') {
		folder = argument[1] == '/' ? 0 : slash ? (int)(slash - file) + 1 : 0;
		argument++;
		length -= 2;
	}
	if (!length || memchr(argument, '"', length) ||
	    asprintf(&path, "%.*s%.*s", folder, file, (int)length, argument) < 0)
		return NULL;
	return path;
}

static int include(struct assertion_set *set, const char *line, const char *file, unsigned int nr,
		   const struct assertion_reader *reader, struct failure *f)
{
	const char *argument = line + strlen("include");
	char *path;
	int err;

	path = included_path(file, argument + strspn(argument, " \t"));
	if (!path) {
		failure__what(f, "%.200s:%u: include needs a file name: include \"FILE\"", file,
			      nr);
		return -EINVAL;
	}
	err = read_file(set, path, reader, f);
	free(path);
	return err;
}

/* Removes the comment of a line and the blanks around it, in place. A # within quotes is kept. */
static char *trim(char *line)
{
	bool quoted = false;
	char *end;

	line += strspn(line, " \t");
	for (end = line; *end; end++) {
		if (quoted && *end == '\\' && end[1])
			end++;
		else if (*end == '"')
			quoted = !quoted;
		else if (*end == '#' && !quoted &&
			 (end == line || end[-1] == ' ' || end[-1] == '\t'))
			break;
	}
	while (end > line && strchr(" \t\r", end[-1]))
		end--;
	*end = '\0';
	return line;
}

static int parse_line(struct assertion_set *set, char *line, const char *file, unsigned int nr,
		      const struct assertion_reader *reader, struct failure *f)
{
	size_t word = strlen("include");

	line = trim(line);
	if (!*line)
		return 0;
	if (!strncmp(line, "include", word) && strchr(" \t\"", line[word]))
		return include(set, line, file, nr, reader, f);
	return add(set, line, file, nr, f);
}

static int parse_text(struct assertion_set *set, char *text, size_t size, const char *file,
		      const struct assertion_reader *reader, struct failure *f)
{
	unsigned int nr = 0;
	int err = 0;

	if (memchr(text, '\0', size)) {
		failure__what(f, "%.200s is not text", file);
		return -EINVAL;
	}
	text[size] = '\0';
	while (!err && text) {
		char *line = strsep(&text, "\n");

		err = parse_line(set, line, file, ++nr, reader, f);
	}
	return err;
}

static int read_file(struct assertion_set *set, const char *path,
		     const struct assertion_reader *reader, struct failure *f)
{
	char *text = NULL, *grown, *name;
	size_t size = 0;
	int err;

	if (set->nr_files == MAX_FILES) {
		failure__what(f, "more than %d files of rules: %.200s", MAX_FILES, path);
		failure__cause(f, "a file may include itself");
		return -EINVAL;
	}
	err = reader->read(reader->ctx, path, &text, &size);
	if (err) {
		failure__what(f, "cannot read %.200s: %s", path, strerror(-err));
		failure__command(f, "ls -l %s", path);
		return err;
	}
	name = keep_name(set, path);
	grown = realloc(text, size + 1);
	if (!name || !grown) {
		failure__what(f, "out of memory");
		err = -ENOMEM;
	} else if (size > MAX_SIZE) {
		failure__what(f, "%.200s has more than %d bytes", path, MAX_SIZE);
		err = -EINVAL;
	}
	text = grown ? grown : text;
	err = err ?: parse_text(set, text, size, name, reader, f);
	free(text);
	return err;
}

int assertion_set__read(struct assertion_set *set, const char *path,
			const struct assertion_reader *reader, struct failure *f)
{
	static const struct assertion_reader system = {.read = read_system};

	return read_file(set, path, reader ? reader : &system, f);
}
