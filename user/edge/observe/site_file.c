// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "edge/sites/libc.h"
#include "edge/proc/proc_maps.h"
#include "edge/python/python2.h"
#include "edge/observe/site_file.h"
#include "edge/sites/usdt.h"

/* Files without a user that are kept, because the next process often has one of them. */
#define MAX_UNUSED 16

/* ---- the list ---- */

/* True if the file is still what was searched. Its owner can write to it at any time. */
static bool is_unchanged(const struct site_file *file)
{
	struct stat st;

	if (fstat(file->fd, &st) || st.st_dev != file->dev || st.st_ino != file->ino ||
	    st.st_size != file->size)
		return false;
	for (size_t i = 0; i < file->n; i++)
		if (!probe_site__has_code(&file->site[i], file->fd))
			return false;
	return true;
}

/* Returns the file, moved to the front of the list. */
static struct site_file *known(struct site_file **list, enum probe_program program, dev_t dev,
			       ino_t ino)
{
	struct site_file **at = list, *file;

	while ((file = *at)) {
		if (file->program == program && file->dev == dev && file->ino == ino &&
		    is_unchanged(file)) {
			*at = file->next;
			file->next = *list;
			*list = file;
			return file;
		}
		at = &file->next;
	}
	return NULL;
}

static void free_file(struct site_file *file)
{
	close(file->fd);
	free(file);
}

/* Frees the files that have had no user for the longest time. */
static void forget(struct site_file **list)
{
	unsigned int nr_unused = 0;
	struct site_file *file;

	while ((file = *list)) {
		if (file->nr_users || nr_unused++ < MAX_UNUSED) {
			list = &file->next;
			continue;
		}
		*list = file->next;
		free_file(file);
	}
}

/* Adds a file to the list. Takes over the descriptor, and closes it on failure. */
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
	file->size = st.st_size;
	file->program = program;
	file->fd = fd;
	snprintf(file->open_path, sizeof(file->open_path), "/proc/self/fd/%d", fd);
	file->next = *list;
	*list = file;
	forget(list);
	return file;
}

void site_file__use(struct site_file *file)
{
	if (file)
		file->nr_users++;
}

void site_file__leave(struct site_file *file)
{
	if (file)
		file->nr_users--;
}

/* ---- their probes ---- */

static bool may_attach(const struct site_file *file, struct failure *f)
{
	if (is_unchanged(file))
		return true;
	failure__what(f, "a file that it has mapped was changed after it was searched");
	errno = ESTALE;
	return false;
}

struct attachment *site_file__attach(const struct site_file *file, struct probe *probe,
				     enum probe_program program, pid_t pid, unsigned int index,
				     struct failure *f)
{
	if (!may_attach(file, f))
		return NULL;
	return probe__attach(probe, program, pid, index, file->open_path, file->site, file->n, f);
}

struct attachment *site_file__attach_thread(const struct site_file *file, struct probe *probe,
					    enum probe_program program, pid_t tid,
					    unsigned int index, struct failure *f)
{
	if (!may_attach(file, f))
		return NULL;
	return probe__attach_thread(probe, program, tid, index, file->open_path, file->site,
				    file->n, f);
}

/* ---- C libraries ---- */

struct site_file *site_file__of_libc(struct site_file **list, pid_t pid, struct failure *f)
{
	struct libc libc;
	struct site_file *file;
	int err = libc__find(pid, &libc, f);

	if (err) {
		errno = -err;
		return NULL;
	}
	file = known(list, PROBE_COND, libc.dev, libc.ino);
	if (file) {
		close(libc.fd);
		return file;
	}
	file = add(list, PROBE_COND, libc.fd);
	if (!file)
		return NULL;
	file->n = LIBC_SITES;
	memcpy(file->site, libc.site, sizeof(libc.site));
	return file;
}

/* ---- interpreters ---- */

/* Opens the file as ELF, on a descriptor of its own. Returns 0 or -errno. */
static int open_elf(const struct site_file *file, struct elf_file *e)
{
	int fd = fcntl(file->fd, F_DUPFD_CLOEXEC, 0);

	return fd < 0 ? -errno : elf_file__open_fd(e, fd);
}

