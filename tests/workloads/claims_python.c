// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * claims_python VERSION SECONDS: a program with the marks of a CPython, which it is not. VERSION is
 * Py_Version in hexadecimal. Each word of _PyRuntime points somewhere into the program, to
 * addresses that are not mapped, or to itself: to each in turn, so that every field of every layout
 * is a wild pointer. Prints READY.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define WORDS 25000

__attribute__((section(".PyRuntime"), used)) uint64_t _PyRuntime[WORDS] = {1};
unsigned long Py_Version = 1;

int main(int argc, char **argv)
{
	static char some[65536];
	double seconds = argc > 2 ? atof(argv[2]) : 0;
	uint64_t wild[] = {
		(uintptr_t)some,
		(uintptr_t)_PyRuntime,
		0,
		1,
		UINT64_MAX,
		0x7ffffffff000,
		(uintptr_t)some + sizeof(some) - 4,
		0x8000000000000000,
		(uintptr_t)&wild,
	};

	Py_Version = argc > 1 ? strtoul(argv[1], NULL, 16) : 0x030b00f0;
	for (size_t i = 0; i < WORDS; i++)
		_PyRuntime[i] = wild[i % (sizeof(wild) / sizeof(wild[0]))];
	if (Py_Version >> 16 >= 0x030d) {
		_PyRuntime[0] = 0x7970677562656478; /* "xdebugpy" */
		_PyRuntime[1] = Py_Version;
	}
	puts("READY");
	fflush(stdout);
	usleep((unsigned int)(seconds * 1e6));
	return 0;
}
