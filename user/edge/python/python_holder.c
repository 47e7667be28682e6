// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Who has the GIL. From 3.11 on a thread state has the thread's number. Before, it has the address of
 * the C library's own record of the thread, which has the number at a fixed place. A number is
 * believed only if the process has such a thread. A Python 2 has a variable with the current thread
 * state, which is NULL while nobody has the GIL.
 */
#include <string.h>

#include "edge/proc/proc_maps.h"
#include "edge/proc/proc_task.h"
#include "edge/python/python.h"

#define HEAD_SIZE 24 /* of a GIL, up to `locked` */

/* In a thread state: DWARF of 3.7 to 3.13, and of Debian's 3.14.10 and 3.15.2. */
#define PTHREAD_AT      176
#define PTHREAD_AT_IN_2 144 /* DWARF of 2.7.18 */
static const unsigned int native_at[] = {
	[11] = 160, [12] = 144, [13] = 160, [14] = 160, [15] = 184,
};

/* In struct pthread: glibc's and musl's. */
#if defined(__aarch64__)
static const unsigned int number_at[] = {208, 32};
#else
static const unsigned int number_at[] = {720, 48};
#endif

/* The holder's thread state; 0 if the GIL is free. Both words are read at once. */
static uint64_t holding_state(pid_t pid, const struct python *py)
{
	unsigned char head[HEAD_SIZE];
	uint64_t state;
	int locked;

	if (proc_mem__read(pid, py->gil, head, sizeof(head)))
		return 0;
	memcpy(&state, head + GIL_OFFSET_LAST_HOLDER, sizeof(state));
	memcpy(&locked, head + GIL_OFFSET_LOCKED, sizeof(locked));
	return locked == 1 ? state : 0;
}

static uint64_t current_state(pid_t pid, const struct python *py)
{
	uint64_t state;

	if (!py->current_at || python__locked(pid, py) != 1 ||
	    proc_mem__read(pid, py->current_at, &state, sizeof(state)))
		return 0;
	return state;
}

static long number(pid_t pid, uint64_t at)
{
	int32_t n;

	return proc_mem__read(pid, at, &n, sizeof(n)) || n <= 0 ? -1 : n;
}

long python__holder(pid_t pid, const struct python *py)
{
	uint64_t state = py->semaphore_at ? current_state(pid, py) : holding_state(pid, py);
	uint64_t at = state + (py->semaphore_at ? PTHREAD_AT_IN_2 : PTHREAD_AT), thread;
	size_t minor = py->semaphore_at ? 0 : (size_t)py->minor;

	if (!state)
		return -1;
	if (minor < sizeof(native_at) / sizeof(*native_at) && native_at[minor])
		return number(pid, state + native_at[minor]);
	if (minor > 10 || proc_mem__read(pid, at, &thread, sizeof(thread)))
		return -1;
	for (size_t i = 0; i < sizeof(number_at) / sizeof(*number_at); i++) {
		long tid = number(pid, thread + number_at[i]);

		if (tid > 0 && proc_task__host_number(pid, tid) > 0)
			return tid;
	}
	return -1;
}
