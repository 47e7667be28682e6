/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What gilscope (looker.c) and the looker (looker_run.c) send each other. */
#ifndef LOOKER_PRIVATE_H
#define LOOKER_PRIVATE_H

#include "edge/observe/looker.h"
#include "gil_maps.h"

#define OWN_GILS (4 * GIL_PROCESS_LOCKS)

#define NAMES_AT_ONCE 128

enum look {
	LOOK_INSPECT,
	LOOK_INTERVAL,
	LOOK_FREE_THREADED,
	LOOK_LOCKED,
	LOOK_HOLDER,
	LOOK_SWITCHES,
	LOOK_OWN_GILS,
	LOOK_SITES,
	LOOK_BREAKPOINTS,
	LOOK_COMMAND,
	LOOK_NATIVE,
	LOOK_THREADS,
	LOOK_MORE_THREADS, /* of those that the last LOOK_THREADS found */
};

struct request {
	enum look look;
	pid_t pid;
	__u64 gil; /* or another address, or the number of the first thread to tell */
	union {
		struct python python;
		struct site_search search;
		struct site_found sites;
	};
};

struct answer {
	long value;
	struct failure failure;
	union {
		struct python python;
		struct python_own_gil own[OWN_GILS];
		struct site_found found;
		char command[PROGRAM_NAME];
		struct native native;
		struct python_thread_name name[NAMES_AT_ONCE];
	};
};

/* The looker: answers the requests that come from fd, until that or its parent ends. */
void looker__run(int fd, pid_t parent, struct request *r, struct answer *a)
	__attribute__((noreturn));
/* The child of looker__aside, which holds nothing open but fd. */
void looker__run_aside(int fd, void (*look)(void *ctx), void *ctx) __attribute__((noreturn));

#endif
