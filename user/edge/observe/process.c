// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/format.h"
#include "edge/proc/proc_maps.h"
#include "edge/observe/process.h"

/* Limit on ended sub-interpreters' GILs that have their own row, which takes 9 KiB per thread. */
#define MAX_ENDED_GILS 64
/* If a GIL changes threads this often without a hit, the probes are in the wrong place. */
#define SURE_SWITCHES 4

struct process *process__new(struct probe *probe, const struct listener *listener, pid_t pid)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->probe = probe;
	p->listener = listener;
	p->pid = p->bound = pid;
	p->index = p->discarded = -1;
	p->switches = -1;
	p->source = &source_uprobe;
	return p;
}

void process__begin_image(struct process *p, const struct gil_event *exec)
{
	p->state = PROCESS_SEARCHING;
	memcpy(p->comm, exec->comm, sizeof(p->comm));
	/* Otherwise it belongs to a record that has been given back. */
	if (p->index == (int)exec->process)
		p->image = exec->image;
	memset(&p->python, 0, sizeof(p->python));
	p->source_why[0] = '\0';
	p->gil_turned_on = false;
	p->goes_on = p->breaks_off = false;
	p->is_confirmed = false;
	p->switches = -1;
	p->born_ns = exec->ts;
	p->late_ns = 0;
	p->try_delay_ns = 0;
	p->contradiction[0] = '\0';
}

void process__free(struct process *p)
{
	if (!p)
		return;
	process__detach(p);
	for (size_t i = 0; i < p->nr_gils; i++) {
		free(p->gils[i].past.threads);
		free(p->gils[i].past.edges);
	}
	free(p->gils);
	free(p);
}

int process__attach(struct process *p, const struct source *source, const struct site_file *file,
		    struct failure *f)
{
	struct process_probes *probes = &p->probes[source->place];

	if (p->index < 0)
		p->index = probe__add_process(p->probe, p->pid);
	if (p->index < 0) {
		failure__what(f, "cannot observe process %d: the table of processes is full",
			      p->pid);
		return p->index;
	}
	probe__detach(p->probe, probes->attached);
	probes->file = NULL;
	probes->attached = process__attach_bound(p, file, f);
	if (!probes->attached)
		return -errno;
	p->attached_ns = clock_ns();
	probes->source = source;
	probes->file = file;
	return 0;
}

void process__detach(struct process *p)
{
	for (enum source_place place = 0; place < SOURCE_PLACES; place++)
		process__detach_from(p, place);
}

void process__renew(struct process *p)
{
	int old = p->index, index;

	process__detach(p);
	index = old < 0 ? old : probe__add_process(p->probe, p->pid);
	if (index < 0)
		return;
	process__discard(p);
	probe__give_process(p->probe, old);
	p->index = index;
	p->image = 0;
	p->bound = p->pid;
	p->bound_by_events = false;
	probe__process(p->probe, index)->state = GIL_PROCESS_NEW;
}

void process__detach_from(struct process *p, enum source_place place)
{
	struct process_probes *probes = &p->probes[place];

	probe__detach(p->probe, probes->attached);
	probe__detach(p->probe, probes->keep);
	probes->attached = probes->keep = NULL;
}

bool process__is_probed(const struct process *p)
{
	for (enum source_place place = 0; place < SOURCE_PLACES; place++)
		if (p->probes[place].attached)
			return true;
	return false;
}

unsigned int process__sources(const struct process *p)
{
	const struct gil_process *record =
		p->index >= 0 ? probe__process(p->probe, p->index) : NULL;

	return record ? record->sources : 0;
}

void process__set_sources(struct process *p, unsigned int sources)
{
	struct gil_process *record = probe__process(p->probe, p->index);

	__atomic_store_n(&record->sources, sources, __ATOMIC_SEQ_CST);
}

/* True if the kernel has guessed the right GIL. If it has not guessed yet, it will not guess from
 * now on. */
