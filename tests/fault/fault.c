// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A library to preload into gilscope: it lets one call fail of those that ask the system for
 * something (memory, a file, bytes, BPF). A call is named by its callers and by how often they have
 * called so before, because the number of all calls before it varies from run to run: FAULT_AT is
 * STACK:N, where STACK is a hash of the callers and N counts from 1. Without the variable none
 * fails, and FAULT_LOG gets a line for each call: its function and its STACK. With it, FAULT_LOG gets
 * the function that failed, or "nothing". With FAULT_TRACE, stderr gets the failing call's callers.
 * Only the process itself counts, not its children.
 */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

#define MAX_CALLERS 48
#define MAX_MODULES 64
#define MAX_CALLS   (1 << 18)

static struct {
	uintptr_t start, end;
} module[MAX_MODULES];
static int nr_modules;
static struct {
	const char *name;
	uint64_t stack;
} call[MAX_CALLS];
static long nr_calls;
static uint64_t at_stack; /* 0: none fails */
static long at_n, seen;
static pid_t counted; /* 0: nothing counts */
static const char *failed = "nothing";
/* What finding out about it asks for does not count. */
static __thread __attribute__((tls_model("initial-exec"))) bool inside;

/* ---- which call it is ---- */

static int add_module(struct dl_phdr_info *info, size_t size, void *ctx)
{
	(void)size;
	(void)ctx;
	for (int i = 0; i < info->dlpi_phnum && nr_modules < MAX_MODULES; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
			continue;
		module[nr_modules].start = info->dlpi_addr + p->p_vaddr;
		module[nr_modules++].end = info->dlpi_addr + p->p_vaddr + p->p_memsz;
	}
	return 0;
}

/* Addresses differ from run to run, but not those within a module. */
static uint64_t place_of(uintptr_t address)
{
	for (int i = 0; i < nr_modules; i++)
		if (address >= module[i].start && address < module[i].end)
			return (uint64_t)i << 48 | (address - module[i].start);
	return 0;
}

struct callers {
	void *at[MAX_CALLERS];
	int n;
};

static _Unwind_Reason_Code add_caller(struct _Unwind_Context *context, void *ctx)
{
	struct callers *c = ctx;

	if (c->n == MAX_CALLERS)
		return _URC_END_OF_STACK;
	c->at[c->n++] = (void *)_Unwind_GetIP(context);
	return _URC_NO_REASON;
}

/* backtrace() would load a library, which the sanitizer takes for a leak. */
static struct callers get_callers(void)
{
	struct callers c = {.n = 0};

	_Unwind_Backtrace(add_caller, &c);
	return c;
}

static uint64_t hash_callers(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325;
	struct callers c = get_callers();

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 0x100000001b3;
	for (int i = 0; i < c.n; i++)
		hash = (hash ^ place_of((uintptr_t)c.at[i])) * 0x9e3779b97f4a7c15;
	return hash ?: 1;
}

static void tell_callers(void) /* addr2line -e build/gilscope makes lines of it */
{
	struct callers c = get_callers();

	backtrace_symbols_fd(c.at, c.n, STDERR_FILENO);
}

static bool is_it(const char *name)
{
	uint64_t stack = hash_callers(name);
	long i;

	if (at_stack)
		return stack == at_stack && __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED) == at_n;
	i = __atomic_fetch_add(&nr_calls, 1, __ATOMIC_RELAXED);
	if (i < MAX_CALLS) {
		call[i].stack = stack;
		call[i].name = name;
	}
	return false;
}

static bool fails(const char *name)
{
	bool it;

	if (inside || !counted || getpid() != counted)
		return false;
	inside = true;
	it = is_it(name);
	if (it) {
		failed = name;
		if (getenv("FAULT_TRACE"))
			tell_callers();
	}
	inside = false;
	return it;
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

	if (strcmp(program_invocation_short_name, "gilscope"))
		return;
	dl_iterate_phdr(add_module, NULL);
	if (text && sscanf(text, "%lx:%ld", &at_stack, &at_n) != 2)
		_exit(125);
	counted = getpid();
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FAULT_LOG");
	FILE *out;

	if (!counted || getpid() != counted || !path)
		return;
	counted = 0;
	out = fopen(path, "w");
	if (!out)
		_exit(125);
	if (at_stack)
		fprintf(out, "%s\n", failed);
	for (long i = 0; i < nr_calls && i < MAX_CALLS; i++)
		fprintf(out, "%s %lx\n", call[i].name, call[i].stack);
	if (fclose(out) || nr_calls > MAX_CALLS)
		_exit(125);
}
