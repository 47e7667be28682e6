// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope metrics: prints the table of metrics. */
#include <errno.h>

#include "commands/command.h"
#include "commands/command_line.h"
#include "core/check/metric_list.h"
#include "commands/output.h"

static int set_markdown(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	*(bool *)options = true;
	return 0;
}

static const struct option_row metrics_option_rows[] = {
	{0, "markdown", NULL, "print Markdown (this makes docs/metrics.md)", set_markdown},
	{0},
};

static const char usage[] =
	"usage: gilscope metrics [--markdown]\n"
	"\n"
	"Lists the metrics that the rules of gilscope check can use, with units and\n"
	"meanings.\n";

static const char examples[] = "EXAMPLES\n"
			       "  gilscope metrics\n";

static int check(void *markdown, int argc, char **argv, int rest, struct failure *f)
{
	(void)markdown;
	if (rest == argc)
		return 0;
	failure__what(f, "unexpected argument '%s': metrics takes none", argv[rest]);
	return -EINVAL;
}

static int list(void *markdown, struct failure *f)
{
	struct output out = {.stream = stdout};
	struct render_options look = output__look(&out);
	int err = *(bool *)markdown ? metric_list__markdown(stdout)
				    : metric_list__text(stdout, &look);

	return output__end(&out, err, f) ? EXIT_STATUS_USAGE : EXIT_STATUS_OK;
}

int cmd_metrics(int argc, char **argv)
{
	bool markdown = false;
	const struct option_group groups[] = {{"Output", metrics_option_rows, &markdown}, {0}};
	const struct command_line line = {usage, examples, groups, check, list, &markdown, ""};

	return command_line__run(&line, argc, argv);
}
