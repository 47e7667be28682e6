// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/observe/calibrate.h"
#include "edge/observe/doctor_look.h"
#include "edge/proc/privilege.h"
#include "edge/proc/proc_maps.h"

/* The machine's first PID namespace has this number on every Linux: PROC_PID_INIT_INO. */
#define FIRST_PID_NAMESPACE "pid:[4026531836]"

/* Reads a small file into a string; "" if it cannot be read. */
static void read_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
}

static int read_number(const char *path)
{
	char text[32], *end;
	long n;

	read_text(path, text, sizeof(text));
	n = strtol(text, &end, 10);
	return end == text || n < INT_MIN || n > INT_MAX ? INT_MIN : (int)n;
}

static void look_at_rights(struct doctor_machine *m)
{
	char text[4096], link[64] = "";
	unsigned long first, outside, count;

	m->capabilities = privilege__have();
	m->root = !geteuid();
	read_text("/proc/self/uid_map", text, sizeof(text));
	if (sscanf(text, "%lu %lu %lu", &first, &outside, &count) == 3)
		m->in_user_namespace = outside || count != UINT_MAX;
	if (readlink("/proc/self/ns/pid", link, sizeof(link) - 1) > 0)
		m->in_pid_namespace = strcmp(link, FIRST_PID_NAMESPACE) != 0;
}

/* Stops until the parent ends it. A program with file capabilities, and its children, are closed to
 * others; a command that gilscope launches is not. */
static void be_read(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_DUMPABLE, 1);
	raise(SIGSTOP);
	_exit(0);
}

/* Tries on a child what finding the GIL of a process takes. */
static bool can_read_memory(void)
{
	static int number = 1;
	int copy = 0, err;
	pid_t pid = fork();

	if (pid < 0)
		return false;
	if (!pid)
		be_read();
	waitpid(pid, NULL, WUNTRACED);
	err = proc_mem__read(pid, (uintptr_t)&number, &copy, sizeof(copy));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return !err;
}

static void try_probes(struct doctor_machine *m, bool verbose)
{
	const struct probe_options options = {
		.max_processes = 16,
		.max_threads = 64,
		.perf_events = getenv("GILSCOPE_PERF_EVENTS") != NULL,
		.verbose = verbose,
	};
	struct probe *p;

	failure__what(&m->trial, "out of memory or file descriptors");
	if (probe__open(&p, &options, &m->trial))
		return;
	m->hit = !calibrate(p, &m->ns_per_hit, &m->trial);
	m->fork_is_safe = m->hit && calibrate_fork(p) > 0;
	m->multi = probe__is_multi(p);
	probe__free(p);
}

void doctor_look__machine(struct doctor_machine *m, bool verbose)
{
	struct utsname name;

	memset(m, 0, sizeof(*m));
	if (!uname(&name)) {
		snprintf(m->release, sizeof(m->release), "%s", name.release);
		snprintf(m->hardware, sizeof(m->hardware), "%s", name.machine);
	}
	m->btf = !access("/sys/kernel/btf/vmlinux", R_OK);
	look_at_rights(m);
	m->ptrace_scope = privilege__ptrace_scope();
	m->can_read = can_read_memory();
	read_text("/sys/kernel/security/lockdown", m->lockdown, sizeof(m->lockdown));
	m->perf_event_paranoid = read_number("/proc/sys/kernel/perf_event_paranoid");
	m->bpf_jit = read_number("/proc/sys/net/core/bpf_jit_enable");
	try_probes(m, verbose);
}
