// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* gilscope metrics: the table of metrics. */
#include <string.h>

#include "command.h"
#include "metric_list.h"
#include "options.h"
#include "output.h"

static int set_markdown(void *options, const char *value, struct failure *f)
{
	(void)value, (void)f;
	*(bool *)options = true;
	return 0;
}

static const struct option_row metrics_option_rows[] = {
	{0, "markdown", NULL, "as Markdown: this is docs/metrics.md", set_markdown},
	{0},
};

int cmd_metrics(int argc, char **argv)
{
	bool markdown = false;
	const struct option_group groups[] = {{"Output", metrics_option_rows, &markdown}, {0}};
	struct output out = {.stream = stdout};
	struct render_options look = output__look(&out);
	struct failure f = {0};
	int rest, err = options__parse(groups, argc, argv, &rest, &f);

	if (err > 0) {
		fputs("usage: gilscope metrics [--markdown]\n"
		      "\n"
		      "Lists what can be measured, with units and meanings: what the rules of "
		      "gilscope check can be\n"
		      "about.\n"
		      "\n",
		      stdout);
		options__help(groups, stdout);
		fputs("\nEXAMPLES\n  gilscope metrics\n", stdout);
		return EXIT_STATUS_OK;
	}
	if (!err && rest < argc) {
		failure__what(&f, "there is nothing to give to metrics: %s", argv[rest]);
		err = -1;
	}
	if (err) {
		failure__command(&f, "gilscope metrics --help");
		failure__print(&f, stderr);
		return EXIT_STATUS_USAGE;
	}
	err = markdown ? metric_list__markdown(stdout) : metric_list__text(stdout, &look);
	if (!output__end(&out, err, &f))
		return EXIT_STATUS_OK;
	failure__print(&f, stderr);
	return EXIT_STATUS_USAGE;
}
