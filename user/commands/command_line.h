/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What every command does in the same way, from its command line to its exit status. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include "core/base/options.h"

struct command_line {
	const char *usage;    /* start of the help: the synopsis and what the command does */
	const char *examples; /* end of the help, after the options */
	const struct option_group *groups;
	/* Checks the options against each other; argv[rest] is the first word that is not an
	 * option. Returns 0, or -errno with f filled. */
	int (*check)(void *ctx, int argc, char **argv, int rest, struct failure *f);
	/* Returns the exit status. f is printed if it was filled. */
	int (*run)(void *ctx, struct failure *f);
	void *ctx; /* passed to both */
	/* For the completion: what its words are that are no options: ":files", ":command", or the
	 * words themselves, "bash|zsh|fish"; NULL: a command to launch, after "--". */
	const char *words;
};

/* Parses the options, then prints the help, or checks and runs. Returns the exit status. */
int command_line__run(const struct command_line *c, int argc, char **argv);

#endif
