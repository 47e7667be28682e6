// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What happens when the thread that a process's probes are bound to ends.
 *
 * The kernel identifies a process by one of its threads, usually the main one, and uses that
 * thread's memory map to decide whether a hit is meant. A thread that has ended has no memory map.
 * It can end before the others, if main() calls pthread_exit. Then
 *
 *  - a perf event (uprobe_perf_filter, all kernels) no longer runs its program, and the next hit
 *    removes the breakpoint;
 *  - a uprobe_multi link does not run its program either, according to the code of Linux 6.6 to
 * 6.11;
 *  - in later kernels it does (same_thread_group), but the breakpoints disappear as soon as anyone
 *    removes any other probe on the same function.
 *
 * A perf event can be bound to any thread. In the last case we attach a perf event that does
 * nothing, bound to a living thread. It keeps the breakpoints in place, and nothing is missed if
 * they were still there. In the other cases the real program has to be attached again, to a living
 * thread. What happens meanwhile is missed, and the state of the GIL is then unknown, as after any
 * attach.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "gil_stream.h"
#include "edge/observe/process.h"

/* Attempts to list the threads, which may come and go meanwhile. */
#define ROUNDS 3

/* The new probes, by their places. */
struct binding {
	struct attachment *attached[SOURCE_PLACES];
};

struct attachment *process__attach_bound(struct process *p, const struct site_file *file,
					 struct failure *f)
{
	if (p->bound == p->pid)
		return site_file__attach(file, p->probe, file->program, p->pid, p->index, f);
	p->bound_by_events = true;
	return site_file__attach_thread(file, p->probe, file->program, p->bound, p->index, f);
}

/* Returns 0 if all breakpoints are still in place after another thread's end, -ENOLINK if not, or
 * -ESRCH if this thread has ended too. */
static int look_for_breakpoints(struct looker *looker, pid_t tid, const struct site_file *file)
{
	struct site_found sites = {.ino = file->ino, .n = file->n};

	memcpy(sites.site, file->site, sizeof(sites.site));
	return looker__breakpoints(looker, tid, &sites);
}

static int attach_to(struct process *p, pid_t tid, unsigned int index, const struct site_file *file,
		     bool keep, struct attachment **out, struct failure *f)
{
	*out = site_file__attach_thread(file, p->probe, keep ? PROBE_EMPTY : file->program, tid,
					index, f);
	return *out ? 0 : -errno;
}

/* Attaches probes for the same sources as the existing ones, bound to one thread. `keep` attaches
 * programs that do nothing. */
static int bind_to(struct process *p, pid_t tid, unsigned int index, bool keep, struct binding *b,
		   struct failure *f)
{
	int err = 0;

	*b = (struct binding){0};
	/* Before it is bound, so that its end is reported even if it comes right after. */
	__atomic_store_n(&probe__process(p->probe, p->index)->bound, tid, __ATOMIC_SEQ_CST);
	__atomic_store_n(&probe__process(p->probe, index)->bound, tid, __ATOMIC_SEQ_CST);
	for (size_t i = 0; keep && i < SOURCE_PLACES && !err; i++)
		if (p->probes[i].attached)
			err = look_for_breakpoints(p->looker, tid, p->probes[i].file);
	for (size_t i = 0; i < SOURCE_PLACES && !err; i++)
		if (p->probes[i].attached)
			err = attach_to(p, tid, index, p->probes[i].file, keep, &b->attached[i], f);
	if (!err) {
		p->bound = tid;
		return 0;
	}
	for (size_t i = 0; i < SOURCE_PLACES; i++)
		probe__detach(p->probe, b->attached[i]);
	return err;
}

/* The same for the first living thread, in the order of /proc/PID/task, which is by number and so
 * by age. */
static int bind_to_any(struct process *p, pid_t ended, unsigned int index, bool keep,
		       struct binding *b, struct failure *f)
{
	char path[64];
	struct dirent *entry;
	int err = -ESRCH;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", p->pid);
	for (int i = 0; i < ROUNDS && err == -ESRCH; i++) {
		dir = opendir(path);
		if (!dir)
			return -ESRCH;
		while (err == -ESRCH && (entry = readdir(dir))) {
			pid_t tid =
				isdigit((unsigned char)entry->d_name[0]) ? atoi(entry->d_name) : 0;

			if (tid > 0 && tid != ended)
				err = bind_to(p, tid, index, keep, b, f);
		}
		closedir(dir);
	}
	return err;
}

int process__keep(struct process *p, pid_t ended, struct failure *f)
{
	struct binding b;
	int err = bind_to_any(p, ended, p->index, true, &b, f);

	if (err)
		return err;
	for (size_t i = 0; i < SOURCE_PLACES; i++) {
		probe__detach(p->probe, p->probes[i].keep);
		p->probes[i].keep = b.attached[i];
	}
	return 0;
}

int process__bind_again(struct process *p, pid_t ended, unsigned int index, struct failure *f)
{
	struct binding b;
	int err = bind_to_any(p, ended, index, false, &b, f);

	if (err)
		return err;
	process__detach(p);
	for (size_t i = 0; i < SOURCE_PLACES; i++)
		p->probes[i].attached = b.attached[i];
	p->attached_ns = clock_ns();
	p->bound_by_events = true;
	return 0;
}

/* Treats the thread as exited. The BPF program on_exit() does the same, and records the same. */
static void end_thread(struct process *p, unsigned int record, struct gil_thread *t)
{
	const struct listener *to = p->listener;
	struct gil_lock *l = probe__lock(p->probe, t->lock);
	struct gil_stream_exit e = {
		.edge = {.ts = clock_ns(), .thread = record, .kind = GIL_EDGE_EXIT}};

	gil_model_exit(l, t, e.edge.ts);
	if (!to)
		return;
	memcpy(e.comm, t->comm, sizeof(e.comm));
	if (!l->bpf.lost && t->bpf.told)
		to->entry(to->ctx, &e, sizeof(e));
	else if (!__atomic_fetch_add(&l->bpf.lost, 1, __ATOMIC_SEQ_CST))
		l->bpf.lost_since = e.edge.ts;
}

void process__end_threads(struct process *p)
{
	const struct timespec grace = {.tv_nsec = 1000 * 1000};

	nanosleep(&grace, NULL); /* long enough for edges under way to be counted */
	probe__entries(p->probe);
	for (unsigned int i = 0; i < probe__thread_limit(p->probe); i++) {
		struct gil_thread *t = probe__thread(p->probe, i);

		if (t->tid && t->pid == (__u32)p->pid && t->state != GIL_THREAD_GONE)
			end_thread(p, i, t);
	}
	nanosleep(&grace, NULL); /* long enough for the scheduler's programs to leave them alone */
}
