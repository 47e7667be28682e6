// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* exec_loop N [PROGRAM ARGS]: executes itself N times, and then the program, if there is one. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int n = argc > 1 ? atoi(argv[1]) : 0;
	char text[16];

	if (n > 0) {
		snprintf(text, sizeof(text), "%d", n - 1);
		argv[1] = text;
		execv("/proc/self/exe", argv);
		return 1;
	}
	if (argc > 2)
		execv(argv[2], argv + 2);
	return argc > 2;
}
