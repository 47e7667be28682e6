/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What all observing commands share: their options, and a session from attach to detach. */
#ifndef OBSERVE_H
#define OBSERVE_H

#include "core/base/capability.h"
#include "core/base/failure.h"
#include "core/base/options.h"
#include "core/figures/snapshot.h"
#include "core/figures/tick_sink.h"
#include "edge/observe/feed.h"
#include "edge/observe/target.h"

struct observe_options {
	struct target_spec target;
	unsigned long long duration_ns; /* 0: no limit */
	unsigned int max_threads;
	unsigned int max_processes;
	bool verbose;
	const char *command_output; /* --command-output; NULL: not given */
	bool force;                 /* --force, for that file */
	/* Set by the command: with a duration, and no command whose output it would disturb, a line on
	 * a terminal's standard error says how far the observation is. */
	bool progress;
	/* Set by the command, not by options: every edge goes through a ring of this size in bytes,
	 * a power of two, to the listener, which also gets what becomes known about processes. 0
	 * and NULL: no ring, no listener. */
	size_t ring_size;
	const struct listener *listener;
	/* Also set by the command: how often a second, on each CPU, the code that has a GIL is
	 * sampled. 0: never. */
	unsigned int blame_hz;
	/* Once the observation has begun, all capabilities are given up except those it needs and
	 * these. With `runs_again` they are kept, because the command will be launched once more
	 * and must get what the user has. */
	capabilities needs_later;
	bool runs_again;
};

/* Rows for struct observe_options. */
extern const struct option_row observe_option_rows[];
/* Sets the defaults. */
void observe_options__init(struct observe_options *o);
/* Frees what the rows allocated. */
void observe_options__clear(struct observe_options *o);
/* The path by which the output of a launched command goes to gilscope's standard error. */
#define COMMAND_OUTPUT_STDERR "stderr"
/* For a command (`name`) that shows or keeps holds. Returns 0, or -EINVAL with f filled if the source that
 * was asked for does not see them. */
int observe_options__need_holds(const struct observe_options *o, const char *name,
				struct failure *f);
/* Takes the command from the words after the options, and checks that there is exactly one target.
 * Returns 0, or -EINVAL with f filled. */
int observe_options__finish(struct observe_options *o, int argc, char **argv, int rest,
			    struct failure *f);

struct observer;

/* Loads the programs, tries the probes, and attaches them. o must outlive the observer. Returns 0,
 * or -errno with f filled and *exit_status set. */
int observer__start(struct observer **out, const struct observe_options *o, struct failure *f,
		    int *exit_status);
/* Observes until the target ends, the duration is over, or the user interrupts. */
void observer__run(struct observer *ob);
/* observer__end makes observer__run return; call it from a function registered with the other two.
 * `ready` is called from observer__run whenever fd is readable, and should read it. `handle` is
 * called when the signal has arrived, which from then on has no other effect. At most 8 of each.
 * Return 0 or -errno. */
void observer__end(struct observer *ob);
int observer__watch(struct observer *ob, int fd, void (*ready)(void *ctx), void *ctx);
int observer__on_signal(struct observer *ob, int signal, void (*handle)(void *ctx), void *ctx);
/* True if the user has interrupted the command or the observation. */
bool observer__interrupted(const struct observer *ob);
/* The process of the launched command, even after its end; 0: none was launched. */
pid_t observer__command(const struct observer *ob);
/* When the observation began, in ns of CLOCK_MONOTONIC; nothing before that counts. */
__u64 observer__start_ns(const struct observer *ob);
/* Delivers the contents of the ring of edges to the listener. Call every few ms. */
void observer__entries(struct observer *ob);
/* Delivers the samples that have come. */
void observer__samples(struct observer *ob);
/* Fills in the losses so far. */
void observer__lost(struct observer *ob, struct snapshot_lost *lost);
/* The cost of a hit in ns; -1 if not known yet because USDT probes are in use. */
long observer__cost(const struct observer *ob);
/* Ends the observation; snapshots no longer change. The probes stay in place, without effect. */
void observer__stop(struct observer *ob);
/* True if any process has been a CPython that could be observed. */
bool observer__has_seen(const struct observer *ob);

/* Returns everything seen so far, or NULL if memory ran out. The caller frees it. */
struct snapshot *observer__snapshot(struct observer *ob);
/* Passes the same to a sink, as a tick; cheap enough for several calls a second. All ticks must go
 * to the same sink. Returns 0 or -errno. */
int observer__feed(struct observer *ob, const struct tick_sink *to, enum feed_extent extent);
/* Removes the probes. Call after observer__stop. */
void observer__detach(struct observer *ob);
/* Detaches, waits for a launched command that still runs, and frees ob. Returns the exit status for
 * the program: the command's, or 0; or 4, with f filled if no CPython was observed. A NULL f is fine. */
int observer__finish(struct observer *ob, struct failure *f);

#endif
