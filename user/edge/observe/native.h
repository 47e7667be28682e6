/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which native code is at an address of a process: the file, and the function if its symbols are
 * there. */
#ifndef NATIVE_H
#define NATIVE_H

#include <stdint.h>
#include <sys/types.h>

struct native {
	uint64_t start, end; /* the addresses for which this is true */
	char path[256];      /* the mapped file, as in the process's map; may be "" */
	char name[128];      /* "libcrypto.so.3:EVP_DigestUpdate", or "libcrypto.so.3" */
};

/* Finds the code at the address. In the file with the path `plain` it looks for no function. Returns
 * 0; -ENOENT if nothing that can be executed is there; -ESRCH if the process has ended; or another
 * -errno. */
int native__at(pid_t pid, uint64_t address, const char *plain, struct native *n);

/* The name of a system call: "futex"; NULL if it is none of those that can take long. */
const char *native__syscall(int number);

#endif
