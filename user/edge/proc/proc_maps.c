// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "edge/proc/privilege.h"
#include "edge/proc/proc_list.h"
#include "edge/proc/proc_maps.h"

#define MAX_MAPS_SIZE (256UL << 20)
#define DELETED       " (deleted)"

__attribute__((format(printf, 3, 4))) static void proc_path(char path[PATH_MAX], pid_t pid,
							    const char *fmt, ...)
{
	int n = pid ? snprintf(path, PATH_MAX, "/proc/%d/", pid)
		    : snprintf(path, PATH_MAX, "/proc/self/");
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(path + n, (size_t)(PATH_MAX - n), fmt, ap);
	va_end(ap);
}

/* Opens a file in the process's /proc directory. Returns a descriptor, -ESRCH if the process does
 * not exist, -EPERM if this is not permitted, or another -errno. */
static int proc_open(pid_t pid, const char *name)
{
	char path[PATH_MAX];
	int fd;

	proc_path(path, pid, "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT)
		return -ESRCH;
	return errno == EACCES ? -EPERM : -errno;
}

/* Doubles the buffer. */
static int grow(struct proc_maps *maps, size_t *room)
{
	size_t size = *room ? *room * 2 : 32768;
	char *text;

	if (size > MAX_MAPS_SIZE)
		return -EFBIG;
	text = realloc(maps->text, size);
	if (!text)
		return -ENOMEM;
	maps->text = text;
	*room = size;
	return 0;
}

int proc_maps__read(pid_t pid, struct proc_maps *maps)
{
	int fd = proc_open(pid, "maps"), err = 0;
	size_t room = 0;
	ssize_t n = 1;

	memset(maps, 0, sizeof(*maps));
	if (fd < 0)
		return fd;
	while (!err && n) {
		if (maps->size == room)
			err = grow(maps, &room);
		if (err)
			break;
		n = read(fd, maps->text + maps->size, room - maps->size);
		if (n > 0)
			maps->size += (size_t)n;
		else if (n < 0 && errno != EINTR)
			err = -errno;
	}
	close(fd);
	if (err)
		proc_maps__free(maps);
	return err;
}

void proc_maps__free(struct proc_maps *maps)
{
	if (!maps)
		return;
	free(maps->text);
	memset(maps, 0, sizeof(*maps));
}

/* Opens for reading what `place`, an O_PATH descriptor or -errno, stands for, and closes it. Only a
 * regular file is opened: to open a device, or a pipe, can have effects of its own, or wait. */
static int open_regular(int place)
{
	char path[64];
	struct stat st;
	int fd = -EBADMSG;

	if (place < 0)
		return place == -EACCES ? -EPERM : place;
	if (!fstat(place, &st) && S_ISREG(st.st_mode)) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd < 0)
			fd = errno == EACCES ? -EPERM : -errno;
	}
	close(place);
	return fd;
}

static int place_of(const char *path)
{
	int fd = open(path, O_PATH | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* Resolves a path as a process with the root folder `root` would. Without RESOLVE_IN_ROOT (Linux
 * 5.6), the kernel would follow an absolute symbolic link to a file outside of that folder. */
static int place_in_root(int root, const char *path, unsigned int flags)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC | flags, .resolve = RESOLVE_IN_ROOT};
	long fd = -1;

	/* A rename anywhere on the machine can make the kernel give up. */
	for (int i = 0; i < 16 && fd < 0; i++) {
		fd = syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd < 0 && errno != EAGAIN)
			break;
	}
	return fd < 0 ? -errno : (int)fd;
}

static int open_in_root(pid_t pid, const char *path, unsigned int flags)
{
	char root_path[PATH_MAX];
	int root, fd;

	proc_path(root_path, pid, "root");
	root = place_of(root_path);
	if (root < 0)
		return root == -EACCES ? -EPERM : root;
	fd = open_regular(place_in_root(root, path, flags));
	close(root);
	return fd;
}

int proc__open_in_root(pid_t pid, const char *path)
{
	return open_in_root(pid, path, 0);
}

int proc__open_own(pid_t pid, const char *path)
{
	int fd = open_in_root(pid, path, O_NOFOLLOW);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) || (long)st.st_uid != proc_list__status(pid, "Uid"))) {
		close(fd);
		fd = -EPERM;
	}
	return fd;
}

int proc__open_path(const char *path)
{
	return open_regular(place_of(path));
}

int proc_map__open(pid_t pid, const struct proc_map *map)
{
	char path[PATH_MAX];
	int fd;

	proc_path(path, pid, "map_files/%lx-%lx", map->start, map->end);
	fd = proc__open_path(path);
	if (fd >= 0 || fd == -EBADMSG || map->deleted || map->path[0] != '/')
		return fd;
	return proc__open_in_root(pid, map->path);
}

