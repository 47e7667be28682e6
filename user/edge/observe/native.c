// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/perf_map.h"
#include "edge/elf/elf_symtab.h"
#include "edge/observe/native.h"
#include "edge/proc/proc_maps.h"
#include "edge/proc/proc_task.h"

/* Finds the function in the file itself, in its separate debug file, or among its exports. The path is
 * the process's, and means what it means to that. */
static int find_function(struct elf_file *e, pid_t pid, const char *path, uint64_t address,
			 char name[96], struct elf_symbol *symbol)
{
	char place[PATH_MAX];
	int err = elf_symtab__at(e, false, address, name, 96, symbol);

	for (unsigned int i = 0; err && i < ELF_DEBUG_PLACES; i++) {
		struct elf_file debug;
		int fd = -ENOENT;

		if (elf_debug__path(e, path, i, place))
			fd = proc__open_in_root(pid, place);
		if (fd < 0 || elf_file__open_fd(&debug, fd))
			continue;
		if (elf_debug__matches(e, &debug))
			err = elf_symtab__at(&debug, false, address, name, 96, symbol);
		elf_file__close(&debug);
	}
	return err ? elf_symtab__at(e, true, address, name, 96, symbol) : 0;
}

static void name_function(pid_t pid, const struct proc_map *map, uint64_t address, struct native *n)
{
	struct elf_symbol symbol;
	struct elf_file e;
	char name[96];
	uint64_t bias;
	int fd = proc_map__open(pid, map);

	if (fd < 0 || elf_file__open_fd(&e, fd))
		return;
	if (!elf_file__load_bias(&e, map->start, map->offset, &bias) &&
	    !find_function(&e, pid, map->path, address - bias, name, &symbol)) {
		size_t used = strlen(n->name);

		n->start = symbol.value + bias;
		n->end = n->start + symbol.size;
		snprintf(n->name + used, sizeof(n->name) - used, ":%s", name);
	}
	elf_file__close(&e);
}

/* ---- code that the program itself has compiled ---- */

/* Only the end of a larger perf map is read, which has the latest functions. */
#define MAP_MOST (8 << 20)

/* The process's perf map, or the end of it; NULL if there is none. The caller frees it. */
static char *read_perf_map(pid_t pid, size_t *size)
{
	char path[64], *text = NULL;
	struct stat st;
	ssize_t n = -1;
	int fd;

	/* The process knows its number in its own pid namespace. */
	snprintf(path, sizeof(path), "/tmp/perf-%ld.map", proc_task__own_number(pid, pid));
	fd = proc__open_own(pid, path);
	if (fd < 0)
		return NULL;
	if (!fstat(fd, &st)) {
		*size = st.st_size < MAP_MOST ? (size_t)st.st_size : MAP_MOST;
		text = malloc(*size + 1);
	}
	if (text)
		n = pread(fd, text, *size, st.st_size - (off_t)*size);
	close(fd);
	if (n < 0) {
		free(text);
		return NULL;
	}
	*size = (size_t)n;
	return text;
}

#define PAGE 4096ULL

static void name_compiled(pid_t pid, uint64_t address, struct native *n)
{
	struct perf_map_entry e;
	size_t size;
	char *text = read_perf_map(pid, &size);

	if (!text)
		return;
	if (perf_map__find(text, size, address, &e)) {
		n->start = e.start;
		n->end = e.end;
		snprintf(n->name, sizeof(n->name), "[compiled]:%.*s",
			 e.length < 100 ? (int)e.length : 100, e.name);
	} else {
		/* It may be compiled later. */
		n->start = address & ~(PAGE - 1);
		n->end = n->start + PAGE;
	}
	free(text);
}

