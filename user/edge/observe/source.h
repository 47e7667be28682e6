/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The sources of edges, as a table. Each row is in a file of its own, source_*.c, and what is said
 * or done about a source anywhere in the program comes from its row.
 */
#ifndef SOURCE_H
#define SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/base/failure.h"
#include "edge/elf/elf_file.h"

struct process;
struct site_file;
struct sources;

/* Where in a process a source has its probes. Two sources whose probes are in the same place
 * exclude each other. */
enum source_place {
	SOURCE_ON_FUNCTIONS,   /* on the functions that the GIL calls */
	SOURCE_IN_INTERPRETER, /* on the probes that the interpreter carries */
	SOURCE_PLACES,
	SOURCE_NOWHERE = SOURCE_PLACES, /* it needs no probes in the process */
};

/* What doctor shows a source. */
struct source_subject {
	struct elf_file *file; /* contains the interpreter */
	const char *path;      /* of that file */
	pid_t pid;             /* a process that runs it, with its root folder; 0: none */
	bool is_2;             /* a Python 2 */
	bool is_static;        /* its C library is linked into it */
	bool breaks_forks;     /* children made by fork do not survive probes on long nops */
};

struct source {
	/* In --source, in JSON and in messages. Rows with the same name are for different
	 * interpreters. */
	const char *name;
	unsigned int bit; /* GIL_SOURCE_*: what the kernel knows it by */
	enum source_place place;
	bool waits_only;  /* it sees no holds, and no acquisitions without a wait */
	bool costs_apart; /* its hits do not cost what those on functions do: snapshot.usdt_hits */
	/*
	 * Finds its sites in process p, whose interpreter is known. Returns 0 with *file set, or
	 * NULL if it needs no probes; 1 if this source cannot be used for p; or -errno with f
	 * filled if p cannot be observed at all. p->source_why has why no earlier row was chosen,
	 * or that --source asks for this one; with 0 it may be replaced or added to, and with 1 it
	 * is replaced by why not, unless that goes without saying.
	 */
	int (*find)(struct sources *s, struct process *p, struct site_file **file,
		    struct failure *f);
	/* The same for doctor, which has only a file. `why` is the text for this row alone, with 0
	 * and with 1. */
	int (*look)(const struct source_subject *subject, char *why, size_t size,
		    struct failure *f);
	/* Adds the cause, and a command to try, to the failure of a process for which --source
	 * asked for this source in vain. NULL: there is nothing to add. */
	void (*explain)(const struct process *p, struct failure *f);
};

/* The rows. source_uprobe's probes also watch a program before its interpreter is known. */
extern const struct source source_usdt, source_semaphore, source_uprobe, source_futex;

/* The table, in the order in which --source auto prefers the rows; NULL ends it. */
extern const struct source *const source_table[];

/* The same in the help of --source. */
#define SOURCE_ARGUMENT "auto|usdt|uprobe|futex"
#define SOURCE_HELP                                                                                \
	"where edges come from: the interpreter's own GIL probes (usdt), probes on libc "          \
	"(uprobe), the best of these (auto), or only waits, without any probe (futex)"

/* True if this name is that of a source that needs no probes. NULL is fine. */
bool source__needs_no_probes(const char *name);

/* Returns the name as it is in the table, or NULL if it is not there. */
const char *source__named(const char *name);

#endif
