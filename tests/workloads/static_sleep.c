// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program without Python, to be linked statically and stripped. It ends when its stdin does. */
#include <unistd.h>

int main(void)
{
	char c;

	if (write(1, "READY\n", 6) != 6)
		return 1;
	while (read(0, &c, 1) > 0)
		;
	return 0;
}
