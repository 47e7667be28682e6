/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of the target share: target.c has the table of processes and the command,
 * target_look.c looks for interpreters, target_follow.c follows the processes, and target_past.c
 * keeps what is over or could not be observed. */
#ifndef TARGET_PRIVATE_H
#define TARGET_PRIVATE_H

#include "edge/observe/launch.h"
#include "edge/observe/process.h"
#include "edge/observe/target.h"

/* A look at all processes of the machine, in small steps. */
struct sweep {
	pid_t *pids; /* owned */
	size_t nr, room, next;
	__u64 began_ns;
	__u64 before_ns; /* when the one before it began; 0: there was none */
	__u64 due_ns;    /* when the next one begins */
};

struct target {
	struct probe *probe;
	struct looker *looker;
	const struct target_spec *spec;
	const struct listener *listener; /* NULL: none */
	struct process *processes;
	struct sources sources;
	struct snapshot *past;  /* what has ended or could not be observed */
	struct failure refusal; /* of the first process that was refused; "": none */
	struct launch launch;
	__u64 start_ns;
	__u64 frozen_ns; /* when the figures were frozen; 0: not yet */
	__u64 tick_ns;
	__u64 ended_ns;                  /* when target__look_for_ended looks again */
	struct process_count past_count; /* counts of ended processes */
	__u64 nr_gaps;       /* how often a process lost its probes when a thread ended */
	size_t nr_seen;      /* CPython programs that could be traced */
	pid_t command;       /* the process of the launched command, even after its end; or 0 */
	size_t nr_searching; /* processes in that state */
	struct sweep sweep;
	__u64 past_weight; /* snapshot_process__weight of all that has ended */
	int exit_status;
	/* By GIL: which of its threads have no name, as a sum. Owned. */
	__u32 *unnamed;
	size_t nr_unnamed;
};

/* The living process with this number, or NULL. */
struct process *target__find(struct target *t, pid_t pid);
/* Adds a SEARCHING process to the end of the table. NULL if memory ran out. */
struct process *target__add(struct target *t, pid_t pid);

/* Checks whether a searching process has become a CPython. `supposed` means that the kernel has
 * guessed a GIL. Returns 0 or -errno; -ESRCH if the process has exited. */
int target__look(struct target *t, struct process *p, bool supposed);
/* Sets when to look at a searching process again: later each time. */
void target__try_later(struct target *t, struct process *p);
/* True if a look had this result because the process is no CPython, or none yet. */
bool target__is_no_python_yet(int err);
/* Observes a running CPython from now on. Returns 0, or -errno with f filled; -ENOENT or -EAGAIN if
 * it is none, or none yet. */
int target__adopt(struct target *t, pid_t pid, struct failure *f);
/* The same; but if it is a CPython that cannot be observed, it is listed. */
int target__adopt_or_refuse(struct target *t, pid_t pid);
/* Observes a running process, which may become a CPython, or start one. */
void target__follow(struct target *t, pid_t pid);
/* -p: begins with the processes named on the command line. Returns 0, or -errno with f filled. */
int target__start_named(struct target *t, struct failure *f);
/* --name and the like: begins with the running processes that match. Returns 0, or -errno with f
 * filled. */
int target__start_selected(struct target *t, struct failure *f);
/* The same for one process, for proc_list__each; ctx is the target. */
void target__adopt_if_selected(void *ctx, pid_t pid);
/* A process that is not in the table has executed a program. Returns true if the caller is to add it to
 * the table: with --all, or if it matches. */
bool target__admits(struct target *t, pid_t pid);
/* --all, --name and the like: looks for some ms at processes that were no CPython before. Call it at
 * each tick. */
void target__sweep(struct target *t, __u64 now);
/* --all: the same, for proc_list__each; ctx is the target. Skips processes that are not CPython;
 * lists those that are, but cannot be observed. */
void target__adopt_any(void *ctx, pid_t pid);
/* Adopts the children of all processes in the table, and theirs. */
void target__adopt_descendants(struct target *t);

/* Handles an event from the kernel; ctx is the target. */
void target__on_event(void *ctx, const struct gil_event *e);

/* Gives back the records of all threads that have ended. */
void target__harvest(struct target *t);

/* Reads the names of threads, as far as that is due; `now`: of all threads. One pass through the records
 * is for all processes, as there can be many of both. */
void target__look_at_names(struct target *t, bool now);

/* Treats processes that are gone as ended, if the kernel has lost process events, which may have been
 * their ends. Call it at each tick. */
void target__look_for_ended(struct target *t, __u64 now);

/* Lists a process as not observed, and says why; note_refused for one that was, or seemed to be, a
 * CPython. */
void target__note_unobserved(struct target *t, const struct process *p, const char *why);
void target__note_refused(struct target *t, const struct process *p, const char *why);
/* Ends the observation of a process that cannot be observed, and lists it, for the reason in f. */
void target__refuse(struct target *t, struct process *p, const struct failure *f);
/* Moves the program that the process has run so far into the past. The process may continue with
 * another program. */
void target__retire_image(struct target *t, struct process *p);
/* The same for a program that is not to be reported; only its counts are kept. */
void target__drop_image(struct target *t, struct process *p);

#endif
