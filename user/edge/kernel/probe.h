/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The BPF side as the rest of the program sees it: load programs, attach them to a process, read
 * records. Only the files of this folder use libbpf.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/capability.h"
#include "core/base/failure.h"
#include "gil_blame.h"
#include "gil_cookie.h"
#include "gil_event.h"
#include "gil_maps.h"
#include "edge/sites/probe_site.h"
#include "core/figures/snapshot.h"

struct probe;
struct attachment; /* probes in one process */

struct probe_options {
	unsigned int max_processes; /* sizes of the tables: how many at the same time */
	unsigned int max_threads;
	bool follow;      /* children of targets become targets */
	bool all_execs;   /* report every exec on the machine, not only those of targets */
	bool perf_events; /* do not use uprobe_multi even if the kernel has it */
	bool verbose;     /* libbpf's own messages go to stderr */
	size_t ring_size; /* of the ring of edges, in bytes, a power of two; 0: no recording */
	/* Gets each entry of that ring (gil_stream.h). Returns 0, or -errno to stop for now. NULL:
	 * there is no ring. */
	int (*entry)(void *ctx, void *entry, size_t size);
	void *entry_ctx;
	/* How often a second the code that has a GIL is sampled on each CPU; 0: never. See
	 * probe__samples. */
	unsigned int blame_hz;
	bool waits; /* some processes may have no probes: load what sees their waits (bpf/futex.h) */
};

enum probe_program {
	PROBE_COND,      /* on libc's condition variables */
	PROBE_USDT,      /* on the interpreter's own GIL probes */
	PROBE_SEMAPHORE, /* on Python 2's functions */
	PROBE_EMPTY, /* does nothing, on any probes; for trials, and to keep breakpoints in place */
	PROBE_PROGRAMS,
};

/* Loads the programs and attaches those on the scheduler. Returns 0, or -errno with f filled. Free
 * with probe__free. */
int probe__open(struct probe **out, const struct probe_options *options, struct failure *f);
/* Detaches and frees everything, and waits until the kernel is done. NULL is fine. */
void probe__free(struct probe *p);

/* Loads a program that few targets need, unless it is loaded already. This takes the kernel some 20
 * to 40 ms. probe__attach does it too. Returns 0, or -errno with f filled. */
int probe__prepare(struct probe *p, enum probe_program which, struct failure *f);

/* A descriptor that is readable when probe__events has something to deliver. Owned by the probe. */
int probe__event_fd(const struct probe *p);
/* Calls handle for each process event that has arrived. */
void probe__events(struct probe *p, void (*handle)(void *ctx, const struct gil_event *e),
		   void *ctx);

/* Delivers the contents of the ring of edges, if there is one, to `entry` of the options, until
 * that returns an error. Nothing announces new entries, so call this every few ms. */
void probe__entries(struct probe *p);

/* Delivers the contents of the ring of samples. Call every 100 ms at least. */
void probe__samples(struct probe *p, void (*sample)(void *ctx, const void *entry, size_t size),
		    void *ctx);
/* How often a second samples are taken; 0: they are not, because they were not asked for or, with
 * *why filled, because that is not possible here. `why` may be NULL. */
unsigned int probe__blame_hz(const struct probe *p, const struct failure **why);
/* The gap of the thread's record at this index, as it is now; false if there is none. */
bool probe__read_gap(const struct probe *p, unsigned int index, struct gil_blame_gap *gap);

/* Ends a recording: from now on threads' records change only by what is already under way. */
void probe__freeze(struct probe *p);

/* Adds a record for process pid, in state QUIET, and makes the process a target in the kernel.
 * Returns the record's index, -ENOSPC if the table is full, or another -errno. */
int probe__add_process(struct probe *p, pid_t pid);
/* The same in two steps. Until the second step the kernel may use another record for the process.
 * The second step returns 0 or -errno. */
int probe__take_process(struct probe *p, pid_t pid);
int probe__enter_process(struct probe *p, unsigned int index);
/* Returns the index of a zeroed record for a GIL, or -ENOSPC. */
int probe__take_lock(struct probe *p);

