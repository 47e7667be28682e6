// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/locale.h"
#include "core/base/output_file.h"
#include "core/base/version.h"
#include "commands/output.h"

int output__open(struct output *out, const char *path, struct failure *f)
{
	struct output_file file;
	int err;

	*out = (struct output){.stream = stdout};
	if (!path || !strcmp(path, "-"))
		return 0;
	out->path = path;
	err = output_file__open(&file, path, OUTPUT_REPLACE);
	out->created = file.created;
	out->is_regular = file.is_regular;
	out->stream = err ? NULL : fdopen(file.fd, "w");
	if (out->stream)
		return 0;
	return output_file__explain(path, err ?: -errno, f);
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
	return out->is_regular && ftruncate(fileno(out->stream), 0) ? -errno : 0;
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

struct render_options output__look(const struct output *out)
{
	const char *no_colour = getenv("NO_COLOR");

	return (struct render_options){
		.colour = isatty(fileno(out->stream)) && !(no_colour && *no_colour),
		.ascii = !locale__is_utf8(),
		.width = terminal_width(out->stream),
		.version = GILSCOPE_VERSION,
	};
}