static bool supposed_right(const struct process *p, struct gil_process *record)
{
	const struct timespec moment = {.tv_nsec = 10 * 1000};
	__u32 state = GIL_PROCESS_NEW;

	if (__atomic_compare_exchange_n(&record->state, &state, GIL_PROCESS_QUIET, false,
					__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		return false;
	for (int i = 0; i < 100 && state == GIL_PROCESS_SUPPOSING; i++) {
		nanosleep(&moment, NULL);
		state = __atomic_load_n(&record->state, __ATOMIC_SEQ_CST);
	}
	return state == GIL_PROCESS_TRACED && record->nr_locks &&
	       record->lock[0].address == p->python.gil;
}

/* ---- GILs ---- */

static struct process_gil *add_gil(struct process *p, int lock, __u64 address, long interpreter)
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
		.switch_interval_us = python__switch_interval(p->bound, &p->python, address),
	};
	return grown;
}

/* True if the process has executed another program, and the event is still on its way. The kernel's
 * record then belongs to the new program, which may even be the same one with its GIL at the same
 * address. */
static bool was_replaced(const struct process *p, const struct gil_process *record)
{
	return __atomic_load_n(&record->image, __ATOMIC_SEQ_CST) != p->image;
}

/* Adds a GIL that no edge has shown yet. The kernel does not use it before enter_gil(). Returns 0
 * or -errno. */
static int new_gil(struct process *p, __u64 address, long interpreter)
{
	int lock = probe__take_lock(p->probe);

	if (lock < 0)
		return lock;
	if (!add_gil(p, lock, address, interpreter)) {
		probe__give_lock(p->probe, lock);
		return -ENOMEM;
	}
	gil_lock_begin(probe__lock(p->probe, lock), p->pid, address, clock_ns());
	probe__lock(p->probe, lock)->interpreter = interpreter;
	return 0;
}

static void drop_new_gil(struct process *p)
{
	probe__give_lock(p->probe, p->gils[--p->nr_gils].lock);
}

/* Makes the edges of the GIL that was added last count from now on. */
static void enter_gil(struct process *p, struct gil_process_lock *slot)
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

