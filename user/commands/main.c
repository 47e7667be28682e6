// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <string.h>

#include "commands/command.h"
#include "commands/complete.h"
#include "commands/output.h"
#include "core/base/failure.h"
#include "core/base/suggest.h"
#include "edge/kernel/build_info.h"
#include "edge/observe/launch.h"

#define ROW(name, summary) {#name, summary, cmd_##name},
static const struct {
	const char *name;
	const char *summary;
	int (*run)(int argc, char **argv);
} command_table[] = {COMMANDS(ROW)};

#define NR_COMMANDS (sizeof(command_table) / sizeof(*command_table))

static void print_usage(FILE *out)
{
	fputs("usage: gilscope COMMAND [OPTIONS] [TARGET]\n"
	      "\n"
	      "gilscope shows what CPython's Global Interpreter Lock does to a running program.\n"
	      "\n",
	      out);
	for (size_t i = 0; i < NR_COMMANDS; i++)
		fprintf(out, "  %-10s %s\n", command_table[i].name, command_table[i].summary);
	fputs("\n"
	      "TARGET is one of: -p PID[,PID...]   -- COMMAND [ARGS...]   --all   --name NAME\n"
	      "                  --unit UNIT   --cgroup PATH   --container ID\n"
	      "\n"
	      "  gilscope COMMAND --help    the options of a command, with examples\n"
	      "  gilscope --version\n"
	      "\n"
	      "EXAMPLES\n"
	      "  gilscope stat -- python3 app.py\n"
	      "  gilscope stat -p 1234 -d 10\n"
	      "  gilscope top --name gunicorn\n"
	      "  gilscope check --assert 'hold.max < 50ms' -- pytest\n",
	      out);
}

static void offer_commands(const char *typed)
{
	for (size_t i = 0; i < NR_COMMANDS; i++)
		complete__offer(typed, command_table[i].name, command_table[i].summary);
	complete__offer(typed, "--help", "list the commands");
	complete__offer(typed, "--version", "print the version");
}

/* A number is probably the process to observe, and a program the one to run. */
static void explain_unknown(const char *name, struct failure *f)
{
	struct suggestion s = suggest__begin(name, strlen(name));

	for (size_t i = 0; i < NR_COMMANDS; i++)
		suggest__offer(&s, command_table[i].name, strlen(command_table[i].name));
	failure__what(
		f, s.best[0] ? "unknown command '%s' (did you mean %s?)" : "unknown command '%s'",
		name, s.best);
	if (*name == '-')
		failure__cause(f, "options follow the command");
	if (*name && strspn(name, "0123456789") == strlen(name))
		failure__command(f, "gilscope stat -p %s", name);
	else if (!s.best[0] && (!strncmp(name, "python", strlen("python")) || strchr(name, '/')))
		failure__command(f, "gilscope stat -- %s", name);
	else
		failure__command(f, "gilscope --help");
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "--help";
	struct failure f = {0};

	launch__begin();
	failure__set_width(output__stderr_width());
	if (!strcmp(name, COMPLETE_REQUEST)) {
		offer_commands(argc > 2 ? argv[2] : "");
		return EXIT_STATUS_OK;
	}
	if (!strcmp(name, "-h") || !strcmp(name, "--help") || !strcmp(name, "help")) {
		print_usage(argc > 1 ? stdout : stderr);
		return argc > 1 ? EXIT_STATUS_OK : EXIT_STATUS_USAGE;
	}
	if (!strcmp(name, "-V") || !strcmp(name, "--version")) {
		build_info__print(stdout);
		return EXIT_STATUS_OK;
	}
	for (size_t i = 0; i < NR_COMMANDS; i++)
		if (!strcmp(command_table[i].name, name))
			return command_table[i].run(argc - 1, argv + 1);
	explain_unknown(name, &f);
	failure__print(&f, stderr);
	return EXIT_STATUS_USAGE;
}
