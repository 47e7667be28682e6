// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "libc_file.h"

static struct libc_file *known(struct libc_file *list, const struct libc *libc)
{
	for (; list; list = list->next)
		if (list->libc.dev == libc->dev && list->libc.ino == libc->ino)
			return list;
	return NULL;
}

struct libc_file *libc_file__of(struct libc_file **list, pid_t pid, struct failure *f)
{
	struct libc libc;
	struct libc_file *file;
	int err = libc__find(pid, &libc, f);

	if (err) {
		errno = -err;
		return NULL;
	}
	file = known(*list, &libc);
	if (file)
		return file;
	file = calloc(1, sizeof(*file));
	if (!file)
		return NULL;
	file->libc = libc;
	file->fd = open(libc.open_path, O_RDONLY | O_CLOEXEC);
	if (file->fd < 0) {
		err = errno;
		failure__what(f, "cannot open %s: %s", libc.path, strerror(err));
		free(file);
		errno = err;
		return NULL;
	}
	snprintf(file->libc.open_path, sizeof(file->libc.open_path), "/proc/self/fd/%d", file->fd);
	file->next = *list;
	*list = file;
	return file;
}

void libc_file__free_all(struct libc_file *list)
{
	while (list) {
		struct libc_file *next = list->next;

		close(list->fd);
		free(list);
		list = next;
	}
}
