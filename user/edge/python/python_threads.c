// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From each interpreter to sys.modules["threading"]._active, a dictionary of the Thread objects that
 * run, and from each of these to its _name and its _native_id.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "edge/proc/proc_maps.h"
#include "edge/python/python_dict.h"
#include "edge/python/python_memory.h"
#include "edge/python/python_threads.h"

#define MAX_INTERPRETERS 64
#define TRIES            3
/* What a process costs at most, in entries of dictionaries that are compared. A program of 5,000 modules
 * takes some 10,000, and each thread as long as THREAD_WORK. */
#define MAX_WORK    (1U << 18)
#define THREAD_WORK 32

/* A list that is being filled. */
struct filling {
	pid_t pid;
	const struct python *py;
	struct python_thread_name *list;
	size_t nr, max;
	uint32_t left; /* of MAX_WORK */
	/* Most threads share their keys, which are searched once. */
	uint64_t entries;
	int name, native_id;
};

/* Returns 0, or -E2BIG if the process has had its share. */
static int spend(struct filling *f, uint32_t work)
{
	if (work > f->left) {
		f->left = 0;
		return -E2BIG;
	}
	f->left -= work;
	return 0;
}

/* A number that one or two digits of 30 bits hold. Up to 3.11 their count comes before them; later
 * that has the sign in its last bits, and starts at bit 3. */
static int read_number(const struct filling *f, uint64_t object, uint64_t *n)
{
	uint32_t digit[2];
	uint64_t count;
	int err = python_memory__is(f->pid, f->py, object, PYTHON_IS_INT);

	err = err ?: python_memory__word(f->pid, object + f->py->objects.head, &count);
	if (!err && f->py->minor >= 12)
		count = count & 3 ? 0 : count >> 3;
	if (!err && (!count || count > 2))
		err = -EFAULT;
	err = err ?: proc_mem__read(f->pid, object + f->py->objects.head + 8, digit, 4 * count);
	if (!err)
		*n = digit[0] | (count > 1 ? (uint64_t)digit[1] << 30 : 0);
	return err;
}

static int find_keys(struct filling *f, const struct python_dict *d)
{
	if (f->entries == d->entries && d->values)
		return 0;
	f->entries = 0;
	if (spend(f, 2 * d->nr))
		return -E2BIG;
	f->name = python_dict__find(f->pid, f->py, d, "_name");
	f->native_id = python_dict__find(f->pid, f->py, d, "_native_id");
	if (f->name < 0 || f->native_id < 0)
		return -ENOENT;
	f->entries = d->entries;
	return 0;
}

/* Adds the name of a Thread. Whatever is not one, or has not begun to run, is left out. */
static void add(struct filling *f, uint64_t thread)
{
	struct python_thread_name *to = &f->list[f->nr];
	uint64_t name, id, tid;
	struct python_dict d;

	if (python_dict__attributes(f->pid, f->py, thread, &d) || find_keys(f, &d) ||
	    python_dict__value(f->pid, &d, (uint32_t)f->name, &name) ||
	    python_dict__value(f->pid, &d, (uint32_t)f->native_id, &id) ||
	    read_number(f, id, &tid) || tid > INT_MAX ||
	    python_memory__text(f->pid, f->py, name, PYTHON_CUT_END, to->name, sizeof(to->name)))
		return;
	to->tid = (pid_t)tid;
	f->nr++;
}

static int find_active(struct filling *f, uint64_t interpreter, struct python_dict *active)
{
	struct python_dict d;
	uint64_t at;
	int err = python_memory__word(f->pid, interpreter + f->py->objects.modules, &at);

	err = err ?: python_dict__read(f->pid, f->py, at, &d);
	err = err ?: spend(f, d.nr);
	err = err ?: python_dict__get(f->pid, f->py, &d, "threading", &at);
	/* A module begins with its dictionary. */
	err = err ?: python_memory__word(f->pid, at + f->py->objects.head, &at);
	err = err ?: python_dict__read(f->pid, f->py, at, &d);
	err = err ?: spend(f, d.nr);
	err = err ?: python_dict__get(f->pid, f->py, &d, "_active", &at);
	return err ?: python_dict__read(f->pid, f->py, at, active);
}

static int add_all(struct filling *f, uint64_t interpreter)
{
	struct python_dict active;
	int err = find_active(f, interpreter, &active);
	size_t before = f->nr;
	uint64_t thread;

	if (err)
		return err == -ENOENT ? 0 : err;
	for (uint32_t i = 0; i < active.nr && f->nr < f->max; i++) {
		err = spend(f, THREAD_WORK);
		if (err)
			return err;
		if (!python_dict__value(f->pid, &active, i, &thread) && thread)
			add(f, thread);
	}
	if (python_dict__is_same(f->pid, &active))
		return 0;
	f->nr = before;
	return -EAGAIN;
}

static int add_of(struct filling *f, uint64_t interpreter)
{
	int err = -EAGAIN;

	/* A dictionary that cannot be understood may have been changing, too. */
	for (int i = 0; i < TRIES && (err == -EAGAIN || err == -EFAULT); i++)
		err = add_all(f, interpreter);
	return err;
}

int python_threads__names(pid_t pid, const struct python *py, struct python_thread_name *list,
			  size_t max)
{
	struct filling f = {.pid = pid, .py = py, .list = list, .max = max, .left = MAX_WORK};
	uint64_t at;
	int err;

	if (!py->frames.known)
		return -ENOTSUP;
	/* The list of interpreters begins right before the pointer to the main one, which is last. */
	err = python_memory__word(pid, py->runtime + py->layout.main - sizeof(at), &at);
	for (int i = 0; !err && at && i < MAX_INTERPRETERS; i++) {
		err = add_of(&f, at);
		err = err ?: python_memory__word(pid, at + py->layout.next, &at);
	}
	if (f.nr)
		return f.nr < INT_MAX ? (int)f.nr : INT_MAX;
	return err;
}