int proc__open_mapped(pid_t pid, const char *path)
{
	struct proc_maps maps;
	struct proc_map map;
	size_t position = 0;
	int fd = proc_maps__read(pid, &maps);

	if (fd)
		return fd;
	fd = -ESRCH;
	while (fd == -ESRCH && proc_maps__next(&maps, &position, &map))
		if (map.executable && !strcmp(map.path, path))
			fd = proc_map__open(pid, &map);
	proc_maps__free(&maps);
	return fd;
}

int proc_image__open(pid_t pid)
{
	return proc_open(pid, "maps");
}

/* An open "maps" stays tied to the memory that the process had at the open, and reads as empty when
 * that is gone. */
bool proc_image__is_over(int image)
{
	char c;

	return pread(image, &c, 1, 0) <= 0;
}

/* Does not use /proc/PID/mem, because that file belongs to the process's user: opening it for
 * another user's process needs CAP_DAC_READ_SEARCH in addition to CAP_SYS_PTRACE. */
int proc_mem__read(pid_t pid, uint64_t address, void *to, size_t size)
{
	size_t done = 0;

	if (address > INT64_MAX - size)
		return -EFAULT;
	while (done < size) {
		struct iovec own = {(char *)to + done, size - done};
		struct iovec its = {(void *)(uintptr_t)(address + done), size - done};
		ssize_t n = process_vm_readv(pid ? pid : getpid(), &own, 1, &its, 1, 0);

		if (n > 0)
			done += (size_t)n;
		else if (!n)
			return -EFAULT;
		else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

void proc__exe(pid_t pid, char path[PATH_MAX])
{
	size_t suffix = strlen(DELETED);
	char link[PATH_MAX];
	ssize_t n;

	proc_path(link, pid, "exe");
	n = readlink(link, path, PATH_MAX - 1);
	if (n < 0)
		n = 0;
	path[n] = '\0';
	if ((size_t)n > suffix && !strcmp(path + n - suffix, DELETED))
		path[n - suffix] = '\0';
}

bool proc__comm(pid_t pid, char comm[16])
{
	int fd = proc_open(pid, "comm");
	ssize_t n = fd < 0 ? -1 : read(fd, comm, 15);

	if (fd >= 0)
		close(fd);
	if (n > 0 && comm[n - 1] == '\n')
		n--;
	if (n <= 0) {
		strcpy(comm, "?");
		return false;
	}
	comm[n] = '\0';
	return true;
}

bool proc__command(pid_t pid, char command[PROGRAM_NAME])
{
	char args[4096];
	int fd = proc_open(pid, "cmdline");
	ssize_t n = fd < 0 ? -1 : read(fd, args, sizeof(args));

	if (fd >= 0)
		close(fd);
	if (n < 0)
		return false;
	program__name(args, (size_t)n, command);
	return true;
}

void proc__cgroups(pid_t pid, char *text, size_t size)
{
	int fd = proc_open(pid, "cgroup");
	ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
}

bool proc__has_argument(pid_t pid, const char *word)
{
	static const size_t most = 64 * 1024;
	int fd = proc_open(pid, "cmdline");
	char *text = fd < 0 ? NULL : malloc(most);
	ssize_t n = text ? read(fd, text, most) : -1;
	bool found = n > 0 && memmem(text, (size_t)n, word, strlen(word));

	free(text);
	if (fd >= 0)
		close(fd);
	return found;
}

int proc__fail(pid_t pid, int err, const char *doing, struct failure *f)
{
	char comm[16];

	if (err == -ESRCH) {
		failure__what(f, "there is no process %d", pid);
		failure__cause(f, "it has ended, or %d is its number in another PID namespace",
			       pid);
		failure__command(f, "ps -p %d", pid);
		return err;
	}
	proc__comm(pid, comm);
	failure__what(f, "cannot %s process %d (%s): %s", doing, pid, comm, strerror(-err));
	/* CAPABILITIES_MAPPED matters if its files are in a private folder or deleted. */
	if (err == -EPERM && !privilege__explain(CAPABILITIES_OTHERS, f) &&
	    !privilege__explain(CAPABILITIES_MAPPED, f))
		failure__cause(f, privilege__ptrace_scope() >= 3
					  ? PTRACE_SCOPE_IS_3
					  : "it is in another user namespace, or a security module "
					    "forbids it");
	failure__command(f,
			 geteuid() ? "sudo gilscope stat -p %d"
				   : "cat /proc/%d/uid_map /proc/sys/kernel/yama/ptrace_scope",
			 pid);
	return err;
}
