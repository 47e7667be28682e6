// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* many_maps N SECONDS: has N more mappings, most of them of this program's own file and executable,
 * so that each could be a library. Prints READY. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 1000, fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	double seconds = argc > 2 ? atof(argv[2]) : 0;

	for (int i = 0; i < n; i++)
		if (mmap(NULL, 4096, i % 3 ? PROT_READ | PROT_EXEC : PROT_READ, MAP_PRIVATE, fd,
			 i % 2 ? 4096 : 0) == MAP_FAILED)
			break;
	puts("READY");
	fflush(stdout);
	usleep((unsigned int)(seconds * 1e6));
	return 0;
}
