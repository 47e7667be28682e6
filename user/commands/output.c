// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/version.h"
#include "commands/output.h"

int output__open(struct output *out, const char *path, struct failure *f)
{
	int fd;

	*out = (struct output){.stream = stdout};
	if (!path || !strcmp(path, "-"))
		return 0;
	out->path = path;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	out->created = fd >= 0;
	if (fd < 0)
		fd = open(path, O_WRONLY | O_CLOEXEC);
	out->stream = fd < 0 ? NULL : fdopen(fd, "w");
	if (out->stream)
		return 0;
	failure__what(f, "cannot write to %s: %s", path, strerror(errno));
	failure__command(f, "ls -ld \"$(dirname %s)\"", path);
	return -errno;
}

void output__drop(struct output *out)
{
	if (!out->path || !out->stream)
		return;
	fclose(out->stream);
	out->stream = NULL;
	if (out->created)
		unlink(out->path);
}

int output__begin(struct output *out)
{
	struct stat st;
	int fd = fileno(out->stream);

	if (out->path && !fstat(fd, &st) && S_ISREG(st.st_mode) && ftruncate(fd, 0))
		return -errno;
	return 0;
}

int output__end(struct output *out, int err, struct failure *f)
{
	if (out->path && out->stream && fclose(out->stream) && !err)
		err = -errno;
	out->stream = NULL;
	if (err) {
		failure__what(f, "cannot write the report to %s: %s",
			      out->path ? out->path : "standard output", strerror(-err));
		failure__command(f, "df -h %s", out->path ? out->path : ".");
	}
	return err;
}

static int terminal_width(FILE *out)
{
	struct winsize size;

	return ioctl(fileno(out), TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

static bool is_utf8_locale(void)
{
	const char *name = getenv("LC_ALL");

	if (!name || !*name)
		name = getenv("LC_CTYPE");
	if (!name || !*name)
		name = getenv("LANG");
	return name && (strcasestr(name, "UTF-8") || strcasestr(name, "utf8"));
}

struct render_options output__look(const struct output *out)
{
	const char *no_colour = getenv("NO_COLOR");

	return (struct render_options){
		.colour = isatty(fileno(out->stream)) && !(no_colour && *no_colour),
		.ascii = !is_utf8_locale(),
		.width = terminal_width(out->stream),
		.version = GILSCOPE_VERSION,
	};
}
