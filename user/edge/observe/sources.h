/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chooses where the edges of a process come from: probes that its interpreter carries (USDT), or
 * probes on the functions that its GIL calls. Also says why, and switches from one to the other. */
#ifndef SOURCES_H
#define SOURCES_H

#include "edge/observe/process.h"

enum sources_wanted {
	SOURCES_AUTO, /* the interpreter's own probes if it has usable ones */
	SOURCES_USDT, /* only those */
	SOURCES_UPROBE,
};

struct sources {
	struct probe *probe;
	enum sources_wanted wanted;
	struct site_file *files; /* files that have been searched */
	int fork_is_safe;        /* for a process with probes on long nops; -1: not tried yet */
	int outlive_thread;      /* uprobe_multi links outlive their thread; -1: not tried yet */
};

void sources__init(struct sources *s, struct probe *probe, enum sources_wanted wanted);
void sources__clear(struct sources *s);

/*
 * Call when the interpreter is known. Chooses the source, says why in p->source_why, and attaches
 * its probes, unless the probes that have seen its first edges will do. *usdt is the interpreter's
 * file if its own probes are to be used, else NULL. Returns 0, or -errno with f filled; -ENOTSUP if
 * USDT probes were asked for and are not there.
 */
int sources__attach(struct sources *s, struct process *p, struct site_file **usdt,
		    struct failure *f);
/* Call when its edges count. The chosen source takes over from the one that saw the first edges.
 * Returns 0, or -errno with f filled. */
int sources__settle(struct process *p, const struct site_file *usdt, struct failure *f);
/* Call repeatedly: ends a take-over when it is due. */
void sources__end_takeover(struct process *p, __u64 now);

/* Call when the thread that the process's probes were bound to has ended. Returns true if the
 * probes stay and miss nothing. */
bool sources__keep(struct sources *s, struct process *p, pid_t ended);

/* Attaches probes to the functions that its GIL calls, in whichever file they are, unless they are
 * already there. Returns 0, or -errno with f filled. */
int sources__attach_own(struct sources *s, struct process *p, struct failure *f);

/* expect_exec attaches probes to libc, so that the first edges of the next program that the process
 * executes are seen. expects_exec is true if these probes are there. */
void sources__expect_exec(struct sources *s, struct process *p);
bool sources__expects_exec(const struct process *p);

#endif
