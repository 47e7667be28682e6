/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A command, started so that probes can be put on it before its first instruction. */
#ifndef LAUNCH_H
#define LAUNCH_H

#include <sys/types.h>

#include "core/base/failure.h"

struct launch {
	pid_t pid;
	int go_fd;  /* closing it lets the child go */
	int err_fd; /* the child's errno, if it cannot be executed */
};

/*
 * Forks a child that waits. It will run as the user named `user`, or if that is NULL as the one who
 * called sudo, if any, else as this process. 0 or -errno with f filled.
 */
int launch__fork(struct launch *l, const char *user, struct failure *f);
/*
 * In the child launch__fork returns too, with pid 0: it must call this, which waits for the parent
 * and then executes argv. Never returns.
 */
void launch__child(struct launch *l, char **argv) __attribute__((noreturn));
/* Lets the child execute argv. 0, or -errno of the execution with f filled; the child is then
 * gone. */
int launch__go(struct launch *l, char **argv, struct failure *f);
/* Ends a child that was never let go. */
void launch__cancel(struct launch *l);

/* The exit status that a shell gives for an errno of exec: 127 if there is no such command, else
 * 126. */
int launch__exec_status(int err);
/* The exit status that a shell gives for a status from wait(2). */
int launch__exit_status(int wait_status);

#endif
