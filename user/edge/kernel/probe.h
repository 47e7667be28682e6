/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The BPF side as the rest of the program sees it: load, attach to a process, read records. The
 * only file that knows libbpf is probe.c.
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/capability.h"
#include "core/base/failure.h"
#include "gil_maps.h"
#include "core/figures/listener.h"
#include "edge/sites/probe_site.h"
#include "core/figures/snapshot.h"

struct probe;
struct attachment; /* the probes in one process */

struct probe_options {
	unsigned int max_processes; /* at one time; each table's size */
	unsigned int max_threads;
	bool follow;      /* children of targets become targets */
	bool all_execs;   /* report every exec on the machine, not only those of targets */
	bool perf_events; /* no uprobe_multi, though the kernel may have it */
	bool verbose;     /* libbpf's own messages go to stderr */
	size_t ring_size; /* of the ring of edges, a power of two; 0: none is recorded */
	const struct listener *listener; /* gets that ring's entries, and more; NULL: nobody does */
};

enum probe_program {
	PROBE_COND,      /* on libc's condition variables */
	PROBE_USDT,      /* on GIL probes that the interpreter has */
	PROBE_SEMAPHORE, /* on Python 2's functions */
	PROBE_EMPTY,     /* does nothing, on whatever probes: what they cost by themselves */
	PROBE_PROGRAMS,
};

/* Loads the programs and attaches those of the scheduler. 0, or -errno with f filled. Free with
 * probe__free. */
int probe__open(struct probe **out, const struct probe_options *options, struct failure *f);
/* Detaches and frees everything; waits until the kernel has let go. NULL is fine. */
void probe__free(struct probe *p);

/* Loads a program that few targets need, if it has not been yet: that takes the kernel some 20 to 40
 * ms. probe__attach does it too. 0 or -errno with f filled. */
int probe__prepare(struct probe *p, enum probe_program which, struct failure *f);

/* Becomes readable when probe__events has something to deliver. Owned by the probe. */
int probe__event_fd(const struct probe *p);
/* Calls handle for each process event that has come. */
void probe__events(struct probe *p, void (*handle)(void *ctx, const struct gil_event *e),
		   void *ctx);

/* The one from the options, or NULL. */
const struct listener *probe__listener(const struct probe *p);
/* Delivers all that the ring of edges has to the listener, if there is one, until that returns an
 * error. Nothing tells when there is something: look every few ms. */
void probe__entries(struct probe *p);

/* Ends a recording: nothing of a thread changes from now on but by what was already under way. */
void probe__freeze(struct probe *p);

/* A record for process pid, in state QUIET, known to the kernel as a target. Its index, or -ENOSPC
 * or -errno. */
int probe__add_process(struct probe *p, pid_t pid);
/* The same in two steps: for the kernel the process may have another record until the second one. The
 * second returns 0 or -errno. */
int probe__take_process(struct probe *p, pid_t pid);
int probe__enter_process(struct probe *p, unsigned int index);
/* A zeroed record for a GIL: its index, or -ENOSPC. */
int probe__take_lock(struct probe *p);

/* The live records; valid as long as the probe. Indexes come from the calls above and from
 * events. */
struct gil_process *probe__process(struct probe *p, unsigned int index);
struct gil_lock *probe__lock(struct probe *p, unsigned int index);
struct gil_thread *probe__thread(struct probe *p, unsigned int index);
/* Threads' records below this index may be in use. */
unsigned int probe__thread_limit(const struct probe *p);

/* True if the record of a thread that has exited waits to be given back. */
bool probe__any_thread_gone(const struct probe *p);

/* Consistent copies of records that the kernel may be writing to. */
void probe__read_lock(struct probe *p, unsigned int index, struct gil_lock *copy);
void probe__read_thread(struct probe *p, unsigned int index, struct gil_thread *copy);

/* Zeroes a record and lets it be used again. The kernel must be done with it: the process or thread
 * is gone. */
void probe__give_process(struct probe *p, unsigned int index);
void probe__give_lock(struct probe *p, unsigned int index);
void probe__give_thread(struct probe *p, unsigned int index);

/*
 * Puts the program on n sites of one file into process pid, for the record at index. `path` opens
 * the file. NULL with f filled if it can't be done: errno tells why (ESRCH: the process is gone).
 */
struct attachment *probe__attach(struct probe *p, enum probe_program which, pid_t pid,
				 unsigned int index, const char *path,
				 const struct probe_site *site, size_t n, struct failure *f);
/* The same by perf events, which end with the thread tid and not with its process's main one. All
 * threads of the process hit them. */
struct attachment *probe__attach_thread(struct probe *p, enum probe_program which, pid_t tid,
					unsigned int index, const char *path,
					const struct probe_site *site, size_t n, struct failure *f);
/* The index under which a site of the USDT program finds how to read its arguments. -ENOSPC or
 * -errno. */
int probe__enter_arguments(struct probe *p, const struct gil_arguments *a);
/* Takes the probes away, in the background: the kernel needs some 40 ms for it. NULL is fine. */
void probe__detach(struct probe *p, struct attachment *a);
/* True if all that was detached is gone. */
bool probe__is_settled(struct probe *p);
/* Waits until it is. */
void probe__settle(struct probe *p);

/* True if one link carries all probes of a file (uprobe_multi, Linux 6.6); else they are perf events. */
bool probe__is_multi(const struct probe *p);
/* The capabilities that attaching takes, to further processes or to another thread of one. */
capabilities probe__needs(void);
/* Makes probe__attach use perf events from here on, though the kernel has uprobe_multi: it failed
 * its test. */
int probe__use_perf_events(struct probe *p, struct failure *f);

/* Appends the handoffs from -> to of the GIL at index to g. 0 or -errno. */
int probe__read_pairs(struct probe *p, unsigned int index, struct snapshot_gil *g);
/* Calls visit for the handoffs of all GILs. 0 or -errno. */
int probe__each_pair(struct probe *p,
		     int (*visit)(void *ctx, unsigned int lock, const struct gil_handoff *h),
		     void *ctx);
/* Forgets them. */
void probe__drop_pairs(struct probe *p, unsigned int index);

/* What the kernel side knows to be lost, except the edges that single processes count. */
void probe__read_lost(struct probe *p, struct snapshot_lost *lost);

#endif
