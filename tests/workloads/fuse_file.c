// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fuse_file FOLDER FILE USER [silent]: mounts a FUSE file system of user number USER on FOLDER, with
 * a copy of FILE in it; a silent one does not say what file system it is. Prints READY, and serves until
 * its stdin ends. The status is 77 if the kernel has no FUSE.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define NODE  2
#define LARGE (1 << 20)

static const char *name;
static int is_silent;
static int file;
static struct stat st;

static void answer(int fuse, const struct fuse_in_header *in, int error, const void *data, size_t n)
{
	struct fuse_out_header out = {
		.len = (unsigned int)(sizeof(out) + n), .error = error, .unique = in->unique};
	struct iovec part[] = {{&out, sizeof(out)}, {(void *)data, n}};

	if (writev(fuse, part, n ? 2 : 1) < 0 && errno != ENOENT)
		perror("fuse_file");
}

static struct fuse_attr attributes(unsigned long node)
{
	return (struct fuse_attr){
		.ino = node,
		.size = node == NODE ? (unsigned long)st.st_size : 0,
		.mode = node == NODE ? S_IFREG | 0755 : S_IFDIR | 0755,
		.nlink = 1,
		.blksize = 4096,
	};
}

static void serve(int fuse, const char *request)
{
	static char data[LARGE];
	const struct fuse_in_header *in = (const void *)request;
	const struct fuse_read_in *r = (const void *)(in + 1);
	struct fuse_init_out init = {.major = FUSE_KERNEL_VERSION,
				     .minor = 31,
				     .max_readahead = LARGE / 8,
				     .max_write = LARGE / 8};
	struct fuse_entry_out entry = {
		.nodeid = NODE, .entry_valid = 60, .attr_valid = 60, .attr = attributes(NODE)};
	struct fuse_attr_out attr = {.attr_valid = 60, .attr = attributes(in->nodeid)};
	struct fuse_open_out open = {.fh = 1};
	struct fuse_statfs_out fs = {.st = {.bsize = 4096, .namelen = 255}};
	ssize_t n;

	switch (in->opcode) {
	case FUSE_INIT:
		answer(fuse, in, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		if (strcmp((const char *)(in + 1), name) != 0)
			answer(fuse, in, -ENOENT, NULL, 0);
		else
			answer(fuse, in, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		answer(fuse, in, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
	case FUSE_OPENDIR:
		answer(fuse, in, 0, &open, sizeof(open));
		break;
	case FUSE_READ:
		n = pread(file, data, r->size < LARGE ? r->size : LARGE, (off_t)r->offset);
		answer(fuse, in, n < 0 ? -EIO : 0, data, n < 0 ? 0 : (size_t)n);
		break;
	case FUSE_STATFS:
		answer(fuse, in, is_silent ? -EIO : 0, &fs, is_silent ? 0 : sizeof(fs));
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
	case FUSE_FLUSH:
	case FUSE_ACCESS:
		answer(fuse, in, 0, NULL, 0);
		break;
	default:
		answer(fuse, in, -ENOSYS, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	static char request[2 * LARGE];
	int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	struct pollfd p[] = {{.fd = fuse, .events = POLLIN}, {.fd = 0, .events = POLLIN}};
	char options[128];

	file = argc > 3 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
	if (file < 0 || fstat(file, &st))
		return 2;
	is_silent = argc > 4;
	name = strrchr(argv[2], '/') ? strrchr(argv[2], '/') + 1 : argv[2];
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%s,group_id=0,allow_other",
		 fuse, argv[3]);
	if (fuse < 0 || mount("hostile", argv[1], "fuse", MS_NOSUID | MS_NODEV, options))
		return 77;
	puts("READY");
	fflush(stdout);
	while (poll(p, 2, -1) > 0 && !p[1].revents)
		if (read(fuse, request, sizeof(request)) > 0)
			serve(fuse, request);
	umount2(argv[1], MNT_DETACH);
	return 0;
}
