// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Reads the current state of an interpreter that has been found. */
#include <errno.h>

#include "edge/proc/proc_maps.h"
#include "edge/python/python.h"
#include "edge/python/python_layout.h"

#define MAX_INTERPRETERS 1024

/* True while the sub-interpreter of this GIL exists; when it ends, it first clears its pointer to
 * the GIL. */
static bool is_own_gil(pid_t pid, const struct python *py, uint64_t gil)
{
	uint64_t own = gil - py->layout.gil_shift, pointer;

	return !proc_mem__read(pid, own - py->layout.own_gil + py->layout.gil_pointer, &pointer,
			       sizeof(pointer)) &&
	       pointer == own;
}

long python__switch_interval(pid_t pid, const struct python *py, __u64 gil)
{
	uint64_t interval;

	if (py->semaphore_at || proc_mem__read(pid, gil, &interval, sizeof(interval)))
		return -1;
	/* Checked after the read, as the GIL may no longer have existed. */
	if (gil != py->gil && !is_own_gil(pid, py, gil))
		return -1;
	return python_interval(interval);
}

bool python__is_free_threaded(pid_t pid, const struct python *py)
{
	int enabled;

	if (!py->free_threaded_build)
		return false;
	if (proc_mem__read(pid, py->gil + GIL_OFFSET_ENABLED, &enabled, sizeof(enabled)))
		return py->free_threaded;
	return enabled != PYTHON_GIL_ENABLED;
}

int python__locked(pid_t pid, const struct python *py)
{
	uint64_t at = py->semaphore_at ? py->gil : py->gil + GIL_OFFSET_LOCKED;
	int locked;

	if (proc_mem__read(pid, at, &locked, sizeof(locked)))
		return -1;
	if (locked != 0 && locked != 1)
		return -1;
	return py->semaphore_at ? !locked : locked;
}

long python__switches(pid_t pid, const struct python *py)
{
	long n;

	return proc_mem__read(pid, py->gil + GIL_OFFSET_SWITCHES, &n, sizeof(n)) ? -1 : n;
}

/* ---- sub-interpreters ---- */

struct interpreter {
	uint64_t gil, next, id;
};

static int read_interpreter(pid_t pid, const struct python_layout *l, uint64_t at,
			    struct interpreter *i)
{
	int err = proc_mem__read(pid, at + l->gil_pointer, &i->gil, sizeof(i->gil));

	err = err ?: proc_mem__read(pid, at + l->next, &i->next, sizeof(i->next));
	return err ?: proc_mem__read(pid, at + l->id, &i->id, sizeof(i->id));
}

/* Walks the list from the newest interpreter to the main one, which is last. */
static int walk(pid_t pid, const struct python *py, struct python_own_gil *list, size_t max)
{
	const struct python_layout *l = &py->layout;
	struct interpreter i = {0};
	uint64_t at;
	size_t n = 0;
	int err = proc_mem__read(pid, py->runtime + l->main - sizeof(at), &at, sizeof(at));

	for (int steps = 0; !err && steps < MAX_INTERPRETERS; steps++, at = i.next) {
		err = at ? read_interpreter(pid, l, at, &i) : -EAGAIN;
		if (!err && !i.id)
			return (int)n;
		/* An interpreter without its own GIL uses the main one's, or is just being
		 * created. */
		if (!err && i.id <= INT32_MAX && i.gil == at + l->own_gil && n < max)
			list[n++] = (struct python_own_gil){i.gil + l->gil_shift, (long)i.id};
	}
	return err ?: -E2BIG;
}

int python__own_gils(pid_t pid, const struct python *py, struct python_own_gil *list, size_t max)
{
	return py->layout.own_gil ? walk(pid, py, list, max) : 0;
}
