// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edge/observe/observe.h"
#include "edge/observe/source.h"

static int set_pid(void *options, const char *value, struct failure *f)
{
	struct target_spec *spec = &((struct observe_options *)options)->target;
	char *list = strdup(value), *rest = list, *word;
	int err = list ? 0 : -ENOMEM;

	while (!err && (word = strsep(&rest, ","))) {
		pid_t *pids = realloc(spec->pids, (spec->nr_pids + 1) * sizeof(*pids));
		long long pid;

		if (!pids) {
			err = -ENOMEM;
			break;
		}
		spec->pids = pids;
		err = options__number(word, 1, 4194304, &pid, f);
		if (!err)
			spec->pids[spec->nr_pids++] = pid;
		else if (*word && !strpbrk(word, "0123456789+-"))
			failure__what(f, "not a process's number; --name %s selects by name", word);
	}
	free(list);
	return err;
}

static int add_selector(void *options, enum selector_kind kind, const char *word, struct failure *f)
{
	struct target_spec *spec = &((struct observe_options *)options)->target;
	struct selector *list;

	if (!*word) {
		failure__what(f, "nothing is named");
		return -EINVAL;
	}
	list = reallocarray(spec->selectors, spec->nr_selectors + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	spec->selectors = list;
	list[spec->nr_selectors++] = (struct selector){.kind = kind, .word = word};
	return 0;
}

#define SELECTOR_SETTER(name, words)                                                               \
	static int set_##name(void *options, const char *value, struct failure *f)                 \
	{                                                                                          \
		return add_selector(options, SELECT_##name, value, f);                             \
	}
SELECTORS(SELECTOR_SETTER)

static int set_all(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct observe_options *)options)->target.all = true;
	return 0;
}

static int set_no_follow(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct observe_options *)options)->target.follow = false;
	return 0;
}

static int set_user(void *options, const char *value, struct failure *f)
{
	(void)f;
	((struct observe_options *)options)->target.user = value;
	return 0;
}

static int set_duration(void *options, const char *value, struct failure *f)
{
	return options__seconds(value, &((struct observe_options *)options)->duration_ns, f);
}

static int set_blame(void *options, const char *value, struct failure *f)
{
	long long hz;
	int err = options__number(value, 1, 10000, &hz, f);

	if (!err)
		((struct observe_options *)options)->blame_hz = (unsigned int)hz;
	return err;
}

static int set_table(unsigned int *size, const char *value, struct failure *f)
{
	long long n;
	int err = options__number(value, 16, 1 << 20, &n, f);

	if (!err)
		*size = n;
	return err;
}

static int set_max_threads(void *options, const char *value, struct failure *f)
{
	return set_table(&((struct observe_options *)options)->max_threads, value, f);
}

static int set_max_processes(void *options, const char *value, struct failure *f)
{
	return set_table(&((struct observe_options *)options)->max_processes, value, f);
}

static int set_source(void *options, const char *value, struct failure *f)
{
	const char **source = &((struct observe_options *)options)->target.source;
	int choice;

	*source = source__named(value);
	return options__choice(value, SOURCE_ARGUMENT, &choice, f);
}

static int set_command_output(void *options, const char *value, struct failure *f)
{
	(void)f;
	((struct observe_options *)options)->command_output = value;
	return 0;
}

static int set_verbose(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	((struct observe_options *)options)->verbose = true;
	return 0;
}

