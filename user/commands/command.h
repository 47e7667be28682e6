/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of commands. Each has a file cmd_NAME.c, with a function cmd_NAME. */
#ifndef COMMAND_H
#define COMMAND_H

/* X(name, summary for the list in --help) */
#define COMMANDS(X)                                                                                \
	X(stat, "print a summary when the target ends, or at Ctrl-C")                              \
	X(top, "show a live dashboard")                                                            \
	X(record, "record every event to a file")                                                  \
	X(report, "summarize or export a recording")                                               \
	X(check, "check rules about the GIL, for CI")                                              \
	X(metrics, "list the metrics that rules can use")                                          \
	X(doctor, "find out what can be observed here, and what prevents it")                      \
	X(config, "show the defaults of options that a file sets")                                 \
	X(completion, "print a script that completes command lines, for a shell")

/* argv[0] is the command's name. Returns the exit status. */
#define COMMAND_FUNCTION(name, summary) int cmd_##name(int argc, char **argv);
COMMANDS(COMMAND_FUNCTION)

#endif
