/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Finds out who decides when the pages of a file come. */
#ifndef PROC_MOUNTS_H
#define PROC_MOUNTS_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

/* A line of /proc/PID/mountinfo. The strings are valid until the next line is read. */
struct proc_mount {
	unsigned int id;
	dev_t dev;
	const char *type, *options; /* of the file system; the options are separated by commas */
};

/* The lines that are being read: {.in = the open file}. */
struct proc_mounts {
	FILE *in;
	char *line;
	size_t room;
};

/* Reads the next line, and leaves out what is none. Returns false at the end, where the memory is freed.
 * Safe for any text. */
bool proc_mounts__next(struct proc_mounts *m, struct proc_mount *mount);

/* True if the mount belongs to a user: it is FUSE, and neither mounted by root nor the file system of
 * a virtual machine's host. */
bool proc_mount__is_users(const struct proc_mount *mount);

/*
 * True if a user may decide when the file's pages come, or that they never come: it is on FUSE, or on
 * an overlay whose layers may be. Process pid has it open or mapped; 0 is this process. A FUSE that root
 * has mounted where gilscope sees it is no user's; nor is an overlay there, or in a namespace of root's.
 */
bool proc_mounts__is_served_by_user(pid_t pid, int fd);

#endif
