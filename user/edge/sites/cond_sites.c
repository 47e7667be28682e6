// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/sites/cheap_site.h"
#include "edge/sites/cond_locate.h"
#include "edge/sites/cond_sites.h"
#include "edge/elf/elf_symtab.h"
#include "edge/proc/proc_maps.h"
#include "edge/proc/proc_mounts.h"

static const struct {
	const char *name;
	enum gil_site_kind kind;
} functions[COND_SITES] = {
	{"pthread_cond_signal", GIL_SITE_COND_SIGNAL},
	{"pthread_cond_timedwait", GIL_SITE_COND_TIMEDWAIT},
};

/* The symbols come from `symbols`, the code from e. */
static int by_symbols(struct elf_file *e, struct elf_file *symbols,
		      struct probe_site site[COND_SITES])
{
	for (int i = 0; i < COND_SITES; i++) {
		struct elf_symbol symbol;
		uint64_t at;
		int err;

		err = elf_symtab__find(symbols, functions[i].name, &symbol);
		err = err ?: elf_file__offset(e, symbol.value, &at);
		if (err)
			return err;
		site[i] = cheap_site(e, at, functions[i].kind);
	}
	return 0;
}

/*
 * True if whoever made the debug file could have made the file that it belongs to. The debug file
 * says where in that other file the probes go, and processes of other users may have that one
 * mapped. A user can show gilscope a debug file of his own under the right name and with the right
 * build-id, in a mount namespace where he is root. On a FUSE of his own, he even says whose file it is.
 */
static bool is_trusted(const struct elf_file *e, int debug)
{
	struct stat its, st;

	if (e->fd < 0)
		return true; /* bytes in memory, in a test */
	return !fstat(e->fd, &its) && !fstat(debug, &st) &&
	       (!st.st_uid || st.st_uid == its.st_uid) &&
	       !(st.st_mode & ~its.st_mode & (S_IWGRP | S_IWOTH));
}

static int by_debug_file(struct elf_file *e, pid_t pid, const char *path,
			 struct probe_site site[COND_SITES])
{
	char debug_path[PATH_MAX];
	int err = -ENOENT;

	for (unsigned int i = 0; err && i < ELF_DEBUG_PLACES; i++) {
		struct elf_file debug;
		int fd;

		if (!elf_debug__path(e, path, i, debug_path))
			continue;
		fd = pid ? proc__open_in_root(pid, debug_path) : proc__open_path(debug_path);
		if (fd >= 0 && (!is_trusted(e, fd) || proc_mounts__is_served_by_user(pid, fd))) {
			close(fd);
			continue;
		}
		if (fd < 0 || elf_file__open_fd(&debug, fd))
			continue;
		if (elf_debug__matches(e, &debug))
			err = by_symbols(e, &debug, site);
		elf_file__close(&debug);
	}
	return err;
}

static int by_code(struct elf_file *e, struct probe_site site[COND_SITES])
{
	uint64_t address[COND_SITES], at;
	int err = cond_locate(e, &address[0], &address[1]);

	for (int i = 0; !err && i < COND_SITES; i++) {
		err = elf_file__offset(e, address[i], &at);
		if (!err)
			site[i] = cheap_site(e, at, functions[i].kind);
	}
	return err;
}

/* True if glibc is linked in, whose start code reads this environment variable. */
static bool has_glibc(struct elf_file *e)
{
	static const char variable[] = "GLIBC_TUNABLES";

	for (unsigned int i = 0; i < e->nr_segments; i++) {
		const struct elf_segment *s = &e->segment[i];
		const void *data = elf_file__bytes(e, s->offset, s->filesz);

		if (data && elf_file__may_scan(e, s->filesz) &&
		    memmem(data, s->filesz, variable, sizeof(variable)))
			return true;
	}
	return false;
}

int cond_sites__find(struct elf_file *e, pid_t pid, const char *path,
		     struct probe_site site[COND_SITES], enum cond_sites_from *from,
		     struct failure *f)
{
	int err;

	/* See libc__has_known_layout(). */
	if (e->machine == EM_AARCH64 && !has_glibc(e)) {
		failure__what(f, "the C library that is linked into %s is not glibc", path);
		failure__cause(f, "CPython on musl is supported on x86-64 only");
		return -ENOTSUP;
	}
	*from = COND_SITES_SYMBOLS;
	if (!by_symbols(e, e, site))
		return 0;
	*from = COND_SITES_DEBUG_FILE;
	if (!by_debug_file(e, pid, path, site))
		return 0;
	*from = COND_SITES_CODE;
	err = by_code(e, site);
	if (err) {
		failure__what(f, "cannot find pthread_cond_signal in %s", path);
		failure__cause(f,
			       "its C library is linked in, its symbols are stripped, and its code "
			       "has an unknown shape");
	}
	return err;
}

const char *cond_sites__how(enum cond_sites_from from)
{
	static const char *const how[] = {
		[COND_SITES_SYMBOLS] = "by its symbols",
		[COND_SITES_DEBUG_FILE] = "through a separate debug file",
		[COND_SITES_CODE] = "by the code around the GIL's messages",
	};

	return how[from];
}