int native__at(pid_t pid, uint64_t address, const char *plain, struct native *n)
{
	struct proc_maps maps;
	struct proc_map map;
	size_t position = 0;
	int err = proc_maps__read(pid, &maps);

	memset(n, 0, sizeof(*n));
	if (err)
		return err;
	err = maps.size ? -ENOENT : -ESRCH;
	while (err == -ENOENT && proc_maps__next(&maps, &position, &map)) {
		if (!map.executable || address < map.start || address >= map.end)
			continue;
		err = 0;
		n->start = map.start;
		n->end = map.end;
		snprintf(n->path, sizeof(n->path), "%.255s", map.path);
		snprintf(n->name, sizeof(n->name), "%.60s",
			 map.path[0] ? proc_map__basename(&map) : "[anonymous]");
		if (!map.ino || !strncmp(map.path, "/memfd:", 7))
			name_compiled(pid, address, n);
		else if (strcmp(map.path, plain) != 0)
			name_function(pid, &map, address, n);
	}
	proc_maps__free(&maps);
	return err;
}

#define NAME(name) [SYS_##name] = #name

const char *native__syscall(int number)
{
	static const char *const names[] = {
		NAME(read),
		NAME(write),
		NAME(close),
		NAME(lseek),
		NAME(mmap),
		NAME(mprotect),
		NAME(munmap),
		NAME(brk),
		NAME(ioctl),
		NAME(pread64),
		NAME(pwrite64),
		NAME(readv),
		NAME(writev),
		NAME(sched_yield),
		NAME(mremap),
		NAME(msync),
		NAME(madvise),
		NAME(shmat),
		NAME(nanosleep),
		NAME(sendfile),
		NAME(socket),
		NAME(connect),
		NAME(accept),
		NAME(sendto),
		NAME(recvfrom),
		NAME(sendmsg),
		NAME(recvmsg),
		NAME(shutdown),
		NAME(bind),
		NAME(listen),
		NAME(clone),
		NAME(execve),
		NAME(exit),
		NAME(wait4),
		NAME(kill),
		NAME(semop),
		NAME(msgsnd),
		NAME(msgrcv),
		NAME(fcntl),
		NAME(flock),
		NAME(fsync),
		NAME(fdatasync),
		NAME(truncate),
		NAME(ftruncate),
		NAME(getdents64),
		NAME(fstat),
		NAME(statfs),
		NAME(fstatfs),
		NAME(sync),
		NAME(mlock),
		NAME(setxattr),
		NAME(getxattr),
		NAME(futex),
		NAME(io_getevents),
		NAME(semtimedop),
		NAME(fadvise64),
		NAME(clock_gettime),
		NAME(clock_nanosleep),
		NAME(exit_group),
		NAME(waitid),
		NAME(openat),
		NAME(mkdirat),
		NAME(newfstatat),
		NAME(unlinkat),
		NAME(renameat),
		NAME(linkat),
		NAME(symlinkat),
		NAME(readlinkat),
		NAME(fchmodat),
		NAME(faccessat),
		NAME(pselect6),
		NAME(ppoll),
		NAME(splice),
		NAME(tee),
		NAME(vmsplice),
		NAME(utimensat),
		NAME(epoll_pwait),
		NAME(fallocate),
		NAME(accept4),
		NAME(pipe2),
		NAME(preadv),
		NAME(pwritev),
		NAME(rt_sigtimedwait),
		NAME(rt_sigsuspend),
		NAME(recvmmsg),
		NAME(sendmmsg),
		NAME(syncfs),
		NAME(setns),
		NAME(renameat2),
		NAME(getrandom),
		NAME(memfd_create),
		NAME(membarrier),
		NAME(copy_file_range),
		NAME(preadv2),
		NAME(pwritev2),
		NAME(statx),
		NAME(io_uring_enter),
		NAME(clone3),
		NAME(openat2),
		NAME(mbind),
		NAME(move_pages),
		NAME(migrate_pages),
		NAME(process_vm_readv),
		NAME(init_module),
		NAME(quotactl),
#ifdef SYS_poll
		NAME(open),
		NAME(stat),
		NAME(lstat),
		NAME(poll),
		NAME(access),
		NAME(pause),
		NAME(select),
		NAME(epoll_wait),
		NAME(fork),
		NAME(vfork),
		NAME(rename),
		NAME(mkdir),
		NAME(rmdir),
		NAME(unlink),
		NAME(link),
		NAME(symlink),
		NAME(readlink),
		NAME(chmod),
		NAME(chown),
		NAME(getdents),
		NAME(creat),
#endif
	};

	return number >= 0 && (size_t)number < sizeof(names) / sizeof(*names) ? names[number]
									      : NULL;
}
