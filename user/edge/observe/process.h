/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One observed process, from when it is first seen to its rows in the snapshot. */
#ifndef PROCESS_H
#define PROCESS_H

#include "edge/kernel/probe.h"
#include "edge/observe/process_gil.h"
#include "edge/python/python.h"
#include "edge/observe/site_file.h"
#include "edge/observe/source.h"
#include "core/figures/snapshot.h"

enum process_state {
	/* not a CPython, or not yet: a wrapper before its exec, or an interpreter that is
	 * starting */
	PROCESS_SEARCHING,
	/* its GIL is known and its edges count */
	PROCESS_TRACED,
	/* a CPython that is not supported or could not be probed; listed in the snapshot */
	PROCESS_REFUSED,
	/* exited; its records are read and recycled once the kernel is done with them */
	PROCESS_ENDED,
};

/* The probes of a source in a process. */
struct process_probes {
	struct attachment *attached; /* NULL: none */
	/* Keeps the breakpoints in place after the thread of those probes has ended: see
	 * process_bind.c. */
	struct attachment *keep;
	/* What the probes are or were for, and the file that they are or were in, owned by the
	 * target. */
	const struct source *source;
	struct site_file *file;
};

struct process {
	struct process *next;
	struct probe *probe;
	struct looker *looker;
	const struct listener *listener; /* NULL: none */
	pid_t pid;
	enum process_state state;
	char comm[16];
	char command[PROGRAM_NAME]; /* core/base/program.h; empty: unknown */
	__u64 command_ns;           /* when it was read */
	__u64 names_ns;             /* when its threads' names were read, */
	__u64 next_names_ns;        /* and when they may be read again */
	__u32 unnamed;              /* which of them had none then: see process_names.c */
	unsigned int name_tries;    /* looks that are still due for these */
	int index;                  /* its record in the kernel; -1: none */
	int discarded;              /* lock record of a wrongly guessed GIL. Kept until
			  exit, because thread records still refer to it. -1: none */
	__u32 image;                /* counts execs */
	/* By their places. Both places have some while one source takes over from another. */
	struct process_probes probes[SOURCE_PLACES];
	/* The thread that its probes are bound to, and through which its memory is read. This is
	 * the main thread while that lives. */
	pid_t bound;
	bool bound_by_events; /* by perf events, which end with the thread that they are bound to */
	/* It runs in its parent's memory until its first exec (vfork), so that what is found there
	 * is the parent's. */
	bool borrows;
	bool missed;                 /* it was gone before probes could be attached */
	bool goes_on;                /* its row continues one that ended with such a thread */
	bool breaks_off;             /* its row ends with such a thread, and no row continues it */
	const struct source *source; /* where its edges come from */
	char source_why[256];        /* why that source was chosen */
	struct python python;
	bool gil_turned_on;       /* a free-threaded build turned its GIL on while observed */
	struct process_gil *gils; /* the main interpreter's first, once its GIL is known */
	size_t nr_gils;
	size_t nr_unlisted_gils; /* ended GILs without a row, as the number of rows is limited */
	__u64 unlisted_hits;
	bool is_confirmed; /* its probes have been seen to be hit */
	long switches;     /* python__switches at the first check; -1: not read */
	__u64 born_ns;     /* its fork or exec, if we saw it; 0: it was there before */
	__u64 attached_ns; /* when its probes were attached */
	__u64 absent_ns;   /* when it was last looked at and was no CPython; 0: never */
	__u64 late_ns;     /* from the later of these two until edges could be seen */
	__u64 end_ns;
	unsigned long long start_ticks; /* for proc_list__is_over */
	__u64 next_try_ns;              /* SEARCHING: when to look again */
	__u64 try_delay_ns;
	__u64 next_walk_ns;      /* when to look at its interpreters again */
	__u64 looked_ns;         /* when the last look into it began */
	__u64 look_ns;           /* SEARCHING: how long the last look took */
	char contradiction[256]; /* SEARCHING: what contradicted itself at the last look, or "" */
};

/* Returns a SEARCHING process, or NULL if memory ran out. The listener, if not NULL, is told about
 * it. */
struct process *process__new(struct probe *probe, struct looker *looker,
			     const struct listener *listener, pid_t pid);
/* Forgets what belongs to the program that the process has run so far, whose records must have been
 * given back: it has executed another one, which `exec` reports. Its probes stay. */
void process__begin_image(struct process *p, const struct gil_event *exec);
/* Detaches and frees. Does not give back its records in the kernel. NULL is fine. */
void process__free(struct process *p);

/* Gives it a record in the kernel, unless it has one: for a source that needs no probes. Returns 0,
 * or -errno with f filled. */
int process__enter(struct process *p, struct failure *f);
/* Does the same, and attaches the source's probes to the given file, replacing others in the same
 * place. Returns 0, or -errno with f filled. */
int process__attach(struct process *p, const struct source *source, struct site_file *file,
		    struct failure *f);
