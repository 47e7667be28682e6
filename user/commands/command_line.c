// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "commands/command_line.h"
#include "commands/complete.h"
#include "commands/defaults.h"

static void print_help(const struct command_line *c)
{
	printf("%s\n", c->usage);
	options__help(c->groups, stdout);
	printf("\n%s", c->examples);
}

/* Sets the user's defaults. Returns how many, or -errno with f filled. */
static int set_defaults(const struct command_line *c, int argc, char **argv, struct failure *f)
{
	const struct defaults *d;
	int err;

	/* A command without options works even if the file is wrong. */
	if (!c->groups[0].rows[0].name ||
	    options__no_config(c->groups, argc, argv, c->words && !strcmp(c->words, ":files")))
		return 0;
	err = defaults__read(&d, f);
	return err ?: defaults__apply(d, argv[0], c->groups, f);
}

int command_line__run(const struct command_line *c, int argc, char **argv)
{
	int rest, status = EXIT_STATUS_USAGE, err, nr_defaults;
	struct failure f = {0};

	if (argc > 1 && !strcmp(argv[1], COMPLETE_REQUEST)) {
		complete__words(c, argc, argv);
		return EXIT_STATUS_OK;
	}
	if (argc > 1 && !strcmp(argv[1], DEFAULTS_REQUEST))
		return defaults__show(argv[0], c->groups);
	nr_defaults = set_defaults(c, argc, argv, &f);
	err = nr_defaults < 0 ? nr_defaults : options__parse(c->groups, argc, argv, &rest, &f);
	if (err > 0) {
		print_help(c);
		return EXIT_STATUS_OK;
	}
	err = err ?: c->check(c->ctx, argc, argv, rest, &f);
	if (!err)
		status = c->run(c->ctx, &f);
	else if (!f.command[0])
		failure__command(&f, nr_defaults < 0 ? "gilscope config" : "gilscope %s --help",
				 argv[0]);
	if (err && nr_defaults > 0 && !f.cause[0])
		failure__cause(
			&f, "defaults were set, too, which gilscope config shows and --no-config "
			    "leaves out");
	if (f.what[0])
		failure__print(&f, stderr);
	return status;
}
