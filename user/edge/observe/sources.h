/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where the edges of a process come from: probes that its interpreter carries (USDT), or those on the
 * functions that its GIL calls. Which, why, and how one takes over from the other. */
#ifndef SOURCES_H
#define SOURCES_H

#include "edge/observe/process.h"

enum sources_wanted {
	SOURCES_AUTO, /* the interpreter's own probes where it has them */
	SOURCES_USDT, /* only those */
	SOURCES_UPROBE,
};

struct sources {
	struct probe *probe;
	enum sources_wanted wanted;
	struct site_file *files; /* that have been looked into */
	int fork_is_safe;        /* of a process with probes on long nops; -1: not tried yet */
	int outlive_thread; /* uprobe_multi links do the thread that they are bound to; or -1 */
};

void sources__init(struct sources *s, struct probe *probe, enum sources_wanted wanted);
void sources__clear(struct sources *s);

/*
 * The interpreter is known: chooses and tells why in p->source_why, and attaches unless the probes
 * that have told its first edges will do. *usdt is the interpreter's file if its probes are to be
 * used, else NULL. 0 or -errno with f; -ENOTSUP: USDT probes were asked for and are not there.
 */
int sources__attach(struct sources *s, struct process *p, struct site_file **usdt,
		    struct failure *f);
/* Then, once its edges count: what was chosen takes over from what told the first ones. The same. */
int sources__settle(struct process *p, const struct site_file *usdt, struct failure *f);
/* To be called again and again: ends a take-over whose time has come. */
void sources__end_takeover(struct process *p, __u64 now);

/* The thread that the process's probes were bound to has ended. True if they stay, and miss nothing. */
bool sources__keep(struct sources *s, struct process *p, pid_t ended);

/* Probes the functions that its GIL calls, in whatever file, unless its probes are there already. 0
 * or -errno with f. */
int sources__attach_own(struct sources *s, struct process *p, struct failure *f);

/* Probes on libc, so that the first edges of whatever the process executes next are seen; and true
 * if they are there. */
void sources__expect_exec(struct sources *s, struct process *p);
bool sources__expects_exec(const struct process *p);

#endif
