// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * empty PID: gilscope's probes on process PID, with a program that does nothing. What any tool that
 * probes the same functions costs at least. Prints READY and stays until its standard input ends.
 */
#include <stdio.h>
#include <stdlib.h>

#include "libc.h"
#include "probe.h"

int main(int argc, char **argv)
{
	const struct probe_options options = {.max_processes = 16, .max_threads = 16};
	pid_t pid = argc == 2 ? atoi(argv[1]) : 0;
	struct failure f = {0};
	struct attachment *a;
	struct probe *p;
	struct libc libc;

	if (pid <= 0 || probe__open(&p, &options, &f) || libc__find(pid, &libc, &f))
		goto failed;
	a = probe__attach(p, PROBE_EMPTY, pid, 0, libc.open_path, libc.site, LIBC_SITES, &f);
	if (!a)
		goto failed;
	puts("READY");
	fflush(stdout);
	while (getchar() != EOF)
		;
	probe__detach(p, a);
	probe__free(p);
	return 0;
failed:
	failure__print(&f, stderr);
	return 1;
}