static int look_into(struct site_file *file, struct probe *probe, struct failure *f)
{
	struct elf_file e;
	struct usdt u;
	int err = open_elf(file, &e);

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

static void note_failure(struct site_file *file, struct failure *f)
{
	if (file->err && !f->what[0])
		failure__what(f, "the interpreter's file cannot be read: %s", strerror(-file->err));
	snprintf(file->why, sizeof(file->why), "%.*s", (int)sizeof(file->why) - 1, f->what);
}

static struct site_file *new_usdt(struct site_file **list, struct probe *probe, pid_t pid,
				  const struct python *py, int fd)
{
	struct site_file *file = add(list, PROBE_USDT, fd);
	struct failure f = {0};

	(void)pid, (void)py;
	if (!file)
		return NULL;
	file->err = look_into(file, probe, &f);
	if (file->err == -ENOENT)
		strcpy(f.what, "the interpreter carries no GIL probes");
	note_failure(file, &f);
	return file;
}

/* Returns the file if its sites can be used, or else NULL with errno and f as stored in the
 * file. */
static struct site_file *usable(struct site_file *file, struct failure *f)
{
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

typedef struct site_file *(*new_file)(struct site_file **list, struct probe *probe, pid_t pid,
				      const struct python *py, int fd);

/* Returns the interpreter's file from the list, or else calls `make` to add it. */
static struct site_file *of_interpreter(struct site_file **list, enum probe_program program,
					new_file make, struct probe *probe, pid_t pid,
					const struct python *py, struct failure *f)
{
	struct site_file *file = NULL;
	struct stat st;
	int fd = proc__open_mapped(pid, py->path);

	if (fd < 0 || fstat(fd, &st)) {
		errno = fd < 0 ? -fd : errno;
		return NULL;
	}
	file = known(list, program, st.st_dev, st.st_ino);
	if (file)
		close(fd);
	else
		file = make(list, probe, pid, py, fd);
	return usable(file, f);
}

struct site_file *site_file__of_usdt(struct site_file **list, struct probe *probe, pid_t pid,
				     const struct python *py, struct failure *f)
{
	return of_interpreter(list, PROBE_USDT, new_usdt, probe, pid, py, f);
}

struct site_file *site_file__of_self(struct site_file **list, struct probe *probe)
{
	int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct site_file *file = fd < 0 ? NULL : new_usdt(list, probe, 0, NULL, fd);

	return file && !file->err ? file : NULL;
}

static struct site_file *new_static(struct site_file **list, struct probe *probe, pid_t pid,
				    const struct python *py, int fd)
{
	struct site_file *file = add(list, PROBE_COND, fd);
	struct failure f = {0};
	struct elf_file e;

	(void)probe;
	if (!file)
		return NULL;
	file->is_static = true;
	file->err = open_elf(file, &e);
	if (!file->err) {
		file->err = cond_sites__find(&e, pid, py->path, file->site, &file->from, &f);
		elf_file__close(&e);
	}
	file->n = file->err ? 0 : COND_SITES;
	note_failure(file, &f);
	return file;
}

struct site_file *site_file__of_static(struct site_file **list, pid_t pid, const struct python *py,
				       struct failure *f)
{
	return of_interpreter(list, PROBE_COND, new_static, NULL, pid, py, f);
}

static struct site_file *new_python2(struct site_file **list, struct probe *probe, pid_t pid,
				     const struct python *py, int fd)
{
	struct site_file *file = add(list, PROBE_SEMAPHORE, fd);
	struct failure f = {0};
	struct elf_file e;

	(void)probe, (void)pid, (void)py;
	if (!file)
		return NULL;
	file->err = open_elf(file, &e);
	if (!file->err) {
		int n = python2__sites(&e, file->site);

		elf_file__close(&e);
		file->err = n < 0 ? n : 0;
		file->n = n < 0 ? 0 : (size_t)n;
	}
	note_failure(file, &f);
	return file;
}

struct site_file *site_file__of_python2(struct site_file **list, pid_t pid, const struct python *py,
					struct failure *f)
{
	return of_interpreter(list, PROBE_SEMAPHORE, new_python2, NULL, pid, py, f);
}

void site_file__free_all(struct site_file *list)
{
	while (list) {
		struct site_file *next = list->next;

		free_file(list);
		list = next;
	}
}
