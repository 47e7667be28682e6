// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The interpreters of a process that have a GIL of their own: how their GILs are found, by an edge
 * or by a look at the list of interpreters, and how they end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "edge/observe/process_private.h"

/* Limit on ended sub-interpreters' GILs that have their own row, which takes 9 KiB per thread. */
#define MAX_ENDED_GILS 64

struct process_gil *process__add_gil(struct process *p, int lock, __u64 address, long interpreter)
{
	struct process_gil *grown = reallocarray(p->gils, p->nr_gils + 1, sizeof(*grown));

	if (!grown)
		return NULL;
	p->gils = grown;
	grown += p->nr_gils++;
	*grown = (struct process_gil){
		.lock = lock,
		.address = address,
		.interpreter = interpreter,
		.locked_at_start = -1,
		.switch_interval_us =
			looker__switch_interval(p->looker, p->bound, &p->python, address),
		.blame = process__is_sampled(p) ? process_blame__new(&p->python) : NULL,
	};
	return grown;
}

bool process__was_replaced(const struct process *p, const struct gil_process *record)
{
	return __atomic_load_n(&record->image, __ATOMIC_SEQ_CST) != p->image;
}

int process__new_gil(struct process *p, __u64 address, long interpreter)
{
	int lock = probe__take_lock(p->probe);

	if (lock < 0)
		return lock;
	if (!process__add_gil(p, lock, address, interpreter)) {
		probe__give_lock(p->probe, lock);
		return -ENOMEM;
	}
	gil_lock_begin(probe__lock(p->probe, lock), p->pid, address, clock_ns());
	probe__lock(p->probe, lock)->interpreter = interpreter;
	return 0;
}

void process__drop_new_gil(struct process *p)
{
	process_gil__clear(&p->gils[--p->nr_gils], p->probe);
}

void process__enter_gil(struct process *p, struct gil_process_lock *slot)
{
	const struct process_gil *g = &p->gils[p->nr_gils - 1];

	slot->lock = g->lock;
	slot->interpreter = g->interpreter;
	/* Last, because the address makes the kernel use the rest. */
	__atomic_store_n(&slot->address, g->address, __ATOMIC_SEQ_CST);
}

static struct process_gil *live_gil(const struct process *p, __u64 address, long interpreter)
{
	for (size_t i = 0; i < p->nr_gils; i++) {
		struct process_gil *g = &p->gils[i];

		if (!g->end_ns && g->address == address && g->interpreter == interpreter)
			return g;
	}
	return NULL;
}

/* Returns the first free slot for a GIL's address in the record; NULL if there is none, or the
 * kernel has just found this GIL. */
static struct gil_process_lock *free_slot(struct gil_process *record, __u64 address)
{
	struct gil_process_lock *found = NULL;

	for (__u32 i = 0; i < GIL_PROCESS_LOCKS; i++) {
		struct gil_process_lock *slot = &record->lock[i];

		if (i >= record->nr_locks)
			slot->address = 0;
		else if (slot->address == address)
			return NULL;
		if (!found && !slot->address)
			found = slot;
	}
	if (!found)
		record->full = 1;
	else if (found == &record->lock[record->nr_locks])
		__atomic_store_n(&record->nr_locks, record->nr_locks + 1, __ATOMIC_SEQ_CST);
	return found;
}

static void drop_new_gil(struct process *p)
{
	process__forget_found(p);
	process__drop_new_gil(p);
}

/* Its edges count now. As in trace_from_now, the word is only used if no edge is ever seen. */
static void confirm_found(struct process *p, struct gil_thread *holder)
{
	size_t g = p->nr_gils - 1;
	struct python python = p->python;

	process__confirm_holder(p, g, holder);
	python.gil = p->gils[g].address;
	if (!p->source->waits_only)
		p->gils[g].locked_at_start = looker__locked(p->looker, p->bound, &python);
	process__confirm_waiters(p, g);
}

