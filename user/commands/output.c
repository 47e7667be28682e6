// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/base/colour.h"
#include "core/base/locale.h"
#include "core/base/version.h"
#include "commands/output.h"

int output__open(struct output *out, const char *path, bool force, struct failure *f)
{
	int err;

	*out = (struct output){.stream = stdout};
	if (!path || !strcmp(path, "-"))
		return 0;
	out->path = path;
	out->stream = NULL;
	err = output_file__open(&out->file, path, OUTPUT_REPLACE, force, f);
	if (err)
		return err;
	out->stream = fdopen(out->file.fd, "w");
	if (out->stream)
		return 0;
	close(out->file.fd);
	output_file__drop(&out->file);
	failure__what(f, "out of memory");
	return -ENOMEM;
}

const char *output__default(const struct observe_options *o)
{
	return o->target.argv ? "/dev/stderr" : NULL;
}

bool output__is_stdout(const char *path)
{
	return !path || !strcmp(path, "-") || !strcmp(path, "/dev/stdout") ||
	       !strcmp(path, "/dev/fd/1") || !strcmp(path, "/proc/self/fd/1");
}

int output__check(const struct observe_options *o, const struct output_wish *wishes, size_t n,
		  char **argv, struct failure *f)
{
	if (!o->target.argv || o->command_output)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (!wishes[i].option || !output__is_stdout(wishes[i].path))
			continue;
		failure__what(f,
			      "%s and the command would both write to standard output: use a file, "
			      "or --command-output",
			      wishes[i].option);
		failure__command(f, "gilscope %s --command-output %s", argv[0],
				 COMMAND_OUTPUT_STDERR);
		for (int word = 1; argv[word]; word++)
			failure__word(f, argv[word]);
		return -EINVAL;
	}
	return 0;
}

void output__drop(struct output *out)
{
	if (!out->path || !out->stream)
		return;
	fclose(out->stream);
	out->stream = NULL;
	output_file__drop(&out->file);
}

capabilities output__needs(const struct output *out)
{
	return out->file.needs_rights ? output_file__rights() : 0;
}

int output__end(struct output *out, int err, struct failure *f)
{
	bool written;

	if (out->path && out->stream && fclose(out->stream) && !err)
		err = -errno;
	out->stream = NULL;
	written = !err;
	if (written && out->path)
		err = output_file__publish(&out->file);
	if (written && err)
		return output_file__explain(&out->file, err, f);
	if (out->path)
		output_file__drop(&out->file);
	if (err) {
		failure__what(f, "cannot write the report to %s: %s",
			      out->path ? out->path : "standard output", strerror(-err));
		failure__command(f, "df -h %s", out->path ? out->path : ".");
	}
	return err;
}

static int terminal_width(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	int wanted = columns ? atoi(columns) : 0;

	/* Who exports COLUMNS means it. */
	if (wanted > 0 && wanted < 10000)
		return wanted;
	return ioctl(fd, TIOCGWINSZ, &size) ? 0 : size.ws_col;
}

int output__stderr_width(void)
{
	return isatty(2) ? terminal_width(2) : 0;
}

/* What --color says. */
static int colour_when = COLOUR_AUTO;

int output__set_colour(void *options, const char *value, struct failure *f)
{
	(void)options;
	return options__choice(value, COLOUR_CHOICES, &colour_when, f);
}

bool output__is_coloured(bool terminal, bool *asked)
{
	const struct colour_environment env = {
		.no_color = getenv("NO_COLOR"),
		.clicolor_force = getenv("CLICOLOR_FORCE"),
		.term = getenv("TERM"),
	};

	if (asked)
		*asked = colour_when != COLOUR_AUTO;
	return colour__wanted((enum colour_when)colour_when, &env, terminal);
}

struct render_options output__look(const struct output *out)
{
	return (struct render_options){
		.colour = output__is_coloured(isatty(fileno(out->stream)), NULL),
		.ascii = !locale__is_utf8(),
		.width = terminal_width(fileno(out->stream)),
		.version = GILSCOPE_VERSION,
	};
}
