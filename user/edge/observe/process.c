// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "edge/observe/process_private.h"

/* From one walk through the list of interpreters to the next, at least this many times as long as
 * the walk took: a hostile list is as long as the limit, and each process can have one. */
#define WALK_SHARE 100
/* How often the arguments are read again. */
#define COMMAND_NS 1000000000ULL
/* If a GIL changes threads this often without a hit, the probes are in the wrong place. */
#define SURE_SWITCHES 4

struct process *process__new(struct probe *probe, struct looker *looker,
			     const struct listener *listener, pid_t pid)
{
	struct process *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->probe = probe;
	p->looker = looker;
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
	p->command[0] = '\0';
	/* Otherwise it belongs to a record that has been given back. */
	if (p->index == (int)exec->process)
		p->image = exec->image;
	memset(&p->python, 0, sizeof(p->python));
	p->source_why[0] = '\0';
	p->gil_turned_on = false;
	p->unnamed = p->name_tries = 0;
	p->borrows = p->missed = p->goes_on = p->breaks_off = false;
	p->is_confirmed = false;
	p->switches = -1;
	p->born_ns = exec->ts;
	p->absent_ns = p->late_ns = 0;
	p->try_delay_ns = 0;
	p->contradiction[0] = '\0';
}

void process__free(struct process *p)
{
	if (!p)
		return;
	process__detach(p);
	for (enum source_place place = 0; place < SOURCE_PLACES; place++)
		site_file__leave(p->probes[place].file);
	for (size_t i = 0; i < p->nr_gils; i++) {
		free(p->gils[i].past.threads);
		free(p->gils[i].past.sums);
		process_blame__free(p->gils[i].blame);
	}
	free(p->gils);
	free(p);
}

int process__enter(struct process *p, struct failure *f)
{
	if (p->index < 0)
		p->index = probe__add_process(p->probe, p->pid);
	if (p->index >= 0)
		return 0;
	failure__what(f, "cannot observe process %d: the table of processes is full", p->pid);
	return p->index;
}

int process__attach(struct process *p, const struct source *source, struct site_file *file,
		    struct failure *f)
{
	struct process_probes *probes = &p->probes[source->place];
	int err = process__enter(p, f);

	if (err)
		return err;
	probe__detach(p->probe, probes->attached);
	/* In this order, as it may be the same file. */
	site_file__use(file);
	site_file__leave(probes->file);
	probes->file = file;
	probes->attached = process__attach_bound(p, file, f);
	if (!probes->attached) {
		err = -errno;
		site_file__leave(file);
		probes->file = NULL;
		return err;
	}
	p->attached_ns = clock_ns();
	probes->source = source;
	return 0;
}

void process__detach(struct process *p)
{
	for (enum source_place place = 0; place < SOURCE_PLACES; place++)
		process__detach_from(p, place);
}

