/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Starts a command so that probes can be attached before its first instruction. */
#ifndef LAUNCH_H
#define LAUNCH_H

#include <sys/types.h>

#include "core/base/failure.h"

struct launch {
	pid_t pid;
	int go_fd;  /* a byte written here lets the child go */
	int err_fd; /* the child's errno, if it cannot be executed */
};

/*
 * Forks a child that waits. It will run as `user`. If that is NULL, it will run as the user who
 * called sudo, or else as the user of this process. Returns 0, or -errno with f filled.
 */
int launch__fork(struct launch *l, const char *user, struct failure *f);
/*
 * launch__fork also returns in the child, with pid 0. The child must then call this function, which
 * waits for the parent and then executes argv. Never returns.
 */
void launch__child(struct launch *l, char **argv) __attribute__((noreturn));
/* Lets the child execute argv. Returns 0, or the -errno of exec with f filled; the child is then
 * gone. */
int launch__go(struct launch *l, char **argv, struct failure *f);
/* Ends a child that has not been let go. */
void launch__cancel(struct launch *l);

/* The exit status that a shell gives for an errno of exec: 127 if the command does not exist, else
 * 126. */
int launch__exec_status(int err);
/* The exit status that a shell gives for a status from wait(2). */
int launch__exit_status(int wait_status);

#endif
