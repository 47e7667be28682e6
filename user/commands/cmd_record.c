// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope record: writes every edge to a file, for report to read as often as needed. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "commands/command.h"
#include "commands/command_line.h"
#include "commands/output.h"
#include "edge/record/recorder.h"

#define MIB          (1ULL << 20)
#define DEFAULT_RING (16 * MIB)

struct options {
	struct observe_options observe;
	struct record_options record;
	unsigned long long ring;
};

static int set_output(void *options, const char *value, struct failure *f)
{
	(void)f;
	((struct options *)options)->record.output = value;
	return 0;
}

static int set_force(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct options *)options)->record.force = true;
	return 0;
}

static int set_quiet(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct options *)options)->record.quiet = true;
	return 0;
}

static int set_max_size(void *options, const char *value, struct failure *f)
{
	return options__size(value, MIB, 1ULL << 50, &((struct options *)options)->record.max_size,
			     f);
}

static int set_window(void *options, const char *value, struct failure *f)
{
	return options__size(value, MIB, 64ULL << 30, &((struct options *)options)->record.window,
			     f);
}

static int set_min_wait(void *options, const char *value, struct failure *f)
{
	return options__seconds(value, &((struct options *)options)->record.min_wait_ns, f);
}

static int set_min_hold(void *options, const char *value, struct failure *f)
{
	return options__seconds(value, &((struct options *)options)->record.min_hold_ns, f);
}

static int set_ring(void *options, const char *value, struct failure *f)
{
	struct options *o = options;
	int err = options__size(value, MIB / 4, 1024 * MIB, &o->ring, f);

	if (!err && o->ring & (o->ring - 1)) {
		failure__what(f, "'%s' is not a power of two: 16M, 32M, 64M", value);
		err = -EINVAL;
	}
	return err;
}

static const struct option_row record_option_rows[] = {
	{'o', "output", "FILE",
	 "write the trace to FILE; - is standard output. Without -o: gil.PID.gil in this folder, "
	 "or for several targets gil.TIME.gil; it never replaces a file",
	 set_output},
	{0, "force", NULL, "replace FILE if it exists, even if it is a link, or another user's",
	 set_force},
	{0, "max-size", "SIZE", "stop when FILE reaches SIZE (64M, 2G)", set_max_size},
	{0, "flight-recorder", "SIZE",
	 "keep the last SIZE bytes in memory; write them to FILE at the end, and to FILE.1, "
	 "FILE.2... at each SIGUSR2",
	 set_window},
	{0, "min-wait", "SECS", "keep only waits of at least SECS, and what --min-hold keeps",
	 set_min_wait},
	{0, "min-hold", "SECS", "keep only holds of at least SECS, and what --min-wait keeps",
	 set_min_hold},
	{0, "ring-size", "SIZE", "size of the kernel's buffer, a power of two (16M)", set_ring},
	{'q', "quiet", NULL, "print no progress line and no summary", set_quiet},
	{0},
};

static const char usage[] =
	"usage: gilscope record [OPTIONS] -p PID[,PID...]\n"
	"       gilscope record [OPTIONS] -- COMMAND [ARGS...]\n"
	"       gilscope record [OPTIONS] --name NAME | --unit UNIT | --cgroup PATH |\n"
	"         --container ID\n"
	"       gilscope record [OPTIONS] --all\n"
	"\n"
	"Records everything that happens to the Global Interpreter Lock (GIL) of running\n"
	"CPython programs, in a few bytes per event, until the target ends, for -d SECS,\n"
	"or until Ctrl-C. gilscope report reads the file, on this machine or another\n"
	"one.\n";

static const char examples[] =
	"EXAMPLES\n"
	"  gilscope record -p 1234                       to gil.1234.gil, until Ctrl-C\n"
	"  gilscope record -o app.gil -- python3 app.py  record a program from its start\n"
	"  gilscope record -o app.gil -p 1234 -d 10      record a server for ten seconds\n"
	"  gilscope record -o app.gil -p 1234 --flight-recorder 64M\n"
	"                                                keep what came before Ctrl-C\n"
	"  gilscope record -o app.gil -p 1234 --min-wait 0.05\n"
	"                                                keep only long waits, for days\n"
	"  gilscope report app.gil                       summarize the recording\n"
	"  gilscope report app.gil --format perfetto -o app.pftrace\n"
	"\n"
	"EXIT STATUS\n"
	"  the launched command's (128+N if signal N ended it); 0; 2 usage error, or the\n"
	"  trace could not be written; 4 cannot observe; 126 or 127 the command cannot\n"
	"  be run or found\n";

static int check(void *options, int argc, char **argv, int rest, struct failure *f)
{
	struct options *o = options;
	const struct record_options *r = &o->record;
	bool to_stdout = r->output && !strcmp(r->output, "-");
	const struct output_wish wish = {r->output ? "-o" : NULL, r->output};

	if (observe_options__finish(&o->observe, argc, argv, rest, f))
		return -EINVAL;
	if (observe_options__need_holds(&o->observe, argv[0], f))
		return -EINVAL;
	if (output__check(&o->observe, &wish, 1, argv, f))
		return -EINVAL;
	else if (to_stdout && isatty(STDOUT_FILENO))
		failure__what(f, "refusing to write binary data to a terminal; use -o FILE");
	else if (r->window && r->max_size)
		failure__what(
			f,
			"--max-size cannot be used with --flight-recorder, which has its own size");
	else
		return 0;
	return -EINVAL;
}

static int run(void *options, struct failure *f)
{
	struct options *o = options;

	o->observe.ring_size = o->ring;
	o->observe.force = o->record.force;
	return recorder__run(&o->record, &o->observe, f);
}

int cmd_record(int argc, char **argv)
{
	struct options o = {.ring = DEFAULT_RING};
	const struct option_group groups[] = {
		{"Target", observe_option_rows, &o.observe},
		{"Recording", record_option_rows, &o},
		{0},
	};
	const struct command_line line = {usage, examples, groups, check, run, &o, NULL};
	int status;

	observe_options__init(&o.observe);
	status = command_line__run(&line, argc, argv);
	observe_options__clear(&o.observe);
	return status;
}
