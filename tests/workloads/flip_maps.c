// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* flip_maps SECONDS FILE FILE: has the two files by turns, as code, at one address below all its
 * libraries, and gives itself a name with escape codes. Prints READY. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	double end = now() + (argc > 1 ? atof(argv[1]) : 0);
	int fd[2];

	if (argc < 4)
		return 2;
	prctl(PR_SET_NAME, "\033]0;x\a\033[2J\r\n");
	fd[0] = open(argv[2], O_RDONLY | O_CLOEXEC);
	fd[1] = open(argv[3], O_RDONLY | O_CLOEXEC);
	puts("READY");
	fflush(stdout);
	for (unsigned int i = 0; now() < end; i++)
		mmap((void *)0x10000000, 1 << 20, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED,
		     fd[i % 2], 0);
	return 0;
}
