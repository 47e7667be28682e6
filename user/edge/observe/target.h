/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The targets: which processes are observed, from the ones named on the command line to their last
 * child. */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>
#include <sys/types.h>

#include "edge/kernel/probe.h"
#include "core/figures/snapshot.h"
#include "edge/observe/sources.h"

struct target_spec {
	pid_t *pids; /* -p; owned */
	size_t nr_pids;
	char **argv; /* -- CMD ARGS; NULL: none */
	bool all;    /* --all */
	enum sources_wanted source;
	bool follow;      /* children, and those that are there already */
	const char *user; /* whom the command runs as; NULL: who called sudo */
};

struct target;

/*
 * Begins the observation: attaches to the processes, or starts the command with probes in place
 * from its first instruction on. 0 with *out set, or -errno with f filled and *exit_status set to
 * what the program should exit with. p and spec must outlive the target.
 */
int target__start(struct target **out, struct probe *p, const struct target_spec *spec,
		  struct failure *f, int *exit_status);
/* Takes the probes away from all processes. */
void target__detach(struct target *t);
/* Detaches and frees. The command, if any, runs on. NULL is fine. */
void target__free(struct target *t);

/* Takes in process events, looks for interpreters, collects what has exited. Call whenever
 * probe__event_fd is readable, and at target__next_ns at the latest. */
void target__update(struct target *t);
/* When the next call is due, ns of CLOCK_MONOTONIC. */
__u64 target__next_ns(const struct target *t);

/* The command, or 0. */
pid_t target__command(const struct target *t);
/* Call when a child has changed state. Notes the end of the command. */
void target__reap(struct target *t);
/* True when there is nothing left to observe: the command has ended, or all processes have. */
bool target__over(const struct target *t);
/* The command's exit status as a shell would give it; -1: none, or it runs. */
int target__exit_status(const struct target *t);
/* Processes that are traced now; the first one's number goes to *pid. */
size_t target__traced(const struct target *t, pid_t *pid);
/* True if some process was, at some time, a CPython that could be traced. */
bool target__seen_python(const struct target *t);
/* Why the first process that was a CPython and could not be traced was not; NULL: there was none. The
 * target's. */
const char *target__refusal(const struct target *t);

/* No edge counts from now on: the figures stand still, so that sums and counts read one after the
 * other agree. */
void target__freeze(struct target *t);

/* When the observation began. */
__u64 target__start_ns(const struct target *t);
/* True if edges of any process, be it an ended one, came from its own USDT probes. */
bool target__uses_usdt(const struct target *t);
/* What is lost so far, as in a snapshot. */
void target__lost(const struct target *t, struct snapshot_lost *lost);

/* Parts of the next one, for who looks often. Processes that have ended, and what could not be
 * observed; owned by the target. The others: calls visit for each. And what is not of a process:
 * times, losses, hits (`count`: those of living processes), but no list. */
struct process;
struct process_count;
bool target__is_frozen(const struct target *t);
const struct snapshot *target__past(const struct target *t);
void target__each(const struct target *t, void (*visit)(void *ctx, struct process *p), void *ctx);
void target__describe(const struct target *t, struct process_count count, struct snapshot *s);

/* All that is known now. The caller frees it. NULL if there is no memory. */
struct snapshot *target__snapshot(struct target *t);

#endif
