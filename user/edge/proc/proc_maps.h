/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads another process's memory map, the files that it has mapped, and its memory. The process is
 * neither stopped nor changed.
 */
#ifndef PROC_MAPS_H
#define PROC_MAPS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/failure.h"
#include "core/base/program.h"

struct proc_map {
	uint64_t start, end, offset;
	bool readable, writable, executable;
	bool deleted; /* the file was removed, or another one has its name now */
	dev_t dev;
	ino_t ino;           /* 0: no file is mapped */
	char path[PATH_MAX]; /* can be "", or "[stack]" and the like */
};

/* The text of /proc/PID/maps. */
struct proc_maps {
	char *text;
	size_t size;
};

/*
 * Parses the next mapping in the text, and moves *position, which must be 0 at first. Returns false
 * at the end. Skips lines that it does not understand. Safe for any text.
 */
bool proc_maps__next(const struct proc_maps *maps, size_t *position, struct proc_map *map);

/* In all functions below, pid 0 is this process. Returns 0; -ESRCH if the process does not exist or
 * has ended; -EPERM; or another -errno. */
int proc_maps__read(pid_t pid, struct proc_maps *maps);
void proc_maps__free(struct proc_maps *maps);

/*
 * Opens the mapped file for reading. Uses /proc/PID/map_files, which leads to the mapped file
 * whatever happened to its name and in whichever mount namespace the process is. If that is not
 * permitted, uses the name below /proc/PID/root. Returns a descriptor, -EBADMSG if it is not a
 * regular file, or another -errno.
 *
 * The process can map another file to the same addresses at any time. So what is found in a file
 * is used only with the descriptor in which it was found, never with a second one.
 */
int proc_map__open(pid_t pid, const struct proc_map *map);

/* Opens likewise the file that has this absolute path for the process, in whose root folder symbolic
 * links are resolved; or that has it for gilscope itself. */
int proc__open_in_root(pid_t pid, const char *path);
int proc__open_path(const char *path);

/* Opens the file that has this absolute path for the process, if it belongs to the process's user and is
 * not a symbolic link: in a folder that everybody may write to, others can have put one there. */
int proc__open_own(pid_t pid, const char *path);

/* Opens likewise the file that process pid has mapped as executable under this path. */
int proc__open_mapped(pid_t pid, const char *path);

/* The part of the path after the last '/'. */
const char *proc_map__basename(const struct proc_map *map);

/* proc_image__open returns a descriptor, to be closed by the caller, or -errno. It stands for the
 * program that the process runs now; proc_image__is_over is true once the process has executed
 * another program or ended. */
int proc_image__open(pid_t pid);
bool proc_image__is_over(int image);

/* Reads the process's memory. Returns 0, -ESRCH if the process has ended, -EFAULT if the memory is
 * not mapped, -EPERM, or another -errno. */
int proc_mem__read(pid_t pid, uint64_t address, void *to, size_t size);

/* The path of the program that the process runs, as in its maps; "" if unknown. */
void proc__exe(pid_t pid, char path[PATH_MAX]);
/* Gets the name of a process or thread; returns false, with "?", if it cannot be read. */
bool proc__comm(pid_t pid, char comm[16]);

/* Gets what people call the process, from its arguments; "" if it has none. Returns false if they
 * cannot be read. They are in the memory of the process, which may make that slow. */
bool proc__command(pid_t pid, char command[PROGRAM_NAME]);

/* What /proc/PID/cgroup says, cut to fit and ended; "" if it cannot be read. */
void proc__cgroups(pid_t pid, char *text, size_t size);

/* True if an argument of the process's command line contains `word`. */
bool proc__has_argument(pid_t pid, const char *word);

/* Fills f for any of the errors above: "cannot DOING process PID (COMM): ...". Returns err. */
int proc__fail(pid_t pid, int err, const char *doing, struct failure *f);

#endif
