/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Decides which processes are observed, from those named on the command line to their last
 * child. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/selector.h"
#include "edge/kernel/probe.h"
#include "core/figures/listener.h"
#include "core/figures/snapshot.h"
#include "edge/observe/sources.h"

struct target_spec {
	pid_t *pids; /* -p; owned */
	size_t nr_pids;
	struct selector
		*selectors; /* --name and the like; owned. The target counts what they match */
	size_t nr_selectors;
	char **argv;        /* -- CMD ARGS; NULL: none */
	bool all;           /* --all */
	const char *source; /* the name of the only source to use, from source.h; NULL: the best */
	bool follow;        /* also observe children, including existing ones */
	const char *user;   /* runs the command; NULL: the user who called sudo */
	int command_stdout; /* a descriptor, the command's standard output; -1: gilscope's own */
};

/* Tells in a few words what was named: "process 12, unit app", "all processes", or the command. */
void target_spec__tell(const struct target_spec *spec, char *text, size_t size);
/* True if processes that start later, and that no target has started, may become targets. */
bool target_spec__is_open(const struct target_spec *spec);

struct target;

/*
 * Begins the observation: attaches to the processes, or starts the command with probes in place
 * before its first instruction. Returns 0 with *out set, or -errno with f filled and *exit_status
 * set to the program's exit status. The listener, if not NULL, is told what becomes known about
 * processes. p, spec and listener must outlive the target.
 */
int target__start(struct target **out, struct probe *p, const struct target_spec *spec,
		  const struct listener *listener, struct failure *f, int *exit_status);
/* Removes the probes from all processes. */
void target__detach(struct target *t);
/* Detaches and frees. A launched command keeps running. NULL is fine. */
void target__free(struct target *t);

/* Takes what the ring of samples has. Call it before what the samples are about is given back. */
void target__take_samples(struct target *t);
/* Handles process events, looks for interpreters, and collects exited processes. Call when
 * probe__event_fd is readable, and at target__next_ns at the latest. */
void target__update(struct target *t);
/* When the next call is due, in ns of CLOCK_MONOTONIC. */
__u64 target__next_ns(const struct target *t);

/* The process of the launched command, even after its end; or 0. */
pid_t target__launched(const struct target *t);
/* The running command, or 0. */
pid_t target__command(const struct target *t);
/* Call at SIGCHLD. Records the exit status when the command has ended. */
void target__reap(struct target *t);
/* True if nothing is left to observe: the command, or every process, has ended. */
bool target__over(const struct target *t);
/* The command's exit status as a shell would give it; -1 if there is no command or it still
 * runs. */
int target__exit_status(const struct target *t);
/* Returns how many processes are traced now. *pid is set to the first one's, if any. */
size_t target__traced(const struct target *t, pid_t *pid);
/* True if any process has been a CPython that could be traced. */
bool target__seen_python(const struct target *t);
/* Why the first CPython process that could not be traced was refused; NULL if none was. Owned by
 * the target. */
const struct failure *target__refusal(const struct target *t);

/* Stops counting edges, so that sums and counts that are read one after the other agree. */
void target__freeze(struct target *t);

/* When the observation began, in ns of CLOCK_MONOTONIC. */
__u64 target__start_ns(const struct target *t);
/* True if edges of any process, living or ended, came from its own USDT probes. */
bool target__uses_usdt(const struct target *t);
/* Fills in the losses so far, as in a snapshot. */
void target__lost(const struct target *t, struct snapshot_lost *lost);

/* The pieces of a snapshot, for callers that poll often. target__past: ended processes, and what
 * could not be observed; owned by the target. target__each: calls visit for each living process.
 * target__describe: times, losses and hits, but no lists; `count` has the counts of the living
 * processes. */
struct process;
struct process_count;
bool target__is_frozen(const struct target *t);
const struct snapshot *target__past(const struct target *t);
void target__each(const struct target *t, void (*visit)(void *ctx, struct process *p), void *ctx);
void target__describe(const struct target *t, struct process_count count, struct snapshot *s);

/* Returns everything known now, or NULL if memory ran out. The caller frees it. */
struct snapshot *target__snapshot(struct target *t);

#endif
