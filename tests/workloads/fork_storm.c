// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* fork_storm N: makes N children, at most 64 at the same time, each of which ends at once. */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 100, alive = 0;

	for (int i = 0; i < n; i++) {
		if (alive == 64 && wait(NULL) > 0)
			alive--;
		switch (fork()) {
		case 0:
			_exit(0);
		case -1:
			break;
		default:
			alive++;
		}
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
