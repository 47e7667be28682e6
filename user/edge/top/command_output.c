// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/output_file.h"
#include "edge/top/command_output.h"

struct command_output {
	int file; /* the unnamed file; -1: a named file, which is not shown */
	int own[3];
	pthread_t thread;
	bool showing;
	bool over; /* the command has ended */
};

/* Opens a temporary file for reading and appending. It disappears when its last descriptor is
 * closed. */
static int open_unnamed(void)
{
	char path[] = "/tmp/gilscope-XXXXXX";
	int fd = mkostemp(path, O_APPEND | O_CLOEXEC);

	if (fd >= 0)
		unlink(path);
	return fd;
}

static int open_output(const char *path, bool force, struct failure *f)
{
	struct output_file file;
	int fd;

	if (path)
		return output_file__open(&file, path, OUTPUT_APPEND, force, f) ?: file.fd;
	fd = open_unnamed();
	if (fd >= 0)
		return fd;
	failure__what(f, "cannot write the command's output to a file in /tmp: %s",
		      strerror(errno));
	failure__command(f, "gilscope top --command-output /dev/null -- ...");
	return -errno;
}

int command_output__divert(struct command_output **out, const char *path, bool force,
			   struct failure *f)
{
	struct command_output *c = calloc(1, sizeof(*c));
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = open_output(path, force, f);

	*out = NULL;
	if (!c || nothing < 0 || fd < 0) {
		free(c);
		close(nothing);
		close(fd);
		return -EIO;
	}
	c->file = path ? -1 : fd;
	for (int i = 0; i < 3; i++) {
		c->own[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
		dup2(i ? fd : nothing, i);
	}
	close(nothing);
	if (path)
		close(fd);
	*out = c;
	return 0;
}

void command_output__restore(struct command_output *c)
{
	for (int i = 0; i < 3; i++) {
		dup2(c->own[i], i);
		close(c->own[i]);
	}
}

/* Copies what was added to the file since offset *at to standard output, and moves *at on. */
static void copy_new(struct command_output *c, off_t *at)
{
	char buffer[65536];
	ssize_t n;

	while ((n = pread(c->file, buffer, sizeof(buffer), *at)) > 0) {
		for (ssize_t done = 0, m; done < n; done += m) {
			m = write(STDOUT_FILENO, buffer + done, (size_t)(n - done));
			if (m < 0)
				return;
		}
		*at += n;
	}
}

static void *show(void *arg)
{
	const struct timespec pause = {.tv_nsec = 50 * 1000 * 1000};
	struct command_output *c = arg;
	off_t at = 0;

	while (!__atomic_load_n(&c->over, __ATOMIC_ACQUIRE)) {
		copy_new(c, &at);
		nanosleep(&pause, NULL);
	}
	copy_new(c, &at);
	return NULL;
}

void command_output__show(struct command_output *c)
{
	if (c && c->file >= 0)
		c->showing = !pthread_create(&c->thread, NULL, show, c);
}

void command_output__finish(struct command_output *c)
{
	if (!c)
		return;
	__atomic_store_n(&c->over, true, __ATOMIC_RELEASE);
	if (c->showing)
		pthread_join(c->thread, NULL);
	if (c->file >= 0)
		close(c->file);
	free(c);
}
