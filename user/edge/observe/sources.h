/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Chooses where the edges of a process come from: a row of the table in source.h. Also says why,
 * and switches from one source to another. */
#ifndef SOURCES_H
#define SOURCES_H

#include "edge/observe/process.h"
#include "edge/observe/source.h"

struct sources {
	struct probe *probe;
	struct looker *looker;
	const char *wanted;      /* the name of the only source to use; NULL: the best one */
	struct site_file *files; /* files that have been searched */
	int fork_is_safe;        /* for a process with probes on long nops; -1: not tried yet */
	int outlive_thread;      /* uprobe_multi links outlive their thread; -1: not tried yet */
};

/* A source, and the file of a process that has its sites, or NULL. */
struct source_choice {
	const struct source *source;
	struct site_file *file;
};

/* `wanted` is a name from the table, or NULL. */
void sources__init(struct sources *s, struct probe *probe, struct looker *looker,
		   const char *wanted);
void sources__clear(struct sources *s);
/* True if processes are to be observed without probes. */
bool sources__wants_no_probes(const struct sources *s);

/*
 * Call when the interpreter is known. Chooses the source, says why in p->source_why, and attaches
 * its probes, unless the probes that have seen its first edges will do. Returns 0 with *chosen set,
 * or -errno with f filled; -ENOTSUP if no source can be used, or not the wanted one.
 */
int sources__attach(struct sources *s, struct process *p, struct source_choice *chosen,
		    struct failure *f);
/* Call when its edges count. The chosen source takes over from the one that saw the first edges.
 * Returns 0, or -errno with f filled. */
int sources__settle(struct process *p, const struct source_choice *chosen, struct failure *f);
/* Call repeatedly: ends a take-over when it is due. */
void sources__end_takeover(struct process *p, __u64 now);

/* Call when the thread that the process's probes were bound to has ended. Returns true if the
 * probes stay and miss nothing. */
bool sources__keep(struct sources *s, struct process *p, pid_t ended);

/* Attaches probes to the functions that its GIL calls, in whichever file they are, unless they are
 * already there. Returns 0, or -errno with f filled. */
int sources__attach_own(struct sources *s, struct process *p, struct failure *f);

/* expect_exec attaches probes to libc, so that the first edges of the next program that the process
 * executes are seen: in the C library in which process `like` (perhaps p itself) has probes, if it is
 * a library, or else in gilscope's. expects_exec is true if these probes are there. */
void sources__expect_exec(struct sources *s, struct process *p, const struct process *like);
bool sources__expects_exec(const struct process *p);

#endif
