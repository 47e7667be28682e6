// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The looker itself: a process of its own, which does as it is asked. */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "edge/observe/looker_private.h"
#include "edge/proc/privilege.h"
#include "edge/proc/proc_maps.h"

static struct python_thread_name names[LOOKER_NAMES];

static void tell_names(struct answer *a, __u64 from)
{
	for (__u64 i = 0; i < NAMES_AT_ONCE && from + i < LOOKER_NAMES; i++)
		a->name[i] = names[from + i];
}

static void look(const struct request *r, struct answer *a)
{
	switch (r->look) {
	case LOOK_INSPECT:
		a->value = python__inspect(r->pid, &a->python, &a->failure);
		break;
	case LOOK_INTERVAL:
		a->value = python__switch_interval(r->pid, &r->python, r->gil);
		break;
	case LOOK_FREE_THREADED:
		a->value = python__is_free_threaded(r->pid, &r->python);
		break;
	case LOOK_LOCKED:
		a->value = python__locked(r->pid, &r->python);
		break;
	case LOOK_HOLDER:
		a->value = python__holder(r->pid, &r->python);
		break;
	case LOOK_SWITCHES:
		a->value = python__switches(r->pid, &r->python);
		break;
	case LOOK_OWN_GILS:
		a->value = python__own_gils(r->pid, &r->python, a->own, OWN_GILS);
		break;
	case LOOK_SITES:
		a->value = site_search(&r->search, &a->found, &a->failure);
		break;
	case LOOK_BREAKPOINTS:
		a->value = site_search__breakpoints(r->pid, &r->sites);
		break;
	case LOOK_COMMAND:
		a->value = proc__command(r->pid, a->command);
		break;
	case LOOK_NATIVE:
		a->value = native__at(r->pid, r->gil, r->python.path, &a->native);
		break;
	case LOOK_THREADS:
		a->value = python_threads__names(r->pid, &r->python, names, LOOKER_NAMES);
		tell_names(a, 0);
		break;
	case LOOK_MORE_THREADS:
		tell_names(a, r->gil);
		break;
	}
}

static bool send_answer(int to, struct answer *a, int fd)
{
	struct iovec part = {a, sizeof(*a)};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {.bytes = ""};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		m.msg_control = control.bytes;
		m.msg_controllen = sizeof(control.bytes);
		*CMSG_FIRSTHDR(&m) = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
						      .cmsg_level = SOL_SOCKET,
						      .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
	}
	return sendmsg(to, &m, MSG_NOSIGNAL) == (ssize_t)sizeof(*a);
}

/* A killed looker may stay for long, so it must not keep anything that others wait for: no output,
 * no probes, and no tables of them. */
static void let_go(int keep)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct proc_maps maps;
	struct proc_map map;
	size_t at = 0;

	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	if (keep > 3)
		syscall(SYS_close_range, 3, keep - 1, 0);
	syscall(SYS_close_range, keep + 1, ~0U, 0);
	if (proc_maps__read(0, &maps))
		return;
	while (proc_maps__next(&maps, &at, &map))
		if (!strncmp(map.path, "anon_inode:bpf", 14))
			munmap((void *)map.start, map.end - map.start);
	proc_maps__free(&maps);
}

static void give_up_rights(void)
{
	capabilities have = privilege__have();
	capabilities needed = CAPABILITIES_OTHERS | CAPABILITIES_MAPPED;

	if (capability__missing(have, CAPABILITIES_OTHERS))
		needed |= privilege__of_own_processes();
	privilege__keep(capability__least(have, needed));
}

void looker__run_aside(int fd, void (*look)(void *ctx), void *ctx)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	let_go(fd);
	look(ctx);
	_exit(0);
}

void looker__run(int fd, pid_t parent, struct request *r, struct answer *a)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL); /* Ctrl-C is for gilscope */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* As gilscope's own, for the same reason; not everybody may do that. */
	setpriority(PRIO_PROCESS, 0, -10);
	let_go(fd);
	give_up_rights();
	while (getppid() == parent && recv(fd, r, sizeof(*r), 0) == (ssize_t)sizeof(*r)) {
		bool has_file;

		memset(a, 0, sizeof(*a));
		look(r, a);
		has_file = r->look == LOOK_SITES && !a->value;
		if (!send_answer(fd, a, has_file ? a->found.fd : -1))
			break;
		if (has_file)
			close(a->found.fd);
	}
	_exit(0);
}
