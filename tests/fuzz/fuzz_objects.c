// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Any bytes as what is read of the objects of an interpreter, one read after the other: code objects,
 * and the names of threads. The first byte says which version's objects they are. What is accepted must
 * be usable: text that ends and is UTF-8, lines that are not negative.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "core/base/utf8.h"
#include "edge/proc/proc_maps.h"
#include "edge/python/python_code.h"
#include "edge/python/python_threads.h"

#define NAMES 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *bytes;
static size_t left;

/* The linker puts these in place of the functions whose names follow __wrap_. */
int __wrap_proc_mem__read(pid_t pid, uint64_t address, void *to, size_t size);
ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *to, unsigned long n,
				const struct iovec *from, unsigned long m, unsigned long flags);

int __wrap_proc_mem__read(pid_t pid, uint64_t address, void *to, size_t size)
{
	(void)pid;
	if (address > INT64_MAX - size || size > left)
		return -EFAULT;
	memcpy(to, bytes, size);
	bytes += size;
	left -= size;
	return 0;
}

/* May be cut anywhere, as where a page is missing. */
ssize_t __wrap_process_vm_readv(pid_t pid, const struct iovec *to, unsigned long n,
				const struct iovec *from, unsigned long m, unsigned long flags)
{
	size_t size = to->iov_len < left ? to->iov_len : left;

	(void)pid;
	(void)n;
	(void)from;
	(void)m;
	(void)flags;
	if (!size) {
		errno = EFAULT;
		return -1;
	}
	memcpy(to->iov_base, bytes, size);
	bytes += size;
	left -= size;
	return (ssize_t)size;
}

static void check_text(const char *s, size_t room)
{
	size_t length;

	if (strnlen(s, room) == room)
		abort();
	for (; *s; s += length)
		if (utf8__decode(s, &length) == UTF8_INVALID)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gil_frame frame = {.code = 4096, .at = 20};
	struct python_thread_name names[NAMES];
	struct python py = {.major = 3, .runtime = 4096};
	struct python_version v = {.major = 3};
	struct python_code code;
	int n;

	if (!size)
		return 0;
	py.minor = v.minor = 8 + (data[0] & 7) % 5;
	if (python_frames__get(&v, 4096, NULL, 0, &py.frames, &py.objects))
		abort();
	if (data[0] & 128) /* as from 3.13 on */
		py.objects.attributes = PYTHON_VALUES_INSIDE;
	bytes = data + 1;
	left = size - 1;
	if (data[0] & 64) {
		n = python_threads__names(1, &py, names, NAMES);
		if (n > NAMES)
			abort();
		for (int i = 0; i < n; i++)
			check_text(names[i].name, sizeof(names[i].name));
		return 0;
	}
	if (python_code__read(1, &py, &frame, &code))
		return 0;
	check_text(code.function, sizeof(code.function));
	check_text(code.file, sizeof(code.file));
	if (python_code__line(&code, &frame) < 0)
		abort();
	return 0;
}