/* Adds a sub-interpreter's GIL that no edge has shown yet. */
static void discover_gil(struct process *p, struct gil_process *record,
			 const struct python_own_gil *own)
{
	struct gil_thread *holder = NULL;
	struct gil_process_lock *slot;
	__u32 nobody = 0;

	if (process__new_gil(p, own->address, own->interpreter))
		return;
	if (!p->born_ns) {
		holder = p->source->waits_only ? NULL : process__find_holder(p);
		process__find_waiters(p, holder);
	}
	/* If the kernel is just entering a GIL, leave this to the next look. */
	if (!__atomic_compare_exchange_n(&record->entering, &nobody, 1, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST)) {
		drop_new_gil(p);
		return;
	}
	/* Checked only now, because reading the memory of a process that is executing another
	 * program waits until that is done. Nothing from here on takes long. */
	slot = process__was_replaced(p, record) ? NULL : free_slot(record, own->address);
	if (slot)
		process__enter_gil(p, slot);
	else
		drop_new_gil(p);
	__atomic_store_n(&record->entering, 0, __ATOMIC_SEQ_CST);
	if (slot && !p->born_ns)
		confirm_found(p, holder);
}

static void end_gil(struct process *p, struct gil_process *record, struct process_gil *g)
{
	for (__u32 i = 0; i < GIL_PROCESS_LOCKS; i++)
		if (record->lock[i].address && (int)record->lock[i].lock == g->lock)
			__atomic_store_n(&record->lock[i].address, 0, __ATOMIC_SEQ_CST);
	process_gil__end(g, p->probe, p->pid, clock_ns());
}

static bool has_slot(const struct gil_process *record, const struct process_gil *g)
{
	for (__u32 i = 0; i < record->nr_locks && i < GIL_PROCESS_LOCKS; i++)
		if (record->lock[i].address && (int)record->lock[i].lock == g->lock)
			return true;
	return false;
}

/* Ends GILs that the kernel has dropped because a new GIL has their address. */
static void end_replaced_gils(struct process *p)
{
	struct gil_process *record = probe__process(p->probe, p->index);

	for (size_t i = 1; i < p->nr_gils; i++)
		if (!p->gils[i].end_ns && !has_slot(record, &p->gils[i]))
			end_gil(p, record, &p->gils[i]);
}

void process__adopt_gil(struct process *p, unsigned int lock)
{
	const struct gil_lock *l = probe__lock(p->probe, lock);

	end_replaced_gils(p);
	if (l && l->pid == (__u32)p->pid)
		process__add_gil(p, (int)lock, l->address, l->interpreter);
}

/* Retires GILs that ended before the previous look; no BPF program uses them any more. */
static void retire_gils(struct process *p)
{
	size_t nr_ended = 0;

	for (size_t i = 0; i < p->nr_gils; i++) {
		struct process_gil *g = &p->gils[i];

		if (!g->end_ns)
			continue;
		if (g->lock >= 0 && !process_gil__retire(g, p->probe, p->pid))
			continue;
		if (nr_ended++ < MAX_ENDED_GILS)
			continue;
		p->unlisted_hits += process_gil__hits(g, p->probe, p->pid);
		p->nr_unlisted_gils++;
		process_gil__clear(g, p->probe);
		memmove(g, g + 1, (p->nr_gils - i - 1) * sizeof(*g));
		p->nr_gils--;
		i--;
	}
}

static bool is_listed(const struct process_gil *g, const struct python_own_gil *list, int n)
{
	for (int i = 0; i < n; i++)
		if (list[i].address == g->address && list[i].interpreter == g->interpreter)
			return true;
	return false;
}

void process__look_at_interpreters(struct process *p)
{
	struct gil_process *record = probe__process(p->probe, p->index);
	struct python_own_gil list[4 * GIL_PROCESS_LOCKS];
	int n = looker__own_gils(p->looker, p->bound, &p->python, list,
				 sizeof(list) / sizeof(*list));

	if (n < 0)
		return;
	retire_gils(p);
	end_replaced_gils(p);
	for (size_t i = 1; i < p->nr_gils; i++) {
		struct process_gil *g = &p->gils[i];

		if (g->end_ns)
			continue;
		/* It must be missing twice, because the list may have changed while it was read. */
		g->missed = is_listed(g, list, n) ? 0 : g->missed + 1;
		if (g->missed > 1)
			end_gil(p, record, g);
	}
	for (int i = 0; i < n; i++)
		if (!live_gil(p, list[i].address, list[i].interpreter))
			discover_gil(p, record, &list[i]);
}
