// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A library to preload into gilscope: it lets one call fail, the FAULT_AT-th of those that ask the
 * system for something (memory, a file, bytes, BPF). With 0, or without the variable, none fails.
 * At the end, FAULT_LOG gets a line: how many there were, and which one failed. With FAULT_TRACE,
 * stderr gets the failing call's callers. Only the process itself counts, not its children.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static long at, count;
static pid_t counted; /* 0: nothing counts */
static const char *failed = "nothing";

static bool fails(const char *name)
{
	if (!counted || getpid() != counted ||
	    __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) != at)
		return false;
	failed = name;
	if (getenv("FAULT_TRACE")) { /* addr2line -e build/gilscope makes lines of it */
		void *frames[24];

		counted = 0;
		backtrace_symbols_fd(frames, backtrace(frames, 24), STDERR_FILENO);
		counted = getpid();
	}
	return true;
}

#define REAL(name)                                                                                 \
	({                                                                                         \
		static __typeof__(name) *real_;                                                    \
		if (!real_)                                                                        \
			real_ = (__typeof__(name) *)dlsym(RTLD_NEXT, #name);                       \
		real_;                                                                             \
	})

/* ---- memory ---- */

/* dlsym() itself may want memory before it has found any function. */
static char early[65536];
static size_t early_used;
static bool searching;
static void *(*real_malloc)(size_t), *(*real_calloc)(size_t, size_t),
	*(*real_realloc)(void *, size_t);
static void (*real_free)(void *);

static bool is_early(const void *p)
{
	return (const char *)p >= early && (const char *)p < early + sizeof(early);
}

static void *take_early(size_t size)
{
	void *p = early + early_used;

	early_used += (size + 15) & ~15UL;
	if (early_used > sizeof(early))
		abort();
	return p;
}

static void find(void)
{
	searching = true;
	real_calloc = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
	real_realloc = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
	real_free = (void (*)(void *))dlsym(RTLD_NEXT, "free");
	real_malloc = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
	searching = false;
}

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t size)
{
	if (!real_malloc && !searching)
		find();
	if (!real_malloc)
		return take_early(size);
	return fails("malloc") ? no_memory() : real_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	if (!real_malloc && !searching)
		find();
	if (!real_malloc)
		return take_early(n * size);
	return fails("calloc") ? no_memory() : real_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	if (!real_malloc && !searching)
		find();
	if (!real_malloc || is_early(p))
		return memcpy(malloc(size), p, p ? size : 0);
	return fails("realloc") ? no_memory() : real_realloc(p, size);
}

void free(void *p)
{
	if (!is_early(p) && real_free)
		real_free(p);
}

void *mmap(void *address, size_t size, int protection, int flags, int fd, off_t offset)
{
	if (!fails("mmap"))
		return REAL(mmap)(address, size, protection, flags, fd, offset);
	errno = ENOMEM;
	return MAP_FAILED;
}

/* ---- files ---- */

static int no_file(void)
{
	errno = EMFILE;
	return -1;
}

#define DEFINE_OPEN(name)                                                                          \
	int name(const char *path, int flags, ...)                                                 \
	{                                                                                          \
		va_list ap;                                                                        \
		int mode;                                                                          \
                                                                                                   \
		va_start(ap, flags);                                                               \
		mode = va_arg(ap, int);                                                            \
		va_end(ap);                                                                        \
		return fails(#name) ? no_file() : REAL(name)(path, flags, mode);                   \
	}

#define DEFINE_OPENAT(name)                                                                        \
	int name(int folder, const char *path, int flags, ...)                                     \
	{                                                                                          \
		va_list ap;                                                                        \
		int mode;                                                                          \
                                                                                                   \
		va_start(ap, flags);                                                               \
		mode = va_arg(ap, int);                                                            \
		va_end(ap);                                                                        \
		return fails(#name) ? no_file() : REAL(name)(folder, path, flags, mode);           \
	}

DEFINE_OPEN(open)
DEFINE_OPEN(open64)
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

FILE *fopen(const char *path, const char *mode)
{
	if (!fails("fopen"))
		return REAL(fopen)(path, mode);
	no_file();
	return NULL;
}

ssize_t read(int fd, void *buffer, size_t size)
{
	if (!fails("read"))
		return REAL(read)(fd, buffer, size);
	errno = EIO;
	return -1;
}

ssize_t pread(int fd, void *buffer, size_t size, off_t offset)
{
	if (!fails("pread"))
		return REAL(pread)(fd, buffer, size, offset);
	errno = EIO;
	return -1;
}

size_t fread(void *buffer, size_t size, size_t n, FILE *in)
{
	if (!fails("fread"))
		return REAL(fread)(buffer, size, n, in);
	in->_flags |= 0x20; /* what ferror() looks at */
	errno = EIO;
	return 0;
}

ssize_t write(int fd, const void *data, size_t size)
{
	if (!fails("write"))
		return REAL(write)(fd, data, size);
	errno = ENOSPC;
	return -1;
}

/* ---- BPF ---- */

/* libbpf calls bpf() and perf_event_open() in this way. */
long syscall(long number, ...)
{
	static long (*real)(long, ...);
	long a[6];
	va_list ap;

	va_start(ap, number);
	for (int i = 0; i < 6; i++)
		a[i] = va_arg(ap, long);
	va_end(ap);
	if (!real)
		real = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
	if ((number != SYS_bpf && number != SYS_perf_event_open) ||
	    !fails(number == SYS_bpf ? "bpf" : "perf_event_open"))
		return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	errno = ENOMEM;
	return -1;
}

/* ---- the beginning and the end ---- */

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("FAULT_AT");

	at = text ? atol(text) : 0;
	if (!strcmp(program_invocation_short_name, "gilscope"))
		counted = getpid();
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FAULT_LOG");
	char line[64];
	int fd, n;

	if (!counted || getpid() != counted || !path)
		return;
	counted = 0;
	n = snprintf(line, sizeof(line), "%ld %s\n", count, failed);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (fd < 0 || write(fd, line, (size_t)n) != n)
		_exit(125);
	close(fd);
}
