// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* report --verify: is the replay exact? */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "commands/report_verify.h"
#include "core/base/format.h"
#include "core/base/locale.h"
#include "core/base/version.h"
#include "core/report/render.h"

/* Returns what is in the file, or NULL. The caller frees it. */
static char *read_back(FILE *file)
{
	long size = ftell(file);
	char *text = size < 0 ? NULL : malloc((size_t)size + 1);

	if (!text)
		return NULL;
	rewind(file);
	if (fread(text, 1, (size_t)size, file) != (size_t)size) {
		free(text);
		return NULL;
	}
	text[size] = '\0';
	return text;
}

/* The JSON goes through a file in memory: a stream of open_memstream() that runs out of memory loses
 * characters without remembering that. */
static char *render(const struct snapshot *s)
{
	const struct render_options look = {.version = GILSCOPE_VERSION};
	int fd = memfd_create("gilscope", MFD_CLOEXEC);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "w+");
	char *text = NULL;

	if (file && s && !render_json(file, s, &look))
		text = read_back(file);
	if (file)
		fclose(file);
	else if (fd >= 0)
		close(fd);
	return text;
}

/* Prints the first lines that differ. */
static void tell_difference(const char *replayed, const char *kept)
{
	const char *a = replayed, *b = kept;
	int line = 1;

	for (; *a && *a == *b; a++, b++)
		line += *a == '\n';
	while (a > replayed && a[-1] != '\n')
		a--, b--;
	printf("the JSON differs from line %d on:\n  replay: %.*s\n  kernel: %.*s\n", line,
	       (int)strcspn(a, "\n"), a, (int)strcspn(b, "\n"), b);
}

int report_verify(struct replay *r, const char *path, struct failure *f)
{
	const struct snapshot *figures;
	struct snapshot *s;
	char *replayed, *kept;
	int status = EXIT_STATUS_USAGE;

	if (replay__is_filtered(r)) {
		failure__what(f, "%s has only the long waits and holds", path);
		failure__cause(f,
			       "the kernel's figures count all of them, so a replay cannot match");
		return status;
	}
	if (replay__run(r, ~0ULL, f) < 0)
		return status;
	figures = replay__kernel_figures(r);
	if (!figures) {
		failure__what(f, "%s does not contain the kernel's figures", path);
		failure__cause(
			f, "it is cut off, comes from a flight recorder, or ended at --max-size");
		return status;
	}
	s = replay__snapshot(r);
	replayed = render(s);
	kept = render(figures);
	snapshot__free(s);
	if (!replayed || !kept) {
		failure__what(f, "out of memory");
	} else if (!strcmp(replayed, kept)) {
		printf("%s: a replay of %s edges gives exactly the figures that the kernel kept\n",
		       format_sentence(path, sizeof(struct format_long), !locale__is_utf8()).s,
		       format_count(replay__condition(r)->edges).s);
		status = EXIT_STATUS_OK;
	} else {
		tell_difference(replayed, kept);
		status = 1;
	}
	free(replayed);
	free(kept);
	return status;
}
