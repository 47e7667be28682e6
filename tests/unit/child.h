/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A child process that says when it is ready. */
#ifndef CHILD_H
#define CHILD_H

#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A child that has written its first line. */
struct child {
	pid_t pid;
	int out;
	char line[256];
};

static inline void end_child(struct child *c)
{
	if (c->pid > 0) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, NULL, 0);
	}
	if (c->out >= 0)
		close(c->out);
}

/* Waits up to ten seconds for a line. */
static inline bool wait_for_line(struct child *c)
{
	struct pollfd p = {.fd = c->out, .events = POLLIN};
	size_t n = 0;

	while (n < sizeof(c->line) - 1 && poll(&p, 1, 10000) > 0) {
		if (read(c->out, c->line + n, 1) != 1)
			return false;
		if (c->line[n] == '\n') {
			c->line[n] = '\0';
			return true;
		}
		n++;
	}
	return false;
}

/* Starts a program with stdout on a pipe; with argv NULL, runs `pretend` in a forked child. */
static inline bool start_child(struct child *c, char *const argv[], void (*pretend)(void))
{
	int pipe_ends[2];

	*c = (struct child){.out = -1};
	fflush(stdout);
	if (pipe(pipe_ends))
		return false;
	c->pid = fork();
	if (!c->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(pipe_ends[1], STDOUT_FILENO);
		close(pipe_ends[0]);
		close(pipe_ends[1]);
		if (argv)
			execv(argv[0], argv);
		else
			pretend();
		_exit(127);
	}
	close(pipe_ends[1]);
	c->out = pipe_ends[0];
	return c->pid > 0 && wait_for_line(c);
}

#endif
