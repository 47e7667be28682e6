/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Starts a command so that probes can be attached before its first instruction. */
#ifndef LAUNCH_H
#define LAUNCH_H

#include <sys/types.h>

#include "core/base/failure.h"

struct launch {
	pid_t pid;
	int go_fd;     /* a byte written here lets the child go */
	int err_fd;    /* the child complains here, if it cannot become the user or the command */
	char user[64]; /* whom the child becomes; "": nobody else */
};

/* Call once, at the start of the program, before signals are blocked: notes how signals are handled,
 * because launched commands get that back. From then on children have exit statuses, even if the
 * parent of gilscope ignores SIGCHLD. */
void launch__begin(void);

/*
 * Forks a child that waits. It will run as `user`, with that user's groups, HOME, SHELL, USER and
 * LOGNAME, and MAIL if that is set. If `user` is NULL, it will run as the user who called sudo, or
 * else as the user of this process. It has no ambient capabilities: those were meant for gilscope.
 * Returns 0, or -errno with f filled.
 */
int launch__fork(struct launch *l, const char *user, struct failure *f);
/*
 * launch__fork also returns in the child, with pid 0. The child must then call this function, which
 * waits for the parent and then executes argv, whose standard output is out_fd, or, if that is -1, this
 * process's. Never returns.
 */
void launch__child(struct launch *l, char **argv, int out_fd) __attribute__((noreturn));
/* Lets the child execute argv. Returns 0, or -errno with f filled and *exit_status set as a shell
 * sets it: 127 if the command does not exist, 126 if it cannot be executed; 4 if the child did not
 * get that far. The child is then gone. */
int launch__go(struct launch *l, char **argv, int *exit_status, struct failure *f);
/* Ends a child that has not been let go. */
void launch__cancel(struct launch *l);

/* The exit status that a shell gives for a status from wait(2). */
int launch__exit_status(int wait_status);

#endif