/* Attaches probes for its record, bound to the same thread as now. Returns NULL with errno and f
 * set on failure. */
struct attachment *process__attach_bound(struct process *p, const struct site_file *file,
					 struct failure *f);
/*
 * Call when the thread that its probes were bound to has ended. process__keep keeps the probes, if
 * uprobe_multi links outlive their thread, by binding an empty program to a living thread.
 * process__bind_again attaches new probes to a living thread, for the record at `index`. Both
 * return 0; -ESRCH if no thread lives; or another -errno with f filled. process__keep returns
 * -ENOLINK if a breakpoint is already gone.
 */
int process__keep(struct process *p, pid_t ended, struct failure *f);
int process__bind_again(struct process *p, pid_t ended, unsigned int index, struct failure *f);
/* Waits, some ms, until no program works on its threads' records any more, and ends those threads
 * in the model. What the records hold is then final. The process's record must be frozen before. */
void process__end_threads(struct process *p);
/* Removes its probes: all, or those in one place. */
void process__detach(struct process *p);
/* The same for a process that has ended, for which it is not urgent. */
void process__detach_ended(struct process *p);
void process__detach_from(struct process *p, enum source_place place);
/* True if it has probes anywhere. */
bool process__is_probed(const struct process *p);
/* True if it is traced by a source that needs none. */
bool process__has_no_probes(const struct process *p);
/* For a process whose exec was done by a thread other than the first: that thread has taken over
 * the process's number, but the probes belong to the old first thread. Until they are gone they are
 * hit along with the new ones, so the process gets a new record, for which the old probes do not
 * count. */
void process__renew(struct process *p);
/* The sources whose edges count: GIL_SOURCE_* bits. */
unsigned int process__sources(const struct process *p);
void process__set_sources(struct process *p, unsigned int sources);
/* Makes its edges count, from now on. If the kernel guessed the GIL that p->python names and kept
 * its edges, they count from the first one. The probes must be attached. Returns 0 or -errno;
 * -EAGAIN if the process has just executed another program. */
int process__trace(struct process *p);
/* Discards the GIL that the kernel guessed. */
void process__discard(struct process *p);
/* For a process that is no CPython yet: from now on, the first signal of a condition variable is taken
 * for that of its GIL, as after an exec. */
void process__expect_gil(struct process *p);
/* Makes its edges no longer count. */
void process__freeze(struct process *p);
/* Reads again what the program may have changed: the switch interval, whether a free-threaded
 * build's GIL is on, and which sub-interpreters there are. */
void process__refresh(struct process *p);
/* Reads again what its arguments are: a title may have been set. */
void process__read_command(struct process *p);
/* Reads the names that the program has given to its threads, if that is due: `unnamed` is the sum, over
 * its threads that have none, of process__unnamed. `now`: in any case. */
void process__look_at_names(struct process *p, __u32 unnamed, bool now);
/* Such a thread's part of that sum; 0 if it has a name, or has ended. */
__u32 process__unnamed(const struct gil_thread *t);
/* Adds a GIL that the kernel has found; `lock` is the index of its record. */
void process__adopt_gil(struct process *p, unsigned int lock);
/* Checks that the probes are in the right place. Returns 0, or -EPROTO with f filled if its GIL has
 * changed hands but no acquisition was seen; the process is then no longer observed. */
int process__verify(struct process *p, struct failure *f);
/* True if no edge of any of its GILs has been seen. */
bool process__is_untouched(const struct process *p);
/* True if there is something to report about it. */
bool process__has_gil(const struct process *p);
/* Traces a child made by fork at once, because it has its parent's interpreter. Returns 0, or
 * -errno with f filled. */
int process__inherit(struct process *p, const struct process *parent, struct failure *f);

/* Moves exited threads from the kernel's table to their GILs' past. Returns true if none of its
 * threads is left in the table. */
bool process__harvest(struct process *p);
/* Appends the process in its current state to s. Returns 0 or -errno. */
int process__snapshot(struct process *p, struct snapshot *s, __u64 now);
/* Fills in the same without the GILs. */
void process__describe(const struct process *p, struct snapshot_process *sp, __u64 now);
/* Passes the process's current state, or that it has ended, to the listener if there is one. */
void process__tell(struct process *p);
void process__tell_end(struct process *p, bool listed);
/* Gives back the records of its GILs and threads. Call when the process or its program has
 * ended. */
void process__give_records(struct process *p);

struct process_count {
	__u64 hits;
	__u64 usdt_hits; /* the part of the hits that cost something else: source.costs_apart */
	__u64 dropped;   /* edges lost because a table was full */
};

/* Add the counts of the current program to *count. The first one reads all threads' records for the
 * hits of its GILs; the second one is for callers that already know them. */
void process__count(const struct process *p, struct process_count *count);
void process__count_with(const struct process *p, __u64 gil_hits, struct process_count *count);

#endif
