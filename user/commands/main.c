// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "commands/command.h"
#include "core/base/failure.h"
#include "edge/kernel/build_info.h"

static const struct command command_table[] = {
	{"stat", "print a summary when the target ends, or at Ctrl-C", cmd_stat},
	{"top", "show a live dashboard", cmd_top},
	{"record", "record every event to a file", cmd_record},
	{"report", "summarize or export a recording", cmd_report},
	{"check", "check rules about the GIL, for CI", cmd_check},
	{"metrics", "list the metrics that rules can use", cmd_metrics},
	{"doctor", "find out what can be observed here, and what prevents it", cmd_doctor},
	{0},
};

static void print_usage(FILE *out)
{
	fputs("usage: gilscope COMMAND [OPTIONS] [TARGET]\n"
	      "\n"
	      "gilscope shows what CPython's Global Interpreter Lock does to a running program.\n"
	      "\n",
	      out);
	for (const struct command *c = command_table; c->name; c++)
		fprintf(out, "  %-8s %s\n", c->name, c->summary);
	fputs("\n"
	      "TARGET is one of: -p PID[,PID...]   -- COMMAND [ARGS...]   --all\n"
	      "\n"
	      "  gilscope COMMAND --help    the options of a command, with examples\n"
	      "  gilscope --version\n"
	      "\n"
	      "EXAMPLES\n"
	      "  gilscope stat -- python3 app.py\n"
	      "  gilscope stat -p 1234 -d 10\n"
	      "  gilscope top -p 1234\n"
	      "  gilscope check --assert 'hold.max < 50ms' -- pytest\n",
	      out);
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";

	/* A parent that ignores SIGCHLD passes that on to us. The kernel would then keep no child's
	 * exit status. */
	signal(SIGCHLD, SIG_DFL);
	if (!strcmp(name, "-h") || !strcmp(name, "--help") || !strcmp(name, "help")) {
		print_usage(argc > 1 ? stdout : stderr);
		return argc > 1 ? EXIT_STATUS_OK : EXIT_STATUS_USAGE;
	}
	if (!strcmp(name, "-V") || !strcmp(name, "--version")) {
		build_info__print(stdout);
		return EXIT_STATUS_OK;
	}
	for (const struct command *c = command_table; c->name; c++)
		if (!strcmp(c->name, name))
			return c->run(argc - 1, argv + 1);
	fprintf(stderr, "gilscope: unknown command '%s'\n  try: gilscope --help\n", name);
	return EXIT_STATUS_USAGE;
}
