// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Up to glibc 2.33 both libraries define the functions: libpthread.so.0 has the real ones, and
 * libc.so.6 has stubs that pass calls on to it. So a libpthread that defines them is always the
 * right one; from 2.34 on, what is left of libpthread defines nothing. musl has them in its only
 * library.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/sites/cheap_site.h"
#include "edge/elf/elf_file.h"
#include "edge/sites/libc.h"
#include "edge/proc/proc_maps.h"

/* The limit for one process. A real one has a single candidate, or with an old glibc two. */
#define MAX_FILES 16

static bool is_candidate(const struct proc_map *map)
{
	static const char *const parts[] = {"libc.so", "libc-", "libpthread", "ld-musl",
					    "libc.musl"};
	const char *name = proc_map__basename(map);

	for (size_t i = 0; map->executable && map->ino && i < sizeof(parts) / sizeof(*parts); i++)
		if (strstr(name, parts[i]))
			return true;
	return false;
}

static int find_site(struct elf_file *e, const char *name, enum gil_site_kind kind,
		     struct probe_site *site)
{
	struct elf_symbol symbol;
	uint64_t at;
	int err;

	err = elf_file__symbol(e, name, &symbol);
	if (!err)
		err = elf_file__offset(e, symbol.value, &at);
	if (!err)
		*site = cheap_site(e, at, kind);
	return err;
}

/* Opens the mapped file twice, for the parser and for the probes, and notes in libc which file it
 * is. Returns 0, and the caller closes e and libc->fd; or -errno. */
static int open_both(pid_t pid, const struct proc_map *map, struct libc *libc, struct elf_file *e)
{
	struct stat st;
	int fd, err;

	fd = proc_map__open(pid, map);
	if (fd < 0)
		return fd;
	libc->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (libc->fd < 0) {
		close(fd);
		return -EMFILE;
	}
	err = elf_file__open_fd(e, fd);
	if (err) {
		close(libc->fd);
		return err;
	}
	if (fstat(libc->fd, &st)) {
		err = -errno;
		elf_file__close(e);
		close(libc->fd);
		return err;
	}
	libc->machine = e->machine;
	libc->dev = st.st_dev;
	libc->ino = st.st_ino;
	strcpy(libc->path, map->path);
	return 0;
}

static int look_into(pid_t pid, const struct proc_map *map, struct libc *libc)
{
	struct elf_file e;
	int err = open_both(pid, map, libc, &e);

	if (err)
		return err;
	err = find_site(&e, "pthread_cond_signal", GIL_SITE_COND_SIGNAL, &libc->site[0]);
	if (!err)
		err = find_site(&e, "pthread_cond_timedwait", GIL_SITE_COND_TIMEDWAIT,
				&libc->site[1]);
	elf_file__close(&e);
	if (err)
		close(libc->fd);
	return err;
}

/* Returns 0 if found, -EPERM if a candidate could not be opened, else -ENOENT. */
static int search(pid_t pid, const struct proc_maps *maps, struct libc *libc)
{
	int result = -ENOENT;
	struct proc_map map;
	struct libc found;
	unsigned int nr_files = 0;
	size_t position = 0;
	ino_t last = 0;

	while (nr_files < MAX_FILES && proc_maps__next(maps, &position, &map)) {
		bool is_libpthread = strstr(proc_map__basename(&map), "libpthread");
		int err;

		/* Several mappings of one file follow each other. */
		if (!is_candidate(&map) || (!result && !is_libpthread) || map.ino == last)
			continue;
		last = map.ino;
		nr_files++;
		err = look_into(pid, &map, &found);
		if (!err) {
			if (!result)
				close(libc->fd);
			*libc = found;
			result = 0;
		} else if (err == -EPERM && result) {
			result = err;
		}
		if (!err && is_libpthread)
			break;
	}
	return result;
}

/* The place of one of this program's own functions, which the mapping holds. */
static struct probe_site own_site(struct elf_file *e, const struct proc_map *map, uintptr_t address,
				  enum gil_site_kind kind)
{
	return cheap_site(e, address - map->start + map->offset, kind);
}

/*
 * This process knows where its own functions are. So they are also found when the C library is
 * linked into gilscope and its symbols are stripped.
 */
static int find_own(const struct proc_maps *maps, struct libc *libc)
{
	const uintptr_t signal = (uintptr_t)pthread_cond_signal;
	const uintptr_t wait = (uintptr_t)pthread_cond_timedwait;
	struct elf_file e;
	struct proc_map map;
	size_t position = 0;
	int err;

	do
		if (!proc_maps__next(maps, &position, &map))
			return -ENOENT;
	while (signal < map.start || signal >= map.end || wait < map.start || wait >= map.end);
	err = open_both(0, &map, libc, &e);
	if (err)
		return err;
	libc->site[0] = own_site(&e, &map, signal, GIL_SITE_COND_SIGNAL);
	libc->site[1] = own_site(&e, &map, wait, GIL_SITE_COND_TIMEDWAIT);
	elf_file__close(&e);
	return 0;
}

static int fail(pid_t pid, int err, struct failure *f)
{
	char comm[16];

	if (err != -ENOENT)
		return proc__fail(pid, err, "look into", f);
	proc__comm(pid, comm);
	failure__what(f, "process %d (%s) has no library mapped that defines pthread_cond_signal",
		      pid, comm);
	failure__cause(f, "it is statically linked, or has only just started");
	failure__command(f, "grep r-xp /proc/%d/maps", pid);
	return err;
}

bool libc__is_musl(const char *path)
{
	const char *name = strrchr(path, '/');

	/* glibc's is libc.so.6, libc-2.31.so or libpthread.so.0. */
	return strstr(path, "musl") || !strcmp(name ? name + 1 : path, "libc.so");
}

/* A mutex lies between a GIL's condition variables. It has 40 bytes in musl on every architecture
 * and in glibc on x86-64, but 48 in glibc on arm64. The offsets in gil_python.h are glibc's. */
bool libc__has_known_layout(const char *path, uint16_t machine)
{
	return !libc__is_musl(path) || machine == EM_X86_64;
}

int libc__find(pid_t pid, struct libc *libc, struct failure *f)
{
	struct proc_maps maps;
	int err;

	memset(libc, 0, sizeof(*libc));
	err = proc_maps__read(pid, &maps);
	if (err)
		return fail(pid, err, f);
	err = pid ? search(pid, &maps, libc) : find_own(&maps, libc);
	proc_maps__free(&maps);
	if (err)
		return fail(pid, err, f);
	if (libc__has_known_layout(libc->path, libc->machine))
		return 0;
	failure__what(f, "process %d uses musl, whose mutexes differ from glibc's on this machine",
		      pid);
	failure__cause(f, "CPython on musl is supported on x86-64 only");
	close(libc->fd);
	return -ENOTSUP;
}
