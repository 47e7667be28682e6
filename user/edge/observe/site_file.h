/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The files that get probes: C libraries and interpreters. Each file is opened and searched once
 * for all targets that have it mapped.
 *
 * A file is searched and probed through one descriptor: the kernel, which takes a path, gets
 * /proc/self/fd/N. A path of the target's would let it put another file there between the two, and
 * the probes that were meant for the one would be breakpoints at wrong places in the other, for
 * every traced process that has it mapped.
 */
#ifndef SITE_FILE_H
#define SITE_FILE_H

#include "core/base/failure.h"
#include "edge/kernel/probe.h"
#include "edge/observe/looker.h"
#include "edge/observe/site_search.h"
#include "edge/python/python.h"

/* Held open, so that open_path stays valid when the process that had it mapped is gone. */
struct site_file {
	struct site_file *next;
	unsigned int nr_users; /* processes that have, or had, probes in it */
	dev_t dev;
	ino_t ino;
	off_t size;
	enum site_what what;
	enum probe_program program;
	int fd;
	char open_path[32];
	size_t n;
	struct probe_site site[PROBE_SITES];
	bool long_nop;             /* see struct usdt */
	bool is_static;            /* an interpreter with its C library linked in */
	bool is_musl;              /* the C library */
	enum cond_sites_from from; /* how the functions were found in it */
	int err; /* 0, or why it has no usable sites: as site_file__of_usdt returns it */
	char why[256];
};

/* Returns the C library of process pid (0: this one), from the list or added to it; or NULL with
 * errno set and f filled. The list owns the file, and keeps only the last few of those that have no
 * user; the file that is returned is the last one. */
struct site_file *site_file__of_libc(struct site_file **list, struct looker *looker, pid_t pid,
				     struct failure *f);

/* The same for an interpreter that has its C library linked in. */
struct site_file *site_file__of_static(struct site_file **list, struct looker *looker, pid_t pid,
				       const struct python *py, struct failure *f);

/* The same for a Python 2. */
struct site_file *site_file__of_python2(struct site_file **list, struct looker *looker, pid_t pid,
					const struct python *py, struct failure *f);

/*
 * The same for an interpreter that has GIL probes. If NULL, errno is ENOENT if it has none, or
 * EPROTO if it has some that cannot be used.
 */
struct site_file *site_file__of_usdt(struct site_file **list, struct looker *looker,
				     struct probe *probe, pid_t pid, const struct python *py,
				     struct failure *f);

/* Returns gilscope's own file, with the GIL probes that it carries for a trial; or NULL if it has
 * none. */
struct site_file *site_file__of_self(struct site_file **list, struct probe *probe);

/* Counts a process as a user of the file, or no longer. NULL is fine. */
void site_file__use(struct site_file *file);
void site_file__leave(struct site_file *file);

/*
 * Attaches `program`, usually the file's own, to all sites of the file, in process pid, for the
 * record at index; see probe__attach. _thread: see probe__attach_thread. Fails with ESTALE, and
 * attaches nothing, if the file no longer is what was searched.
 */
struct attachment *site_file__attach(const struct site_file *file, struct probe *probe,
				     enum probe_program program, pid_t pid, unsigned int index,
				     struct failure *f);
struct attachment *site_file__attach_thread(const struct site_file *file, struct probe *probe,
					    enum probe_program program, pid_t tid,
					    unsigned int index, struct failure *f);

/* Closes and frees all files in the list. */
void site_file__free_all(struct site_file *list);

#endif
