// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A C library that computes: it spins until the calling thread has used this much CPU time. If it is
 * called through ctypes.PyDLL, the thread keeps the GIL. */
#include <time.h>

static long long read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* Stores the CPU time in took[0] and the wall time in took[1], in ns, as measured here. */
void busy(long long cpu_ns, long long took[2])
{
	long long cpu = read_clock(CLOCK_THREAD_CPUTIME_ID);
	long long wall = read_clock(CLOCK_MONOTONIC);

	do {
		for (volatile int i = 0; i < 10000; i++)
			;
		took[0] = read_clock(CLOCK_THREAD_CPUTIME_ID) - cpu;
		took[1] = read_clock(CLOCK_MONOTONIC) - wall;
	} while (took[0] < cpu_ns);
}
