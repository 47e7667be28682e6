/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The commands. Each has a file cmd_*.c and a row in the table in main.c. */
#ifndef COMMAND_H
#define COMMAND_H

struct command {
	const char *name;
	const char *summary; /* for the list in --help */
	int (*run)(int argc,
		   char **argv); /* argv[0] is the command's name; returns the exit status */
};

int cmd_check(int argc, char **argv);
int cmd_metrics(int argc, char **argv);
int cmd_record(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_stat(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_top(int argc, char **argv);

#endif
