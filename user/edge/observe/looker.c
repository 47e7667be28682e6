// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "edge/observe/looker_private.h"
#include "edge/proc/privilege.h"
#include "edge/proc/proc_list.h"
#include "edge/proc/proc_maps.h"
#include "gil_maps.h"

#define MS 1000000ULL
/* The looker may sleep for so long, and work for so long; a large static interpreter takes 0.1 s. */
#define SLEEP_NS (1000 * MS)
#define WORK_NS  (10000 * MS)
/* Each time that a process is too slow halves how long the next one of the same user may sleep. */
#define LEAST_NS   (10 * MS)
#define MAX_USERS  64
#define MAX_KILLED 64 /* remembered, to be waited for */

struct looker {
	pid_t pid; /* 0: none runs */
	int fd;
	pid_t killed[MAX_KILLED];
	size_t nr_killed;
	struct {
		long uid;
		unsigned int misses;
	} user[MAX_USERS];
	size_t nr_users;
	struct request request;
	struct answer answer;
};

static int start(struct looker *l)
{
	pid_t parent = getpid();
	int pair[2];

	if (l->pid)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	l->pid = fork();
	if (!l->pid)
		looker__run(pair[1], parent, &l->request, &l->answer);
	close(pair[1]);
	if (l->pid < 0) {
		int err = -errno;

		l->pid = 0;
		close(pair[0]);
		return err;
	}
	l->fd = pair[0];
	return 0;
}

struct looker *looker__new(void)
{
	struct looker *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->fd = -1;
	start(l); /* if this fails, a look will say so */
	return l;
}

static void reap(struct looker *l)
{
	for (size_t i = 0; i < l->nr_killed; i++)
		if (waitpid(l->killed[i], NULL, WNOHANG))
			l->killed[i--] = l->killed[--l->nr_killed];
}

static void stop(struct looker *l)
{
	if (!l->pid)
		return;
	close(l->fd);
	kill(l->pid, SIGKILL);
	reap(l);
	if (l->nr_killed < MAX_KILLED)
		l->killed[l->nr_killed++] = l->pid;
	l->pid = 0;
	l->fd = -1;
}

void looker__free(struct looker *l)
{
	if (!l)
		return;
	stop(l);
	reap(l);
	free(l);
}

/* ---- users whose processes are too slow ---- */

static unsigned int *misses_of(struct looker *l, pid_t pid, bool add)
{
	long uid = l->nr_users || add ? proc_list__status(pid, "Uid") : -1;

	for (size_t i = 0; i < l->nr_users; i++)
		if (l->user[i].uid == uid)
			return &l->user[i].misses;
	if (!add || uid < 0)
		return NULL;
	if (l->nr_users == MAX_USERS)
		l->nr_users--;
	l->user[l->nr_users].uid = uid;
	l->user[l->nr_users].misses = 0;
	return &l->user[l->nr_users++].misses;
}

static __u64 patience_with(struct looker *l, pid_t pid)
{
	const unsigned int *misses = misses_of(l, pid, false);
	__u64 ns = SLEEP_NS >> (misses && *misses < 16 ? *misses : misses ? 16 : 0);

	return ns > LEAST_NS ? ns : LEAST_NS;
}

/* ---- a look ---- */

static __u64 cpu_ns(pid_t pid)
{
	struct timespec t = {0};
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &t))
		return 0;
	return (__u64)t.tv_sec * 1000000000ULL + (__u64)t.tv_nsec;
}

/* Waits until process `looker` has written to fd or is gone. Returns false if it takes too long. */
static bool wait_for(int fd, pid_t looker, __u64 patience_ns)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	__u64 begin = clock_ns(), last = begin, worked = cpu_ns(looker);

	for (;;) {
		__u64 now, cpu;
		int n = poll(&p, 1, (int)(LEAST_NS / MS));

		if (n > 0)
			return true;
		now = clock_ns();
		cpu = cpu_ns(looker);
		if (cpu != worked)
			last = now;
		worked = cpu;
		if (gil_elapsed(last, now) > patience_ns || gil_elapsed(begin, now) > WORK_NS)
			return false;
	}
}

