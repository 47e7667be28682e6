// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * nop_fork: does a child made by fork survive a uprobe on a nop of 5 bytes, and on one of 10 bytes,
 * which its parent has hit before? See docs/kernel-nop-fork.md. It uses no BPF: the uprobe is a
 * perf event that counts hits, in this process alone.
 *
 *	gcc -O2 -o nop_fork nop_fork.c && ./nop_fork
 *
 * The status is 0 if all children lived, 1 if some died, and 4 if that could not be seen.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define HITS     10
#define CHILDREN 20

/* errno.h does not have this one. The kernel returns it for an instruction that it cannot step. */
#define ENOTSUPP 524

/* These functions consist of a nop, so a call has nothing to overwrite below the stack pointer. */
asm(".text\n"
    ".balign 64\n"
    "probed_nop5: .byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
    "ret\n"
    ".balign 64\n"
    "probed_nop10: .byte 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0x00, 0x00, 0x00, 0x00, 0x00\n"
    "ret\n");
void probed_nop5(void);
void probed_nop10(void);

/* Returns the file offset of a function of this process, or -1. */
static long file_offset(void (*function)(void))
{
	unsigned long start, end, offset, address = (unsigned long)function;
	FILE *f = fopen("/proc/self/maps", "r");
	long found = -1;
	char line[512];

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx %*s %lx", &start, &end, &offset) == 3 &&
		    start <= address && address < end)
			found = address - start + offset;
	if (f)
		fclose(f);
	return found;
}

/* Puts a uprobe on a place in this process's program. Returns its file descriptor, or -errno. */
static int attach(long offset)
{
	struct perf_event_attr attr = {
		.size = sizeof(attr), .config1 = (uintptr_t) "/proc/self/exe", .config2 = offset};
	FILE *f = fopen("/sys/bus/event_source/devices/uprobe/type", "r");
	int known = f && fscanf(f, "%u", &attr.type) == 1;
	int fd;

	if (f)
		fclose(f);
	if (!known)
		return -ENOENT;
	fd = syscall(SYS_perf_event_open, &attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Returns the signal that ended a child in its first hit, 0 if it lived, or -errno. */
static int hit_in_a_child(void (*function)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		function();
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return -errno;
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

/* Returns 0 if all children lived or there is no such probe, 1 if some died, or -errno. */
static int try(const char *what, void (*function)(void))
{
	int signal = 0, died = 0, fd = attach(file_offset(function));
	unsigned char code[5];
	uint64_t hits = 0;

	if (fd == -ENOTSUPP) {
		printf("%s: this kernel takes no uprobe there\n", what);
		return 0;
	}
	if (fd < 0)
		return fd;
	for (int i = 0; i < HITS; i++)
		function();
	memcpy(code, (void *)function, sizeof(code));
	for (int i = 0; i < CHILDREN && signal >= 0; i++) {
		int s = hit_in_a_child(function);

		died += s > 0;
		signal = s ? s : signal;
	}
	if (read(fd, &hits, sizeof(hits)) != sizeof(hits) || hits < HITS)
		signal = -ENODATA;
	close(fd);
	if (signal < 0)
		return signal;
	printf("%s: after %d hits the code is %02x %02x %02x %02x %02x; %d of %d children died at "
	       "their "
	       "first hit",
	       what, HITS, code[0], code[1], code[2], code[3], code[4], died, CHILDREN);
	if (died)
		printf(" (signal %d)", signal);
	printf("\n");
	return died > 0;
}

int main(void)
{
	int five, ten;
	struct utsname u;

	setlinebuf(stdout);
	uname(&u);
	printf("Linux %s %s\n", u.release, u.machine);
	five = try("nop of 5 bytes", probed_nop5);
	ten = five < 0 ? five : try("nop of 10 bytes", probed_nop10);
	if (ten < 0) {
		fprintf(stderr, "not seen: %s\n", strerror(-ten));
		return 4;
	}
	return five | ten;
}
