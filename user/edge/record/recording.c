// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "edge/record/recording.h"

/* Returns "1,2,3", or NULL if no process is left or memory ran out. The caller frees it. */
static char *list_pids(const struct snapshot *s)
{
	char *list = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&list, &size);
	bool whole = true; /* the stream forgets that it ran out of memory */

	if (!out)
		return NULL;
	for (size_t i = 0; i < s->nr_processes; i++)
		if (!s->processes[i].exited)
			whole &= fprintf(out, "%s%d", ftell(out) ? "," : "", s->processes[i].pid) >
				 0;
	if (!fclose(out) && whole && size)
		return list;
	free(list);
	return NULL;
}

static void name_file(struct recording *r, const char *pids)
{
	time_t now = time(NULL);
	char when[32];
	struct tm tm;

	strftime(when, sizeof(when), "%Y%m%d-%H%M%S", localtime_r(&now, &tm));
	snprintf(r->path, sizeof(r->path), "gilscope-%d-%s.gil", atoi(pids), when);
}

/* Runs in the child. It must not write to the screen, and Ctrl-C must not reach it. */
static void become_recorder(const struct recording *r, const char *pids, pid_t parent)
{
	int nothing = open("/dev/null", O_RDWR);
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGINT);
	if (getppid() != parent)
		_exit(1);
	setpgid(0, 0);
	for (int i = 0; i < 3; i++)
		dup2(nothing, i);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execl("/proc/self/exe", "gilscope", "record", "--quiet", "-p", pids, "-o", r->path,
	      (char *)NULL);
	_exit(127);
}

int recording__start(struct recording *r, const struct snapshot *s)
{
	char *pids = list_pids(s);
	pid_t parent = getpid();

	if (!pids)
		return -ESRCH;
	name_file(r, pids);
	r->start_ns = clock_ns();
	r->pid = fork();
	if (!r->pid)
		become_recorder(r, pids, parent);
	free(pids);
	if (r->pid > 0)
		return 0;
	r->pid = 0;
	return -errno;
}

int recording__stop(struct recording *r)
{
	int status = 0;
	pid_t pid = r->pid;

	if (!pid)
		return 0;
	r->pid = 0;
	kill(pid, SIGINT);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status) ? 0 : -EIO;
}

bool recording__has_ended(struct recording *r, int *status)
{
	if (!r->pid || waitpid(r->pid, status, WNOHANG) != r->pid)
		return false;
	r->pid = 0;
	return true;
}