/* Adds a sub-interpreter's GIL that no edge has shown yet. */
static void discover_gil(struct process *p, struct gil_process *record,
			 const struct python_own_gil *own)
{
	struct gil_process_lock *slot;
	__u32 nobody = 0;

	if (new_gil(p, own->address, own->interpreter))
		return;
	/* If the kernel is just entering a GIL, leave this to the next look. */
	if (!__atomic_compare_exchange_n(&record->entering, &nobody, 1, false, __ATOMIC_SEQ_CST,
					 __ATOMIC_SEQ_CST)) {
		drop_new_gil(p);
		return;
	}
	/* Checked only now, because reading the memory of a process that is executing another
	 * program waits until that is done. Nothing from here on takes long. */
	slot = was_replaced(p, record) ? NULL : free_slot(record, own->address);
	if (slot)
		enter_gil(p, slot);
	else
		drop_new_gil(p);
	__atomic_store_n(&record->entering, 0, __ATOMIC_SEQ_CST);
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
		add_gil(p, (int)lock, l->address, l->interpreter);
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

/* Finds the sub-interpreters that have come and gone since the last look. */
static void look_at_interpreters(struct process *p)
{
	struct gil_process *record = probe__process(p->probe, p->index);
	struct python_own_gil list[4 * GIL_PROCESS_LOCKS];
	int n = python__own_gils(p->bound, &p->python, list, sizeof(list) / sizeof(*list));

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

bool process__has_gil(const struct process *p)
{
	/* A Python 2 without threads has no GIL, which the report says. */
	return p->nr_gils || (p->python.semaphore_at && p->state != PROCESS_REFUSED);
}

/* ---- tracing ---- */

static int trace_from_now(struct process *p, struct gil_process *record)
{
	int err = 0;

	/* A Python 2 may not have a GIL yet. */
	if (p->python.gil)
		err = new_gil(p, p->python.gil, 0);
	if (err)
		return err;
	/* Checked only now, because reading the memory of a process that is executing another
	 * program waits until that is done. */
	if (was_replaced(p, record)) {
		if (p->python.gil)
			drop_new_gil(p);
		return -EAGAIN;
	}
	if (p->python.gil)
		enter_gil(p, &record->lock[0]);
	record->semaphore_at = p->python.semaphore_at;
	record->drop_request = p->python.drop_request;
	record->finder = python_layout__finder(&p->python.layout);
	record->nr_locks = p->python.gil != 0;
	__atomic_store_n(&record->state, GIL_PROCESS_TRACED, __ATOMIC_SEQ_CST);
	if (was_replaced(p, record)) {
		process__discard(p);
		p->nr_gils = 0;
		return -EAGAIN;
	}
	/* Only used if no edge is ever seen, as the word has then not changed since. */
	if (p->nr_gils)
		p->gils[0].locked_at_start = python__locked(p->bound, &p->python);
	p->late_ns = p->born_ns ? gil_elapsed(p->born_ns, clock_ns()) : 0;
	return 0;
}

int process__trace(struct process *p)
{
	struct gil_process *record = probe__process(p->probe, p->index);
	int err = 0, lock;

	if (was_replaced(p, record))
		return -EAGAIN;
	record->free_threaded = p->python.free_threaded_build;
	if (supposed_right(p, record)) {
		lock = (int)record->lock[0].lock;
		if (was_replaced(p, record))
			return -EAGAIN;
		record->drop_request = p->python.drop_request;
		record->finder = python_layout__finder(&p->python.layout);
		if (!add_gil(p, lock, p->python.gil, 0))
			return -ENOMEM;
		p->late_ns = p->born_ns ? gil_elapsed(p->born_ns, p->attached_ns) : 0;
	} else {
		process__discard(p);
		err = trace_from_now(p, record);
	}
	if (err)
		return err;
	p->state = PROCESS_TRACED;
	look_at_interpreters(p);
	return 0;
}

void process__discard(struct process *p)
{
	struct gil_process *record = probe__process(p->probe, p->index);

	if (!record)
		return;
	__atomic_store_n(&record->state, GIL_PROCESS_QUIET, __ATOMIC_SEQ_CST);
	if (record->nr_locks)
		p->discarded = record->lock[0].lock;
	record->nr_locks = 0;
}

void process__freeze(struct process *p)
{
	struct gil_process *record = p->index >= 0 ? probe__process(p->probe, p->index) : NULL;

	if (record)
		__atomic_store_n(&record->state, GIL_PROCESS_QUIET, __ATOMIC_SEQ_CST);
}

void process__refresh(struct process *p)
{
	long interval;

	if (p->state != PROCESS_TRACED)
		return;
	for (size_t i = 0; i < p->nr_gils; i++) {
		if (p->gils[i].end_ns)
			continue;
		interval = python__switch_interval(p->bound, &p->python, p->gils[i].address);
		if (interval > 0)
			p->gils[i].switch_interval_us = interval;
	}
	if (p->python.free_threaded && !python__is_free_threaded(p->bound, &p->python)) {
		p->python.free_threaded = false;
		p->gil_turned_on = true;
	}
	if (p->python.layout.own_gil)
		look_at_interpreters(p);
}

int process__verify(struct process *p, struct failure *f)
{
	const struct process_probes *probes = &p->probes[SOURCE_ON_FUNCTIONS];
	long switches;

	if (p->state != PROCESS_TRACED || p->is_confirmed || !probes->attached || !p->nr_gils ||
	    p->python.semaphore_at || p->python.free_threaded_build)
		return 0;
	/* Read before the acquisitions, so that every switch counted here must show there. */
	switches = python__switches(p->bound, &p->python);
	if (probe__process(p->probe, p->index)->dropped ||
	    process_gil__acquisitions(&p->gils[0], p->probe, p->pid)) {
		p->is_confirmed = true;
		return 0;
	}
	if (p->switches < 0)
		p->switches = switches;
	if (switches < 0 || switches - p->switches < SURE_SWITCHES)
		return 0;
	process__tell_end(p, false);
	process__give_records(p);
	process__freeze(p);
	if (probes->file->is_static && probes->file->from == COND_SITES_CODE)
		failure__what(f,
			      "the pthread_cond_signal that was located in %s by its code is not "
			      "the one that the GIL uses",
			      p->python.path);
	else
		failure__what(f,
			      "its GIL changes hands, but the probes on its C library are not hit: "
			      "the file may have been changed in an overlay since it was loaded");
	return -EPROTO;
}

int process__inherit(struct process *p, const struct process *parent, struct failure *f)
{
	const struct process_probes *carried = &parent->probes[SOURCE_IN_INTERPRETER];
	const struct process_probes *probes =
		carried->attached ? carried : &parent->probes[SOURCE_ON_FUNCTIONS];
	struct gil_process *record;
	int err;

	err = process__attach(p, probes->source, probes->file, f);
	if (err)
		return err;
	p->source = probes->source;
	process__set_sources(p, p->source->bit);
	if (parent->state != PROCESS_TRACED)
		return 0;
	p->python = parent->python;
	if (p->python.semaphore_at)
		p->python.gil = 0; /* the child makes a new GIL */
	memcpy(p->source_why, parent->source_why, sizeof(p->source_why));
	record = probe__process(p->probe, p->index);
	if (record->image)
		return 0; /* it has already executed another program, and the event is on its way */
	err = process__trace(p);
	if (err == -EAGAIN)
		return 0;
	if (err)
		failure__what(f, "the table of GILs is full");
	return err;
}

/* ---- rows and counts ---- */

bool process__harvest(struct process *p)
{
	return process_gil__harvest(p->gils, p->nr_gils, p->probe, p->pid, p->listener);
}

/* A GIL that is turned off has no figures, which is not the same as zero waits. */
static bool is_off_and_unused(const struct process *p, const struct process_gil *g)
{
	return p->python.free_threaded && g->lock >= 0 &&
	       probe__lock(p->probe, g->lock)->state == GIL_LOCK_UNSEEN;
}

static int add_rows(struct process *p, struct snapshot_process *sp)
{
	if (p->nr_gils && p->gils[0].lock >= 0)
		sp->start_ns = probe__lock(p->probe, p->gils[0].lock)->start;
	for (size_t i = 0; i < p->nr_gils; i++) {
		struct snapshot_gil *g;

		if (is_off_and_unused(p, &p->gils[i]))
			continue;
		g = process_gil__snapshot(&p->gils[i], p->probe, p->pid, p->state == PROCESS_TRACED,
					  sp);
		if (!g)
			return -ENOMEM;
		g->switch_interval_us = p->gils[i].switch_interval_us;
		g->requests_unknown = !p->python.drop_request.known;
	}
	return 0;
}

static void note(const struct process *p, struct snapshot_process *sp)
{
	const struct gil_process *record = probe__process(p->probe, p->index);

	if (p->goes_on && !p->breaks_off)
		snprintf(sp->note, sizeof(sp->note),
			 "Its probes ended with the thread that they were bound to, so it was not "
			 "observed for %.20s. The time before that has its own row.",
			 format_ns(p->late_ns, true).s);
	else if (p->breaks_off)
		snprintf(sp->note, sizeof(sp->note),
			 "Its probes ended with the thread that they were bound to. What it did "
			 "after that was not observed.");
	else if (p->python.semaphore_at && !p->nr_gils)
		snprintf(sp->note, sizeof(sp->note),
			 "Python 2 has no GIL before its first thread starts, and none was "
			 "started.");
	else if (p->nr_unlisted_gils)
		snprintf(sp->note, sizeof(sp->note),
			 "%zu sub-interpreters' GILs have ended and have no row.",
			 p->nr_unlisted_gils);
	else if (record && record->full)
		snprintf(sp->note, sizeof(sp->note),
			 "More than %d of its interpreters had a GIL at the same time; the rest "
			 "were not observed.",
			 GIL_PROCESS_LOCKS);
}

void process__describe(const struct process *p, struct snapshot_process *sp, __u64 now)
{
	sp->pid = p->pid;
	memcpy(sp->comm, p->comm, sizeof(sp->comm));
	memcpy(sp->python, p->python.version, sizeof(sp->python));
	snprintf(sp->source, sizeof(sp->source), "%s", p->source->name);
	memcpy(sp->source_why, p->source_why, sizeof(sp->source_why));
	sp->free_threaded = p->python.free_threaded;
	sp->free_threaded_build = p->python.free_threaded_build;
	sp->gil_turned_on = p->gil_turned_on;
	sp->exited = p->end_ns != 0;
	sp->end_ns = p->end_ns ? p->end_ns : now;
	sp->start_ns = p->nr_gils ? sp->end_ns : p->attached_ns;
	sp->late_ns = p->late_ns;
	note(p, sp);
}

int process__snapshot(struct process *p, struct snapshot *s, __u64 now)
{
	struct snapshot_process *sp = snapshot__add_process(s);

	if (!sp)
		return -ENOMEM;
	process__describe(p, sp, now);
	return add_rows(p, sp);
}

/* Adds its GILs, without rows of threads and handoffs. */
static int describe_gils(const struct process *p, struct snapshot_process *sp)
{
	for (size_t i = 0; i < p->nr_gils; i++) {
		struct snapshot_gil *g = snapshot_process__add_gil(sp);

		if (!g)
			return -ENOMEM;
		process_gil__describe(&p->gils[i], p->probe, g);
		g->switch_interval_us = p->gils[i].switch_interval_us;
		g->requests_unknown = !p->python.drop_request.known;
		if (!i)
			sp->start_ns = g->lock.start;
	}
	return 0;
}

static void tell(struct process *p, bool ended, bool listed)
{
	const struct listener *to = p->listener;
	struct snapshot_process sp = {0};

	if (!to || !process__has_gil(p))
		return;
	probe__entries(p->probe);
	process__describe(p, &sp, 0);
	if (describe_gils(p, &sp))
		to->failed(to->ctx, -ENOMEM);
	else if (ended)
		to->ended(to->ctx, &sp, listed);
	else
		to->process(to->ctx, &sp);
	free(sp.gils);
}

void process__tell(struct process *p)
{
	tell(p, false, false);
}

void process__tell_end(struct process *p, bool listed)
{
	tell(p, true, listed);
}

void process__give_records(struct process *p)
{
	struct gil_process *record = p->index >= 0 ? probe__process(p->probe, p->index) : NULL;

	process_gil__harvest(NULL, 0, p->probe, p->pid, NULL);
	for (size_t i = 0; i < p->nr_gils; i++)
		process_gil__clear(&p->gils[i], p->probe);
	p->nr_gils = p->nr_unlisted_gils = 0;
	p->unlisted_hits = 0;
	/* These have been counted for the program that ends here; another may follow. */
	if (record)
		record->other_hits = record->dropped = record->full = 0;
	if (p->discarded >= 0)
		probe__give_lock(p->probe, p->discarded);
	p->discarded = -1;
}

void process__count(const struct process *p, struct process_count *count)
{
	__u64 hits = 0;

	for (size_t i = 0; i < p->nr_gils; i++)
		hits += process_gil__hits(&p->gils[i], p->probe, p->pid);
	process__count_with(p, hits, count);
}

void process__count_with(const struct process *p, __u64 gil_hits, struct process_count *count)
{
	const struct gil_process *record =
		p->index >= 0 ? probe__process(p->probe, p->index) : NULL;
	__u64 hits = p->unlisted_hits;

	if (record) {
		hits += record->other_hits + record->dropped;
		count->dropped += record->dropped;
	}
	/* In a Python 2, other_hits includes the hits of its GIL. */
	if (!p->python.semaphore_at)
		hits += gil_hits;
	count->hits += hits;
	if (p->source->costs_apart)
		count->usdt_hits += hits;
}
