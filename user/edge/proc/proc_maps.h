/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What /proc tells of another process: what it has mapped, the very files, and its memory. The
 * process is not stopped and not changed.
 */
#ifndef PROC_MAPS_H
#define PROC_MAPS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/failure.h"

struct proc_map {
	uint64_t start, end, offset;
	bool readable, writable, executable;
	bool deleted; /* the file has no name any more, or is not the one of that name */
	dev_t dev;
	ino_t ino;           /* 0: not a file */
	char path[PATH_MAX]; /* "" if it has none; "[stack]" and the like too */
};

/* The text of /proc/PID/maps. */
struct proc_maps {
	char *text;
	size_t size;
};

/*
 * The next mapping in the text, from *position on, which is to be 0 at first; false at the end.
 * Lines that are not understood are passed over. Pure, whatever the text is.
 */
bool proc_maps__next(const struct proc_maps *maps, size_t *position, struct proc_map *map);

/* In all that follows pid 0 is this process. -ESRCH: it does not exist (any more); -EPERM. */
int proc_maps__read(pid_t pid, struct proc_maps *maps);
void proc_maps__free(struct proc_maps *maps);

/*
 * Opens the mapped file, read only: through /proc/PID/map_files, which leads to the very file
 * whatever became of its name and whatever mount namespace the process is in, or, where that is
 * not permitted, by its name below /proc/PID/root. open_path gets what was opened. A descriptor, or
 * -errno.
 */
int proc_map__open(pid_t pid, const struct proc_map *map, char open_path[PATH_MAX]);

/* Opens, likewise, what process pid has mapped executable under this path. */
int proc__open_mapped(pid_t pid, const char *path);

/* What follows the last '/'. */
const char *proc_map__basename(const struct proc_map *map);

/* What the process runs at this moment, until it executes another program or ends: a descriptor to be
 * closed, or -errno. */
int proc_image__open(pid_t pid);
bool proc_image__is_over(int image);

/* From the process's memory. 0, -ESRCH if the process is over, -EFAULT if that is not mapped,
 * -EPERM, or another -errno. */
int proc_mem__read(pid_t pid, uint64_t address, void *to, size_t size);

/* The program that the process runs, as its maps name it; "" if it cannot be told. */
void proc__exe(pid_t pid, char path[PATH_MAX]);
/* The name of a process or a thread; false, and "?", if it cannot be told. */
bool proc__comm(pid_t pid, char comm[16]);

/* True if an argument of the process's command line contains `word`. */
bool proc__has_argument(pid_t pid, const char *word);

/* Fills f for any of the errors above: "cannot DOING process PID (COMM): ...". Returns err. */
int proc__fail(pid_t pid, int err, const char *doing, struct failure *f);

#endif
