/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One observed process: from the first sight of it to its rows in the snapshot. */
#ifndef PROCESS_H
#define PROCESS_H

#include "edge/kernel/probe.h"
#include "edge/observe/process_gil.h"
#include "edge/python/python.h"
#include "edge/observe/site_file.h"
#include "core/figures/snapshot.h"

enum process_state {
	/* a target that is not (yet) a CPython: a wrapper before its exec, an interpreter that starts */
	PROCESS_SEARCHING,
	/* its GIL is known and its edges count */
	PROCESS_TRACED,
	/* a CPython that is not understood, or could not be probed; the snapshot says so */
	PROCESS_REFUSED,
	/* exited; its records are read and given back once the kernel is done with them */
	PROCESS_ENDED,
};

struct process {
	struct process *next;
	struct probe *probe;
	pid_t pid;
	enum process_state state;
	char comm[16];
	int index;     /* of its record in the kernel; -1: none */
	int discarded; /* of the record of a GIL that was none; taken until the process ends: its
			  threads know it */
	__u32 image;   /* counts execs */
	/* Its probes; NULL: none. Both while one takes over from the other. */
	struct attachment *cond, *usdt;
	/* While those outlive the thread that they are bound to: see process_bind.c. */
	struct attachment *keep_cond, *keep_usdt;
	/* The thread whose end is the end of its probes, and through which its memory is read: its
	 * main one, as long as that lives. */
	pid_t bound;
	bool bound_by_events; /* to another one, by perf events of which each ends with its thread */
	bool goes_on;         /* its row goes on from one that ended with such a thread, */
	bool breaks_off;      /* or ends with it, and nothing goes on */
	/* The files that these are, or were, in; owned by the target. */
	const struct site_file *libc, *interpreter;
	bool by_usdt;         /* its edges come from the interpreter's own probes */
	char source_why[256]; /* why they come from where they do */
	struct python python;
	bool gil_turned_on;       /* since it is observed: it is a free-threaded build */
	struct process_gil *gils; /* the main interpreter's first, once its GIL is known */
	size_t nr_gils;
	size_t nr_unlisted_gils; /* have ended and have no row: these have a limit */
	__u64 unlisted_hits;
	bool is_confirmed; /* its libc was located, and has been seen to be the one */
	long switches;     /* python__switches before that; -1: not read */
	__u64 born_ns;     /* fork or exec seen by us; 0: it was there before */
	__u64 attached_ns; /* its probes are there since */
	__u64 late_ns;     /* from its birth to the first edge that could be seen */
	__u64 end_ns;
	__u64 next_try_ns; /* SEARCHING: when to look again */
	__u64 try_delay_ns;
	char contradiction[256]; /* and: what was wrong at the last look; "": it is no Python yet */
};

/* A SEARCHING process, or NULL if there is no memory. */
struct process *process__new(struct probe *probe, pid_t pid);
/* Detaches and frees; its records in the kernel are not given back. NULL is fine. */
void process__free(struct process *p);

/* Puts probes on the given file, in place of those of its kind that it has. 0 or -errno with f
 * filled. */
int process__attach(struct process *p, const struct site_file *file, struct failure *f);
/* Probes for its record, bound to where they are bound to now. NULL with errno and f set. */
struct attachment *process__attach_bound(struct process *p, const struct site_file *file,
					 struct failure *f);
/*
 * The thread that its probes were bound to has ended. Binds them to one that lives: these as they are,
 * if uprobe_multi links outlive their thread, or others, for the record at `index`. 0; -ESRCH if no
 * thread lives; -ENOLINK if they can't be kept, as some are gone; or another -errno with f filled.
 */
int process__keep(struct process *p, pid_t ended, struct failure *f);
int process__bind_again(struct process *p, pid_t ended, unsigned int index, struct failure *f);
/* No program works on its threads' records any more: what they hold is final. Takes some ms. The
 * process's record must be frozen. */
void process__end_threads(struct process *p);
/* Takes its probes away: all, or those of one kind. */
void process__detach(struct process *p);
void process__detach_cond(struct process *p);
void process__detach_usdt(struct process *p);
/* For a process that a thread other than its first has made another program: the thread has taken the
 * process's number, the probes were for the one that had it. Until they are gone they hit beside new
 * ones, so the process goes on with another record, for which they do not count. */
void process__renew(struct process *p);
/* The source that is not USDT: GIL_SOURCE_COND, or GIL_SOURCE_SEMAPHORE for a Python 2. */
unsigned int process__own_source(const struct process *p);
/* From which sources edges count: GIL_SOURCE_* bits. */
unsigned int process__sources(const struct process *p);
void process__set_sources(struct process *p, unsigned int sources);
/* Edges count: from now on, or, if the kernel supposed the GIL that p->python tells of and kept its
 * edges, from its first one on. The probes are there. 0 or -errno; -EAGAIN if it has just executed
 * another program. */
int process__trace(struct process *p);
/* Throws what the kernel supposed away. */
void process__discard(struct process *p);
/* No edge of it counts from now on. */
void process__freeze(struct process *p);
/* Reads again what the program may have changed: the switch interval, whether a free-threaded
 * build's GIL is on, and which sub-interpreters there are. */
void process__refresh(struct process *p);
/* Takes in a GIL that the kernel has found, by the index of its record. */
void process__adopt_gil(struct process *p, unsigned int lock);
/* 0, or -EPROTO with f filled if threads have taken its GIL from each other and no acquisition was seen: the
 * probes are not where they should be, and it is no longer observed. */
int process__verify(struct process *p, struct failure *f);
/* True if there is something to report of it. */
bool process__has_gil(const struct process *p);
/* A child made by fork has its parent's interpreter, and is traced at once. 0 or -errno with f
 * filled. */
int process__inherit(struct process *p, const struct process *parent, struct failure *f);

/* Moves threads that have exited from the kernel's table to their GILs' past. True if none of its threads is
 * left there. */
bool process__harvest(struct process *p);
/* Appends the process, as it is now, to s. 0 or -errno. */
int process__snapshot(struct process *p, struct snapshot *s, __u64 now);
/* The same without its GILs. */
void process__describe(const struct process *p, struct snapshot_process *sp, __u64 now);
/* Tells the listener, if there is one, of the process as it is now; or that it has ended. */
void process__tell(struct process *p);
void process__tell_end(struct process *p, bool listed);
/* Gives its GILs' and its threads' records back: the process is gone, or its program was
 * replaced. */
void process__give_records(struct process *p);

struct process_count {
	__u64 hits;
	__u64 usdt_hits; /* of them, those of the interpreter's own probes */
	__u64 dropped;   /* edges that were lost for want of room */
};

/* Adds what there was of the current program so far. The second one is for who knows the hits of its
 * GILs, which the first one asks all threads' records for. */
void process__count(const struct process *p, struct process_count *count);
void process__count_with(const struct process *p, __u64 gil_hits, struct process_count *count);

#endif
