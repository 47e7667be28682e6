// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope config: shows the defaults that are set in the user's file. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "commands/command.h"
#include "commands/command_line.h"
#include "commands/defaults.h"

static const struct option_row config_option_rows[] = {{0}};

static const char usage[] =
	"usage: gilscope config\n"
	"\n"
	"Shows which defaults are set for the options of the commands, and where. They\n"
	"are in $XDG_CONFIG_HOME/gilscope/config or ~/.config/gilscope/config, in\n"
	"sections for commands, with the names of long options. What is on the command\n"
	"line comes after them, and --no-config leaves them out.\n"
	"\n"
	"  [stat top]\n"
	"  color = never\n"
	"  no-follow\n"
	"\n"
	"Only a file counts that belongs to the user whose rights gilscope has, or to\n"
	"root, and to which nobody else may write: under sudo, it is root's.\n";

static const char examples[] = "EXAMPLES\n"
			       "  gilscope config              what is set, and in which line\n"
			       "  sudo gilscope config         what is set for root\n"
			       "\n"
			       "EXIT STATUS\n"
			       "  0; 2 usage error, or a line of the file is wrong\n";

static int check(void *ctx, int argc, char **argv, int rest, struct failure *f)
{
	(void)ctx;
	if (rest == argc)
		return 0;
	failure__what(f, "unexpected argument '%s': config takes none", argv[rest]);
	return -EINVAL;
}

#define ASKED(name, summary) {#name, cmd_##name},

static int show(void *ctx, struct failure *f)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {COMMANDS(ASKED)};
	int status = EXIT_STATUS_OK;
	const struct defaults *d;

	(void)ctx;
	if (defaults__read(&d, f))
		return EXIT_STATUS_USAGE;
	if (d->not_read) {
		failure__say("no defaults: %s%s%s", d->path, d->path[0] ? ": " : "", d->not_read);
		return EXIT_STATUS_OK;
	}
	failure__say("defaults of %s:", d->path);
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		char name[16], request[] = DEFAULTS_REQUEST, *argv[] = {name, request, NULL};

		snprintf(name, sizeof(name), "%s", commands[i].name);
		if (commands[i].run != cmd_config && commands[i].run(2, argv))
			status = EXIT_STATUS_USAGE;
	}
	return status;
}

int cmd_config(int argc, char **argv)
{
	const struct option_group groups[] = {{"Options", config_option_rows, NULL}, {0}};
	const struct command_line line = {.usage = usage,
					  .examples = examples,
					  .groups = groups,
					  .check = check,
					  .run = show,
					  .words = ""};

	return command_line__run(&line, argc, argv);
}
