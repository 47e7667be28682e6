// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * stall SECONDS USER: a program with the marks of a CPython 3.12, whose _PyRuntime is memory that
 * never comes: whoever reads it waits until the program ends. It runs as user number USER. Prints READY. The status is 77 if the
 * kernel does not let it do that.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE 65536

__attribute__((section(".PyRuntime"), used, aligned(SIZE))) char _PyRuntime[SIZE] = {1};
const unsigned long Py_Version = 0x030c00f0;

int main(int argc, char **argv)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register r = {
		.range = {.start = (uintptr_t)_PyRuntime, .len = SIZE},
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) ||
	    mmap(_PyRuntime, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
		 -1, 0) == MAP_FAILED ||
	    ioctl(fd, UFFDIO_REGISTER, &r))
		return 77;
	if (setgid((gid_t)atoi(argc > 2 ? argv[2] : "0")) ||
	    setuid((uid_t)atoi(argc > 2 ? argv[2] : "0")))
		return 77;
	puts("READY");
	fflush(stdout);
	usleep((unsigned int)((argc > 1 ? atof(argv[1]) : 0) * 1e6));
	return 0;
}
