/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a command's words to its exit status: what every command does in the same way. */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include "core/base/options.h"

struct command_line {
	const char *usage;    /* the help before the options: how to call it, and what it does */
	const char *examples; /* and behind them */
	const struct option_group *groups;
	/* What the words say together; those from argv[rest] on are no options. 0, or -errno with f. */
	int (*check)(void *ctx, int argc, char **argv, int rest, struct failure *f);
	/* The exit status; f is printed if it says anything. */
	int (*run)(void *ctx, struct failure *f);
	void *ctx; /* handed to both */
};

/* Prints the help, or checks and runs. The exit status. */
int command_line__run(const struct command_line *c, int argc, char **argv);

#endif
