// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "command.h"
#include "failure.h"
#include "replay.h"
#include "render.h"

int cmd_report(int argc, char **argv)
{
	struct failure f = {0};
	struct replay *r;
	struct snapshot *s;
	struct render_options ro = {.ascii = true, .version = GILSCOPE_VERSION};

	(void)argc;
	if (replay__open(&r, argv[1], &f) || replay__run(r, ~0ULL, &f)) {
		failure__print(&f, stderr);
		return 2;
	}
	s = replay__snapshot(r);
	if (argc > 2)
		render_json(stdout, s, &ro);
	else
		render_text(stdout, s, &ro);
	if (argc > 3)
		render_json(stdout, replay__kernel_figures(r), &ro);
	snapshot__free(s);
	replay__free(r);
	return 0;
}
