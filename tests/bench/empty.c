// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * empty PID [usdt]: puts gilscope's probes on process PID, with a program that does nothing. This is
 * the least that any tool costs that probes the same places, which are libc's functions or, with
 * usdt, the interpreter's own GIL probes. Prints READY and stays until its standard input ends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edge/kernel/probe.h"
#include "edge/observe/site_file.h"

static struct site_file *find_sites(struct site_file **list, struct probe *p, pid_t pid, bool usdt,
				    struct failure *f)
{
	static struct python py;

	if (!usdt)
		return site_file__of_libc(list, NULL, pid, f);
	return python__inspect(pid, &py, f) ? NULL : site_file__of_usdt(list, NULL, p, pid, &py, f);
}

int main(int argc, char **argv)
{
	const struct probe_options options = {.max_processes = 16, .max_threads = 16};
	bool usdt = argc == 3 && !strcmp(argv[2], "usdt");
	pid_t pid = argc >= 2 ? atoi(argv[1]) : 0;
	struct site_file *list = NULL, *file;
	struct failure f = {0};
	struct attachment *a = NULL;
	struct probe *p;

	if (pid <= 0 || probe__open(&p, &options, &f))
		goto failed;
	file = find_sites(&list, p, pid, usdt, &f);
	if (file)
		a = site_file__attach(file, p, PROBE_EMPTY, pid, 0, &f);
	if (!a)
		goto failed;
	puts("READY");
	fflush(stdout);
	while (getchar() != EOF)
		;
	probe__detach(p, a);
	probe__free(p);
	site_file__free_all(list);
	return 0;
failed:
	failure__print(&f, stderr);
	return 1;
}
