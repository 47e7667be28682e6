// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A library to preload into gilscope: kills process KILL_PID at the KILL_AT-th step that looks at it,
 * where a step is a file of it that is opened, memory of it that is read, or a BPF link that is
 * made. Writes each step, with its number, into the file KILL_LOG.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BPF_LINK_CREATE 28

/* Shared with the process that looks into others for gilscope. */
static int *steps;

__attribute__((constructor)) static void begin(void)
{
	steps = mmap(NULL, sizeof(*steps), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		     0);
	if (steps == MAP_FAILED)
		abort();
}

static int number(const char *name)
{
	const char *text = getenv(name);

	return text ? atoi(text) : 0;
}

static void step(const char *what)
{
	const char *log = getenv("KILL_LOG");
	char text[300], path[64];
	int at = __atomic_add_fetch(steps, 1, __ATOMIC_SEQ_CST), fd, n;

	fd = log ? (int)syscall(SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CREAT, 0644)
		 : -1;
	n = snprintf(text, sizeof(text), "%d %s\n", at, what);
	if (fd >= 0 && write(fd, text, (size_t)n) != n)
		abort();
	if (fd >= 0)
		close(fd);
	if (at != number("KILL_AT"))
		return;
	kill(number("KILL_PID"), SIGKILL);
	/* Its memory is gone when its link is. */
	snprintf(path, sizeof(path), "/proc/%d/exe", number("KILL_PID"));
	while (readlink(path, text, sizeof(text)) > 0)
		usleep(100);
}

static int looks_at_target(const char *path)
{
	char its[32];
	int n = snprintf(its, sizeof(its), "/proc/%d/", number("KILL_PID"));

	return !strncmp(path, its, (size_t)n);
}

int open(const char *path, int flags, ...)
{
	static int (*next)(const char *, int, ...);
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = va_arg(ap, int);
	va_end(ap);
	if (!next)
		next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	if (looks_at_target(path))
		step(path);
	return next(path, flags, mode);
}

ssize_t process_vm_readv(pid_t pid, const struct iovec *own, unsigned long n,
			 const struct iovec *its, unsigned long m, unsigned long flags)
{
	if (pid == number("KILL_PID"))
		step("memory");
	return syscall(SYS_process_vm_readv, pid, own, n, its, m, flags);
}

long syscall(long which, ...)
{
	static long (*next)(long, ...);
	long a[6];
	va_list ap;

	va_start(ap, which);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (!next)
		next = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	if (which == SYS_bpf && a[0] == BPF_LINK_CREATE && *steps)
		step("link");
	return next(which, a[0], a[1], a[2], a[3], a[4], a[5]);
}