void process__detach_ended(struct process *p)
{
	for (enum source_place place = 0; place < SOURCE_PLACES; place++) {
		struct process_probes *probes = &p->probes[place];

		probe__detach_ended(p->probe, probes->attached);
		probe__detach_ended(p->probe, probes->keep);
		probes->attached = probes->keep = NULL;
	}
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

bool process__has_no_probes(const struct process *p)
{
	return p->state == PROCESS_TRACED && p->source->place == SOURCE_NOWHERE;
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

/* ---- tracing ---- */

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

/* For how long it may have been a CPython when edges could be seen at last, at `then`. */
static __u64 lateness(const struct process *p, __u64 then)
{
	__u64 since = gil_later(p->born_ns, p->absent_ns);

	return since ? gil_elapsed(since, then) : 0;
}

#define ABOUT_TO_GO_ON_NS 50000000ULL

/* A thread that waited before its GIL was observed has shown itself within a switch interval, because
 * a waiter sleeps for no longer. Twice that leaves room for a late wake-up. From then on the first
 * wait of a thread is whole. If waiters were found, or nobody had the GIL, then there is only room
 * to leave for those that were just about to go on. */
static void expect_waiters(const struct process_gil *g, bool known, struct gil_lock *l)
{
	__u64 wait = 2000 * (__u64)g->switch_interval_us;

	if (known && wait > ABOUT_TO_GO_ON_NS)
		wait = ABOUT_TO_GO_ON_NS;
	if (g->switch_interval_us > 0)
		l->bpf.whole_from = clock_ns() + wait;
}

bool process__is_sampled(const struct process *p)
{
	return p->python.frames.known && probe__blame_hz(p->probe, NULL);
}

/* Lets samples be taken: their GIL has an entry now. */
static void begin_samples(const struct process *p, struct gil_process *record)
{
	if (!process__is_sampled(p))
		return;
	record->frames = p->python.frames;
	record->frames.known = 0;
	__atomic_store_n(&record->frames.known, 1, __ATOMIC_SEQ_CST);
}

static int trace_from_now(struct process *p, struct gil_process *record)
{
	struct gil_thread *holder = NULL;
	unsigned int waiters;
	int err = 0;

	/* A Python 2 may not have a GIL yet. */
	if (p->python.gil)
		err = process__new_gil(p, p->python.gil, 0);
	if (err)
		return err;
	/* Checked only now, because reading the memory of a process that is executing another
	 * program waits until that is done. */
	if (process__was_replaced(p, record)) {
		if (p->python.gil)
			process__drop_new_gil(p);
		return -EAGAIN;
	}
	if (p->python.gil && !p->born_ns) {
		holder = p->source->waits_only ? NULL : process__find_holder(p);
		process__find_waiters(p, holder);
	}
	if (p->python.gil)
		process__enter_gil(p, &record->lock[0]);
	record->semaphore_at = p->python.semaphore_at;
	record->drop_request = p->python.drop_request;
	record->finder = python_layout__finder(&p->python.layout);
	record->thread_native_id = p->python.frames.thread_native_id;
	record->nr_locks = p->python.gil != 0;
	begin_samples(p, record);
	__atomic_store_n(&record->state, GIL_PROCESS_TRACED, __ATOMIC_SEQ_CST);
	if (process__was_replaced(p, record)) {
		/* Its record is now the discarded one. */
		for (size_t i = 0; i < p->nr_gils; i++)
			process_blame__free(p->gils[i].blame);
		p->nr_gils = 0;
		process__discard(p);
		return -EAGAIN;
	}
	process__confirm_holder(p, 0, holder);
	if (p->nr_gils) {
		/* Otherwise only used if no edge is ever seen, as the word has then not changed since. */
		if (!p->source->waits_only)
			p->gils[0].locked_at_start =
				looker__locked(p->looker, p->bound, &p->python);
		waiters = p->born_ns ? 0 : process__confirm_waiters(p, 0);
		expect_waiters(&p->gils[0], waiters || p->gils[0].locked_at_start == 0,
			       probe__lock(p->probe, (unsigned int)p->gils[0].lock));
	}
	p->late_ns = lateness(p, clock_ns());
	return 0;
}

int process__trace(struct process *p)
{
	struct gil_process *record = probe__process(p->probe, p->index);
	int err = 0, lock;

	if (process__was_replaced(p, record))
		return -EAGAIN;
	record->free_threaded = p->python.free_threaded_build;
	if (supposed_right(p, record)) {
		lock = (int)record->lock[0].lock;
		if (process__was_replaced(p, record))
			return -EAGAIN;
		record->drop_request = p->python.drop_request;
		record->finder = python_layout__finder(&p->python.layout);
		if (!process__add_gil(p, lock, p->python.gil, 0))
			return -ENOMEM;
		begin_samples(p, record);
		p->late_ns = lateness(p, p->attached_ns);
	} else {
		process__discard(p);
		err = trace_from_now(p, record);
	}
	if (err)
		return err;
	p->state = PROCESS_TRACED;
	process__look_at_interpreters(p);
	return 0;
}

/* A record that is given back twice would belong to two GILs. */
static bool owns_lock(const struct process *p, __u32 lock)
{
	for (size_t i = 0; i < p->nr_gils; i++)
		if (p->gils[i].lock == (int)lock)
			return true;
	return false;
}

void process__discard(struct process *p)
{
	struct gil_process *record = probe__process(p->probe, p->index);

	if (!record)
		return;
	__atomic_store_n(&record->state, GIL_PROCESS_QUIET, __ATOMIC_SEQ_CST);
	if (record->nr_locks && !owns_lock(p, record->lock[0].lock))
		p->discarded = record->lock[0].lock;
	record->nr_locks = 0;
}

void process__expect_gil(struct process *p)
{
	struct gil_process *record = p->index >= 0 ? probe__process(p->probe, p->index) : NULL;
	__u32 state = GIL_PROCESS_QUIET;

	/* There is room for one wrong guess. */
	if (record && p->state == PROCESS_SEARCHING && p->discarded < 0)
		__atomic_compare_exchange_n(&record->state, &state, GIL_PROCESS_NEW, false,
					    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

void process__freeze(struct process *p)
{
	struct gil_process *record = p->index >= 0 ? probe__process(p->probe, p->index) : NULL;

	if (record)
		__atomic_store_n(&record->state, GIL_PROCESS_QUIET, __ATOMIC_SEQ_CST);
}

void process__read_command(struct process *p)
{
	char command[PROGRAM_NAME];

	p->command_ns = clock_ns();
	/* A process that ends has no arguments any more. */
	if (looker__command(p->looker, p->pid, command) && command[0])
		memcpy(p->command, command, sizeof(command));
}

void process__refresh(struct process *p)
{
	__u64 begin_ns = clock_ns();
	long interval;

	if (p->state != PROCESS_TRACED)
		return;
	if (gil_elapsed(p->command_ns, begin_ns) >= COMMAND_NS)
		process__read_command(p);
	for (size_t i = 0; i < p->nr_gils; i++) {
		if (p->gils[i].end_ns)
			continue;
		interval = looker__switch_interval(p->looker, p->bound, &p->python,
						   p->gils[i].address);
		if (interval > 0)
			p->gils[i].switch_interval_us = interval;
	}
	if (p->python.free_threaded && !looker__is_free_threaded(p->looker, p->bound, &p->python)) {
		p->python.free_threaded = false;
		p->gil_turned_on = true;
	}
	if (!p->python.layout.own_gil || begin_ns < p->next_walk_ns)
		return;
	begin_ns = clock_ns();
	process__look_at_interpreters(p);
	p->next_walk_ns = begin_ns + WALK_SHARE * gil_elapsed(begin_ns, clock_ns());
}

int process__verify(struct process *p, struct failure *f)
{
	const struct process_probes *probes = &p->probes[SOURCE_ON_FUNCTIONS];
	long switches;

	if (p->state != PROCESS_TRACED || p->is_confirmed || !probes->attached || !p->nr_gils ||
	    p->python.semaphore_at || p->python.free_threaded_build)
		return 0;
	/* Read before the acquisitions, so that every switch counted here must show there. */
	switches = looker__switches(p->looker, p->bound, &p->python);
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
	process__discard(p);
	process__give_records(p);
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
	const struct source *source =
		process__has_no_probes(parent) ? parent->source : probes->source;
	struct gil_process *record;
	int err;

	err = process__has_no_probes(parent) ? process__enter(p, f)
					     : process__attach(p, source, probes->file, f);
	if (err)
		return err;
	p->source = source;
	process__set_sources(p, p->source->bit);
	if (parent->state != PROCESS_TRACED)
		return 0;
	memcpy(p->command, parent->command, sizeof(p->command));
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
