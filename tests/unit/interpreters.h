/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* All CPythons from 3.8 on of this machine: Debian's, pyenv's, those of tests/interpreters, and those in
 * GILSCOPE_PYTHONS, which separates paths by colons. */
#ifndef INTERPRETERS_H
#define INTERPRETERS_H

#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_INTERPRETERS 32

struct interpreters {
	char path[MAX_INTERPRETERS][PATH_MAX];
	int n;
};

static inline void add_interpreter(struct interpreters *i, const char *path)
{
	for (int k = 0; k < i->n; k++)
		if (!strcmp(i->path[k], path))
			return;
	if (i->n < MAX_INTERPRETERS && strlen(path) < PATH_MAX && !access(path, X_OK))
		strcpy(i->path[i->n++], path);
}

/* The last part of each name must be python3, a point, and digits, perhaps with a `d` or `t`. */
static inline void add_matching(struct interpreters *i, const char *folder, const char *pattern)
{
	char all[PATH_MAX];
	glob_t g;

	snprintf(all, sizeof(all), "%s/%s", folder, pattern);
	if (glob(all, 0, NULL, &g))
		return;
	for (size_t k = 0; k < g.gl_pathc; k++) {
		const char *s = strrchr(g.gl_pathv[k], '/') + 1 + strlen("python3.");

		if (atoi(s) < 8)
			continue;
		s += strspn(s, "0123456789");
		if (s[s[0] != '\0'] == '\0' && (!s[0] || s[0] == 'd' || s[0] == 't'))
			add_interpreter(i, g.gl_pathv[k]);
	}
	globfree(&g);
}

/* Those that need a root directory of their own need root. */
static inline void find_interpreters(struct interpreters *i)
{
	const char *pyenv = getenv("PYENV_ROOT"), *cache = getenv("GILSCOPE_CACHE"),
		   *home = getenv("HOME"), *more = getenv("GILSCOPE_PYTHONS");
	char folder[PATH_MAX / 2], *copy, *rest, *path;

	i->n = 0;
	add_interpreter(i, "/usr/bin/python3");
	snprintf(folder, sizeof(folder), "%s/versions", pyenv ?: "");
	if (!pyenv)
		snprintf(folder, sizeof(folder), "%s/.pyenv/versions", home ?: "/root");
	add_matching(i, folder, "3.*/bin/python3.*");
	snprintf(folder, sizeof(folder), "%s/bin", cache ?: "");
	if (!cache)
		snprintf(folder, sizeof(folder), "%s/.cache/gilscope/bin", home ?: "/root");
	if (!getuid())
		add_matching(i, folder, "python3.*");
	rest = copy = more ? strdup(more) : NULL;
	while ((path = strsep(&rest, ":")))
		add_interpreter(i, path);
	free(copy);
}

#endif