/* Takes a record for thread tid, which the caller fills, and then announces it to the programs on the
 * scheduler. The first one returns its index or -ENOSPC; the second one 0 or -errno. */
int probe__take_thread(struct probe *p);
int probe__enter_thread(struct probe *p, unsigned int index);

/* The live records, valid as long as the probe; NULL if the index is out of range. Indexes come
 * from the calls above and from events. */
struct gil_process *probe__process(struct probe *p, unsigned int index);
struct gil_lock *probe__lock(struct probe *p, unsigned int index);
struct gil_thread *probe__thread(struct probe *p, unsigned int index);
/* Only threads' records below this index may be in use. */
unsigned int probe__thread_limit(const struct probe *p);

/* True if the record of an exited thread has not been given back yet. */
bool probe__any_thread_gone(const struct probe *p);

/* Make consistent copies of records that the kernel may be writing to. */
void probe__read_lock(struct probe *p, unsigned int index, struct gil_lock *copy);
void probe__read_thread(struct probe *p, unsigned int index, struct gil_thread *copy);

/* Zero a record and make it available again. The kernel must be done with it, because the process
 * or thread is gone. */
void probe__give_process(struct probe *p, unsigned int index);
void probe__give_lock(struct probe *p, unsigned int index);
void probe__give_thread(struct probe *p, unsigned int index);

/*
 * Attaches the program to n sites in one file, in process pid, for the record at index. `path`
 * opens the file. On failure returns NULL with f filled and errno set (ESRCH: the process is gone).
 */
struct attachment *probe__attach(struct probe *p, enum probe_program which, pid_t pid,
				 unsigned int index, const char *path,
				 const struct probe_site *site, size_t n, struct failure *f);
/* The same with perf events, which end with thread tid instead of the process's main thread. All
 * threads of the process hit them. */
struct attachment *probe__attach_thread(struct probe *p, enum probe_program which, pid_t tid,
					unsigned int index, const char *path,
					const struct probe_site *site, size_t n, struct failure *f);
/* Stores how to read the arguments at a site of the USDT program. Returns the index for
 * probe_site.arguments, -ENOSPC or another -errno. */
int probe__enter_arguments(struct probe *p, const struct gil_arguments *a);
/* Removes the probes in the background, because this takes the kernel some 40 ms. NULL is fine. */
void probe__detach(struct probe *p, struct attachment *a);
/* The same for a process that has ended. Often another one starts just then, whose probes would have to
 * wait for the removal, above all if they are perf events; so this is done a second later, by
 * probe__tick. */
void probe__detach_ended(struct probe *p, struct attachment *a);
/* Call ten times a second. */
void probe__tick(struct probe *p);
/* True if everything that was detached is gone. */
bool probe__is_settled(struct probe *p);
/* Waits for that. */
void probe__settle(struct probe *p);

/* True if one link carries all probes in a file (uprobe_multi, Linux 6.6); false if they are perf
 * events. */
bool probe__is_multi(const struct probe *p);
/* The capabilities needed to attach to further processes, or to another thread of one. */
capabilities probe__needs(void);
/* Makes probe__attach use perf events from now on. For kernels whose uprobe_multi failed its trial.
 * Invalidates all records. Returns 0, or -errno with f filled. */
int probe__use_perf_events(struct probe *p, struct failure *f);

/* Appends the sums of the GIL at index to g. Returns 0 or -errno. */
int probe__read_sums(struct probe *p, unsigned int index, struct snapshot_gil *g);
/* Calls visit for the sums of all GILs. Returns 0, -errno, or the first result of visit that is
 * not 0. */
int probe__each_sum(struct probe *p,
		    int (*visit)(void *ctx, unsigned int lock, const struct gil_sum *sum),
		    void *ctx);
/* Deletes the sums of the GIL at index. */
void probe__drop_sums(struct probe *p, unsigned int index);

/* Adds the losses that the BPF side has counted, except edges counted per process. */
void probe__read_lost(struct probe *p, struct snapshot_lost *lost);

#endif
