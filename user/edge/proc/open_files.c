// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "edge/proc/open_files.h"

/* Enough for reading about a process, its files and their debug files, and for the output. */
#define RESERVE 16

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

/* The lowest free descriptor is what the next open returns. */
bool open_files__have_room(unsigned int n)
{
	struct rlimit limit;
	int fd = open("/", O_PATH | O_CLOEXEC);

	if (fd < 0)
		return false;
	close(fd);
	return getrlimit(RLIMIT_NOFILE, &limit) || (rlim_t)fd + n + RESERVE <= limit.rlim_cur;
}