const struct option_row observe_option_rows[] = {
	{'p', "pid", "PID[,PID]", "observe these running processes and their children", set_pid},
	{0, "name", "NAME",
	 "observe what has this name, by its script, module, title or the kernel, and its "
	 "children; "
	 "* stands for any characters. Also what starts later, as the next three do",
	 set_name},
	{0, "unit", "UNIT", "observe the processes of this unit of systemd, such as app.service",
	 set_unit},
	{0, "cgroup", "PATH", "observe the processes of this cgroup, and of those below it",
	 set_cgroup},
	{0, "container", "ID",
	 "observe the processes of this container, by its ID or the beginning of it; lxc and "
	 "systemd-nspawn: by its name",
	 set_container},
	{'a', "all", NULL, "observe every CPython on the machine, also later ones", set_all},
	{'d', "duration", "SECS", "stop measuring after SECS (a launched command keeps running)",
	 set_duration},
	{0, "blame", "HZ",
	 "also tell which functions have the GIL while others wait: look HZ times a second (997)",
	 set_blame},
	{0, "no-follow", NULL, "do not observe children of the targets", set_no_follow},
	{0, "user", "NAME",
	 "run a launched command as this user; by default the user who called sudo, or else the "
	 "user who runs gilscope",
	 set_user},
	{0, "command-output", "FILE",
	 "append a launched command's output to FILE; stderr: send it to standard error",
	 set_command_output},
	{0, "source", SOURCE_ARGUMENT, SOURCE_HELP, set_source},
	{0, "max-threads", "N", "limit on threads that live at the same time (2048)",
	 set_max_threads},
	{0, "max-processes", "N", "limit on processes that live at the same time (512)",
	 set_max_processes},
	{'v', "verbose", NULL, "show the messages of the BPF loader", set_verbose},
	{0},
};

void observe_options__init(struct observe_options *o)
{
	*o = (struct observe_options){.max_threads = 2048, .max_processes = 512};
	o->target.follow = true;
	o->target.command_stdout = -1;
}

void observe_options__clear(struct observe_options *o)
{
	free(o->target.pids);
	free(o->target.selectors);
	o->target.pids = NULL;
	o->target.selectors = NULL;
}

int observe_options__need_holds(const struct observe_options *o, const char *name,
				struct failure *f)
{
	if (!source__needs_no_probes(o->target.source))
		return 0;
	failure__what(f, "%s does not know --source %s yet, which sees only waits", name,
		      o->target.source);
	failure__command(f, "gilscope stat --source %s -p PID", o->target.source);
	return -EINVAL;
}

int observe_options__finish(struct observe_options *o, int argc, char **argv, int rest,
			    struct failure *f)
{
	struct target_spec *spec = &o->target;
	int targets;

	if (rest < argc)
		spec->argv = argv + rest;
	/* A command of that name can still be run, behind "--". */
	if (rest + 1 == argc && strcmp(argv[rest - 1], "--") != 0 &&
	    strspn(argv[rest], "0123456789") == strlen(argv[rest])) {
		failure__what(f,
			      "'%s' would be a command to run; -p observes a process by its number",
			      argv[rest]);
		failure__command(f, "gilscope %s -p %s", argv[0], argv[rest]);
		return -EINVAL;
	}
	if (o->blame_hz && source__needs_no_probes(spec->source)) {
		failure__what(f, "--blame needs probes, and --source %s has none", spec->source);
		failure__cause(f,
			       "it shows what code has the GIL, which is not known without them");
		failure__command(f, "gilscope %s --blame %u --source uprobe", argv[0], o->blame_hz);
		return -EINVAL;
	}
	targets = (spec->nr_pids || spec->nr_selectors) + spec->all + (spec->argv != NULL);
	if (targets == 1 && spec->user && !spec->argv) {
		failure__what(f, "--user needs a command to launch: -- COMMAND");
		return -EINVAL;
	}
	if (targets == 1 && o->command_output && !spec->argv) {
		failure__what(f, "--command-output needs a command to launch: -- COMMAND");
		return -EINVAL;
	}
	if (targets == 1)
		return 0;
	failure__what(f, targets ? "more than one target given: -p PID, --name NAME and the like "
				   "go together, but "
				   "not with -- COMMAND or --all"
				 : "no target given: use -p PID, --name NAME, -- COMMAND or --all");
	return -EINVAL;
}
