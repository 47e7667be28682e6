// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope doctor: finds out what can be observed here, and what prevents it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands/command.h"
#include "commands/command_line.h"
#include "edge/observe/doctor_look.h"
#include "commands/output.h"
#include "edge/proc/privilege.h"

struct doctor_options {
	const char *python; /* NULL: none */
	long long pid;      /* 0: none */
	int nr_pids;
	bool json, verbose;
};

static int set_pid(void *options, const char *value, struct failure *f)
{
	struct doctor_options *o = options;

	o->nr_pids++;
	return options__number(value, 1, 4194304, &o->pid, f);
}

static int set_json(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct doctor_options *)options)->json = true;
	return 0;
}

static int set_verbose(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct doctor_options *)options)->verbose = true;
	return 0;
}

static const struct option_row doctor_option_rows[] = {
	{'p', "pid", "PID", "also examine this process", set_pid},
	{0, "json", NULL, "print JSON (schema gilscope-doctor/1) instead of text", set_json},
	OUTPUT_COLOUR_ROW,
	{'v', "verbose", NULL, "show the messages of the BPF loader", set_verbose},
	{0},
};

static const char usage[] =
	"usage: gilscope doctor [OPTIONS] [-p PID | PYTHON]\n"
	"\n"
	"Reports what gilscope can observe here and what prevents it: the kernel, the\n"
	"required privileges, and a trial of the probes on gilscope itself. For a\n"
	"process or an interpreter's file, also reports its version and build, where its\n"
	"GIL is, and which source of edges would be used and why. A process is neither\n"
	"changed nor stopped; a file is read but not run.\n";

static const char examples[] =
	"EXAMPLES\n"
	"  sudo gilscope doctor                     does it work on this machine?\n"
	"  sudo gilscope doctor -p 1234             ... and with this process?\n"
	"  sudo gilscope doctor python3.14          ... and with this interpreter?\n"
	"  gilscope doctor --json | jq .command     what to try\n"
	"\n"
	"EXIT STATUS\n"
	"  0 it can be observed; 2 usage error, or the report could not be written; 4 it\n"
	"  cannot be observed\n";

static int take_subject(void *options, int argc, char **argv, int rest, struct failure *f)
{
	struct doctor_options *o = options;

	if (argc - rest + o->nr_pids > 1) {
		failure__what(f, "more than one subject given: use only one of -p PID and PYTHON");
		return -EINVAL;
	}
	o->python = argv[rest]; /* the NULL after the last word if there is none */
	return 0;
}

static int examine(void *options, struct failure *f)
{
	const struct doctor_options *o = options;
	const struct output out = {.stream = stdout};
	struct render_options ro = output__look(&out);
	struct doctor *d = calloc(1, sizeof(*d));
	int err = -ENOMEM, status = EXIT_STATUS_USAGE;

	if (d) {
		doctor_look__machine(&d->machine, o->verbose);
		privilege__keep(capability__least(privilege__have(),
						  CAPABILITIES_OTHERS | CAPABILITIES_MAPPED |
							  privilege__of_own_processes()));
		if (o->pid)
			doctor_look__process(&d->python, &d->machine, (pid_t)o->pid);
		else if (o->python)
			doctor_look__file(&d->python, &d->machine, o->python);
		doctor__judge(d);
		err = (o->json ? doctor__render_json : doctor__render_text)(stdout, d, &ro);
	}
	if (err)
		failure__what(f, "cannot write the report to standard output: %s", strerror(-err));
	else
		status = doctor__obstacle(d) ? EXIT_STATUS_CANNOT_OBSERVE : EXIT_STATUS_OK;
	free(d);
	return status;
}

int cmd_doctor(int argc, char **argv)
{
	struct doctor_options o = {0};
	const struct option_group groups[] = {{"Options", doctor_option_rows, &o}, {0}};
	const struct command_line line = {usage,   examples, groups,    take_subject,
					  examine, &o,       ":command"};

	return command_line__run(&line, argc, argv);
}
