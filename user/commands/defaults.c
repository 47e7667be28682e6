// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "commands/command.h"
#include "commands/defaults.h"

#define MOST 65536

/* It is kept until the end, as options point into it. */
static struct defaults the_defaults;
static char the_text[MOST];
static bool is_read;

static void find_path(char path[PATH_MAX])
{
	const char *folder = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n = -1;

	/* The specification passes over what is no absolute path. */
	if (folder && folder[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/gilscope/config", folder);
	else if (home && home[0] == '/')
		n = snprintf(path, PATH_MAX, "%s/.config/gilscope/config", home);
	if (n < 0 || n >= PATH_MAX)
		path[0] = '\0';
}

static const char *read_text(const char *path)
{
	/* Without waiting for a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	const char *why = NULL;
	struct stat st;
	ssize_t n = 0;

	if (fd < 0)
		return strerror(errno);
	if (fstat(fd, &st))
		why = strerror(errno);
	why = why ?: config__refusal(st.st_uid, st.st_mode, geteuid());
	if (!why && st.st_size >= MOST)
		why = "it is larger than 64 KiB";
	while (!why && (n = read(fd, the_text + strlen(the_text), MOST - 1 - strlen(the_text))) > 0)
		;
	if (n < 0)
		why = strerror(errno);
	close(fd);
	return why;
}

int defaults__read(const struct defaults **d, struct failure *f)
{
#define KNOWN(name, summary) " " #name
	static const char known[] = COMMANDS(KNOWN) " ";
#undef KNOWN
	struct defaults *all = &the_defaults;

	*d = all;
	if (is_read)
		return 0;
	is_read = true;
	find_path(all->path);
	all->not_read = all->path[0] ? read_text(all->path) : "there is no home folder";
	if (all->not_read)
		return 0;
	return config__parse(&all->config, the_text, all->path, known, f);
}

/* A target, and where figures come from, belong on the command line. */
static bool is_no_default(const char *name)
{
	static const char *const names[] = {"pid",       "name", "unit",  "cgroup",
					    "container", "all",  "input", "no-config"};

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

int defaults__apply(const struct defaults *d, const char *command,
		    const struct option_group *groups, struct failure *f)
{
	int applied = 0;

	for (size_t i = 0; i < d->config.nr; i++) {
		const struct config_line *line = &d->config.lines[i];
		struct failure why = {0};
		int err = 0;

		if (!config_line__is_for(line, command))
			continue;
		if (is_no_default(line->name)) {
			failure__what(&why, "--%s cannot be a default", line->name);
			err = -EINVAL;
		}
		err = err ?: options__set(groups, line->name, line->value, &why);
		if (err) {
			failure__what(f, "%s:%d: %s", d->path, line->number,
				      why.what[0] ? why.what : strerror(-err));
			return err;
		}
		applied++;
	}
	return applied;
}

int defaults__show(const char *command, const struct option_group *groups)
{
	const struct defaults *d;
	struct failure f = {0};

	if (defaults__read(&d, &f) || defaults__apply(d, command, groups, &f) < 0) {
		failure__print(&f, stderr);
		return EXIT_STATUS_USAGE;
	}
	for (size_t i = 0; i < d->config.nr; i++) {
		const struct config_line *line = &d->config.lines[i];

		if (config_line__is_for(line, command))
			printf("  %-10s --%s%s%s  (line %d)\n", command, line->name,
			       line->value ? " " : "", line->value ? line->value : "",
			       line->number);
	}
	return EXIT_STATUS_OK;
}