/* Receives the answer. *fd is a descriptor that came with it, or -1. */
static bool receive(struct looker *l, int *fd)
{
	struct iovec part = {&l->answer, sizeof(l->answer)};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr m = {.msg_iov = &part,
			   .msg_iovlen = 1,
			   .msg_control = control.bytes,
			   .msg_controllen = sizeof(control.bytes)};
	ssize_t n = recvmsg(l->fd, &m, MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;

	*fd = -1;
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(fd, CMSG_DATA(c), sizeof(*fd));
	return n == (ssize_t)sizeof(l->answer);
}

/* The looker is killed. */
static void miss(struct looker *l, pid_t pid)
{
	unsigned int *misses = misses_of(l, pid, true);

	stop(l);
	if (misses)
		++*misses;
}

static int too_slow(pid_t pid, struct failure *f)
{
	char comm[16];

	proc__comm(pid, comm);
	failure__what(f, "process %d (%s) could not be looked at in time", pid, comm);
	failure__cause(f, "its memory, or a file that it has mapped, waits for another program "
			  "(userfaultfd, FUSE), or gilscope cannot read it");
	failure__command(f, "cat /proc/%d/wchan /proc/%d/mountinfo", pid, pid);
	return -ETIMEDOUT;
}

static int cannot_start(int err, struct failure *f)
{
	failure__what(f, "cannot start a process to look into others: %s", strerror(-err));
	return err;
}

/* Makes l->answer the answer to l->request. Returns 0 or -errno. */
static int ask(struct looker *l, pid_t pid, int *fd, struct failure *f)
{
	__u64 patience_ns = patience_with(l, pid);
	int err = start(l);

	*fd = -1;
	if (err)
		return cannot_start(err, f);
	if (send(l->fd, &l->request, sizeof(l->request), MSG_NOSIGNAL) < 0 ||
	    !wait_for(l->fd, l->pid, patience_ns) || !receive(l, fd)) {
		miss(l, pid);
		return too_slow(pid, f);
	}
	if (f && l->answer.failure.what[0])
		*f = l->answer.failure;
	return 0;
}

static long ask_about(struct looker *l, enum look look, pid_t pid, const struct python *py,
		      __u64 gil)
{
	int fd;

	l->request.look = look;
	l->request.pid = pid;
	l->request.gil = gil;
	l->request.python = *py;
	return ask(l, pid, &fd, NULL) ? -1 : l->answer.value;
}

/* A process of gilscope's own user gains nothing by making it wait, and a look without a detour is
 * sooner over: a program that has just started may end at any moment. But root in a container is
 * somebody else. */
static bool looks_itself(const struct looker *l, pid_t pid)
{
	return !l || (proc_list__status(pid, "Uid") == (long)geteuid() &&
		      proc_list__shares_namespace(pid, "mnt") > 0 &&
		      proc_list__shares_namespace(pid, "user") > 0);
}

int looker__inspect(struct looker *l, pid_t pid, struct python *py, struct failure *f)
{
	int err, fd;

	if (looks_itself(l, pid))
		return python__inspect(pid, py, f);
	l->request.look = LOOK_INSPECT;
	l->request.pid = pid;
	err = ask(l, pid, &fd, f);
	if (err) {
		memset(py, 0, sizeof(*py));
		return err;
	}
	*py = l->answer.python;
	return (int)l->answer.value;
}

long looker__switch_interval(struct looker *l, pid_t pid, const struct python *py, __u64 gil)
{
	return looks_itself(l, pid) ? python__switch_interval(pid, py, gil)
				    : ask_about(l, LOOK_INTERVAL, pid, py, gil);
}

bool looker__is_free_threaded(struct looker *l, pid_t pid, const struct python *py)
{
	long value = looks_itself(l, pid) ? python__is_free_threaded(pid, py)
					  : ask_about(l, LOOK_FREE_THREADED, pid, py, 0);

	return value < 0 ? py->free_threaded : value;
}

int looker__locked(struct looker *l, pid_t pid, const struct python *py)
{
	return looks_itself(l, pid) ? python__locked(pid, py)
				    : (int)ask_about(l, LOOK_LOCKED, pid, py, 0);
}

long looker__holder(struct looker *l, pid_t pid, const struct python *py)
{
	return looks_itself(l, pid) ? python__holder(pid, py)
				    : ask_about(l, LOOK_HOLDER, pid, py, 0);
}

long looker__switches(struct looker *l, pid_t pid, const struct python *py)
{
	return looks_itself(l, pid) ? python__switches(pid, py)
				    : ask_about(l, LOOK_SWITCHES, pid, py, 0);
}

int looker__own_gils(struct looker *l, pid_t pid, const struct python *py,
		     struct python_own_gil *list, size_t max)
{
	long n;

	if (looks_itself(l, pid))
		return python__own_gils(pid, py, list, max);
	n = ask_about(l, LOOK_OWN_GILS, pid, py, 0);
	if (n > (long)max)
		n = (long)max;
	if (n > 0)
		memcpy(list, l->answer.own, (size_t)n * sizeof(*list));
	return (int)n;
}

int looker__search(struct looker *l, const struct site_search *s, struct site_found *found,
		   struct failure *f)
{
	int err, fd;

	if (!s->pid || looks_itself(l, s->pid))
		return site_search(s, found, f);
	l->request.look = LOOK_SITES;
	l->request.pid = s->pid;
	l->request.search = *s;
	err = ask(l, s->pid, &fd, f);
	err = err ?: (int)l->answer.value;
	if (!err && fd < 0)
		err = -EMFILE;
	if (err) {
		if (fd >= 0)
			close(fd);
		return err;
	}
	*found = l->answer.found;
	found->fd = fd;
	return 0;
}

int looker__breakpoints(struct looker *l, pid_t tid, const struct site_found *sites)
{
	int err, fd;

	if (looks_itself(l, tid))
		return site_search__breakpoints(tid, sites);
	l->request.look = LOOK_BREAKPOINTS;
	l->request.pid = tid;
	l->request.sites = *sites;
	err = ask(l, tid, &fd, NULL);
	return err ?: (int)l->answer.value;
}

bool looker__command(struct looker *l, pid_t pid, char command[PROGRAM_NAME])
{
	static const struct python none;

	if (looks_itself(l, pid))
		return proc__command(pid, command);
	if (ask_about(l, LOOK_COMMAND, pid, &none, 0) <= 0)
		return false;
	memcpy(command, l->answer.command, PROGRAM_NAME);
	command[PROGRAM_NAME - 1] = '\0';
	return true;
}

int looker__threads(struct looker *l, pid_t pid, const struct python *py,
		    struct python_thread_name *list)
{
	long n;

	if (looks_itself(l, pid))
		return python_threads__names(pid, py, list, LOOKER_NAMES);
	n = ask_about(l, LOOK_THREADS, pid, py, 0);
	if (n > LOOKER_NAMES)
		n = LOOKER_NAMES;
	for (long i = 0; i < n; i++) {
		long k = i % NAMES_AT_ONCE;

		if (i && !k && ask_about(l, LOOK_MORE_THREADS, pid, py, (__u64)i) < 0)
			return (int)i;
		list[i] = l->answer.name[k];
		list[i].name[sizeof(list[i].name) - 1] = '\0';
	}
	return (int)n;
}

int looker__native(struct looker *l, pid_t pid, const struct python *py, __u64 address,
		   struct native *n)
{
	int err;

	if (looks_itself(l, pid))
		return native__at(pid, address, py->path, n);
	err = (int)ask_about(l, LOOK_NATIVE, pid, py, address);
	*n = l->answer.native;
	return err;
}

int looker__aside(pid_t pid, void (*look)(void *ctx), void *ctx, struct failure *f)
{
	int pipes[2], status = -1;
	pid_t child;

	if (pipe2(pipes, O_CLOEXEC))
		return cannot_start(-errno, f);
	child = fork();
	if (!child)
		looker__run_aside(pipes[1], look, ctx);
	status = -errno;
	close(pipes[1]);
	if (child < 0) {
		close(pipes[0]);
		return cannot_start(status, f);
	}
	/* Its end shows as the end of the pipe. */
	if (!wait_for(pipes[0], child, SLEEP_NS)) {
		kill(child, SIGKILL);
		waitpid(child, &status, WNOHANG);
		status = -1;
	} else {
		waitpid(child, &status, 0);
	}
	close(pipes[0]);
	return status ? too_slow(pid, f) : 0;
}
