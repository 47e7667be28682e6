// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libc.h"
#include "proc_maps.h"
#include "site_file.h"
#include "usdt.h"

static struct site_file *known(struct site_file *list, enum probe_program program, dev_t dev,
			       ino_t ino)
{
	for (; list; list = list->next)
		if (list->program == program && list->dev == dev && list->ino == ino)
			return list;
	return NULL;
}

/* Takes the descriptor, whatever comes of it. */
static struct site_file *add(struct site_file **list, enum probe_program program, int fd)
{
	struct site_file *file = calloc(1, sizeof(*file));
	struct stat st;

	if (!file || fstat(fd, &st)) {
		close(fd);
		free(file);
		return NULL;
	}
	file->dev = st.st_dev;
	file->ino = st.st_ino;
	file->program = program;
	file->fd = fd;
	snprintf(file->open_path, sizeof(file->open_path), "/proc/self/fd/%d", fd);
	file->next = *list;
	*list = file;
	return file;
}

/* ---- C libraries ---- */

struct site_file *site_file__of_libc(struct site_file **list, pid_t pid, struct failure *f)
{
	struct libc libc;
	struct site_file *file;
	int err = libc__find(pid, &libc, f), fd;

	if (err) {
		errno = -err;
		return NULL;
	}
	file = known(*list, PROBE_COND, libc.dev, libc.ino);
	if (file)
		return file;
	fd = open(libc.open_path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		err = errno;
		failure__what(f, "cannot open %s: %s", libc.path, strerror(err));
		errno = err;
		return NULL;
	}
	file = add(list, PROBE_COND, fd);
	if (!file)
		return NULL;
	file->n = LIBC_SITES;
	memcpy(file->site, libc.site, sizeof(libc.site));
	return file;
}

/* ---- interpreters ---- */

static int look_into(struct site_file *file, struct probe *probe, struct failure *f)
{
	struct elf_file e;
	struct usdt u;
	int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);
	int err = fd < 0 ? -errno : elf_file__open_fd(&e, fd);

	if (err)
		return err;
	err = usdt__find(&e, &u, f);
	elf_file__close(&e);
	for (size_t i = 0; !err && i < u.n; i++) {
		int index = probe__enter_arguments(probe, &u.arguments[i]);

		if (index < 0)
			return index;
		file->site[i] = u.site[i];
		file->site[i].arguments = (__u32)index;
	}
	file->n = err ? 0 : u.n;
	file->long_nop = u.long_nop;
	return err;
}

static struct site_file *new_interpreter(struct site_file **list, struct probe *probe, int fd)
{
	struct site_file *file = add(list, PROBE_USDT, fd);
	struct failure f = {0};

	if (!file)
		return NULL;
	file->err = look_into(file, probe, &f);
	if (file->err == -ENOENT)
		strcpy(f.what, "the interpreter carries no GIL probes");
	else if (file->err && !f.what[0])
		failure__what(&f, "the interpreter's file cannot be read: %s",
			      strerror(-file->err));
	snprintf(file->why, sizeof(file->why), "%.*s", (int)sizeof(file->why) - 1, f.what);
	return file;
}

struct site_file *site_file__of_usdt(struct site_file **list, struct probe *probe, pid_t pid,
				     const struct python *py, struct failure *f)
{
	struct site_file *file = NULL;
	struct stat st;
	int fd = proc__open_mapped(pid, py->path);

	if (fd < 0 || fstat(fd, &st)) {
		errno = fd < 0 ? -fd : errno;
		return NULL;
	}
	file = known(*list, PROBE_USDT, st.st_dev, st.st_ino);
	if (file)
		close(fd);
	else
		file = new_interpreter(list, probe, fd);
	if (!file) {
		errno = ENOMEM;
		return NULL;
	}
	if (!file->err)
		return file;
	failure__what(f, "%s", file->why);
	errno = -file->err;
	return NULL;
}

struct site_file *site_file__of_self(struct site_file **list, struct probe *probe)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct site_file *file = fd < 0 ? NULL : new_interpreter(list, probe, fd);

	return file && !file->err ? file : NULL;
}

void site_file__free_all(struct site_file *list)
{
	while (list) {
		struct site_file *next = list->next;

		close(list->fd);
		free(list);
		list = next;
	}
}
