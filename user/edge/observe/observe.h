/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What all commands that observe have in common: their options, and a session from attach to
 * detach. */
#ifndef OBSERVE_H
#define OBSERVE_H

#include "core/base/capability.h"
#include "core/base/failure.h"
#include "core/history/history.h"
#include "core/base/options.h"
#include "core/figures/snapshot.h"
#include "edge/observe/target.h"

struct observe_options {
	struct target_spec target;
	unsigned long long duration_ns; /* 0: no limit */
	unsigned int max_threads;
	unsigned int max_processes;
	bool verbose;
	/* No options, but the command's own wish: every edge goes through a ring of this size, a power
	 * of two, to the listener, and so does what becomes known of processes. 0 and NULL: none. */
	size_t ring_size;
	const struct listener *listener;
	/* Once the observation has begun, capabilities are given up, but for those that it needs and
	 * these; `runs_again`: none yet, as the command will be launched once more, and is to have what
	 * the user has. */
	capabilities needs_later;
	bool runs_again;
};

/* Rows for struct observe_options. */
extern const struct option_row observe_option_rows[];
/* The defaults. */
void observe_options__init(struct observe_options *o);
/* Frees what the rows allocated. */
void observe_options__clear(struct observe_options *o);
/* Takes the command from the words after the options, and checks that there is one target. 0 or
 * -EINVAL with f. */
int observe_options__finish(struct observe_options *o, int argc, char **argv, int rest,
			    struct failure *f);

struct observer;

/* Loads, tries the probes out, attaches. 0, or -errno with f filled and *exit_status set. */
int observer__start(struct observer **out, const struct observe_options *o, struct failure *f,
		    int *exit_status);
/* Observes until the target ends, the duration is over or the user asks for the end. */
void observer__run(struct observer *ob);
/* Makes observer__run return. For the functions that these two register: `ready` is called from
 * observer__run whenever fd can be read (it should then read it), `handle` when the signal has come,
 * which from then on does nothing else. At most 8 of each; 0 or -errno. */
void observer__end(struct observer *ob);
int observer__watch(struct observer *ob, int fd, void (*ready)(void *ctx), void *ctx);
int observer__on_signal(struct observer *ob, int signal, void (*handle)(void *ctx), void *ctx);
/* True if the user has asked for the end, be it of the command alone. */
bool observer__interrupted(const struct observer *ob);
/* When it began: what is before does not count. */
__u64 observer__start_ns(const struct observer *ob);
/* Delivers to the listener what is in the ring of edges. To be called every few ms. */
void observer__entries(struct observer *ob);
/* What is lost so far. */
void observer__lost(struct observer *ob, struct snapshot_lost *lost);
/* ns a hit; -1: not known yet, as there are USDT probes. */
long observer__cost(const struct observer *ob);
/* Ends the observation; what the snapshots say no longer changes. The probes are still there,
 * without effect. */
void observer__stop(struct observer *ob);
/* What has been seen; the caller frees it. NULL if there is no memory. */
struct snapshot *observer__snapshot(struct observer *ob);
/* The same as a tick of a history; cheap enough to be called several times a second. `whole`: with
 * what else is looked at only every second. 0 or -errno. */
int observer__feed(struct observer *ob, struct history *h, bool whole);
/* Takes the probes away. After observer__stop. */
void observer__detach(struct observer *ob);
/* Detaches. If a command was launched and still runs, waits for it. Returns the exit status for the
 * program: the command's, or 0; 4 with f filled if nothing could be observed. Frees ob. */
int observer__finish(struct observer *ob, struct failure *f);

#endif
