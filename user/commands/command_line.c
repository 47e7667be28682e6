// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "commands/command_line.h"
#include "commands/complete.h"

static void print_help(const struct command_line *c)
{
	printf("%s\n", c->usage);
	options__help(c->groups, stdout);
	printf("\n%s", c->examples);
}

int command_line__run(const struct command_line *c, int argc, char **argv)
{
	int rest, status = EXIT_STATUS_USAGE, err;
	struct failure f = {0};

	if (argc > 1 && !strcmp(argv[1], COMPLETE_REQUEST)) {
		complete__words(c, argc, argv);
		return EXIT_STATUS_OK;
	}
	err = options__parse(c->groups, argc, argv, &rest, &f);
	if (err > 0) {
		print_help(c);
		return EXIT_STATUS_OK;
	}
	err = err ?: c->check(c->ctx, argc, argv, rest, &f);
	if (!err)
		status = c->run(c->ctx, &f);
	else if (!f.command[0])
		failure__command(&f, "gilscope %s --help", argv[0]);
	if (f.what[0])
		failure__print(&f, stderr);
	return status;
}
