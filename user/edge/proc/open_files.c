// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdbool.h>
#include <sys/resource.h>

#include "edge/proc/open_files.h"

static struct rlimit before;
static bool raised;

void open_files__raise(void)
{
	struct rlimit limit;

	if (raised || getrlimit(RLIMIT_NOFILE, &before))
		return;
	limit = before;
	limit.rlim_cur = limit.rlim_max;
	raised = !setrlimit(RLIMIT_NOFILE, &limit);
}

void open_files__restore(void)
{
	if (raised)
		setrlimit(RLIMIT_NOFILE, &before);
}
