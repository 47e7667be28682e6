// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "edge/proc/proc_mounts.h"

/* Blanks within a path are escaped, so that a mount point, whose name is up to its user, can neither
 * look like the mark before the type nor like the options, which come last. */
static bool parse(char *line, struct proc_mount *mount)
{
	char *type = strstr(line, " - "), *options = strrchr(line, ' ');
	unsigned int major, minor;

	if (!type || options <= type + 2 ||
	    sscanf(line, "%u %*u %u:%u ", &mount->id, &major, &minor) != 3)
		return false;
	type += 3;
	mount->dev = makedev(major, minor);
	type[strcspn(type, " ")] = '\0';
	options++;
	options[strcspn(options, "\n")] = '\0';
	mount->type = type;
	mount->options = options;
	return true;
}

bool proc_mounts__next(struct proc_mounts *m, struct proc_mount *mount)
{
	while (m->in && getline(&m->line, &m->room, m->in) >= 0)
		if (parse(m->line, mount))
			return true;
	free(m->line);
	m->line = NULL;
	m->room = 0;
	return false;
}

static bool has_option(const char *options, const char *option)
{
	size_t length = strlen(option);

	for (; *options; options += strcspn(options, ","), options += *options == ',')
		if (strcspn(options, ",") == length && !strncmp(options, option, length))
			return true;
	return false;
}

bool proc_mount__is_users(const struct proc_mount *mount)
{
	return !strncmp(mount->type, "fuse", strlen("fuse")) &&
	       !has_option(mount->options, "user_id=0");
}

/* Finds a mount in a process's view by its number, or, if that is 0, by its device. */
static bool find(pid_t pid, unsigned int id, dev_t *dev, bool *is_users)
{
	char path[64] = "/proc/self/mountinfo";
	struct proc_mounts mounts = {0};
	struct proc_mount mount;
	bool is_it = false;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	mounts.in = fopen(path, "re");
	while (!is_it && proc_mounts__next(&mounts, &mount))
		is_it = id ? mount.id == id : mount.dev == *dev;
	if (is_it) {
		*dev = mount.dev;
		*is_users = proc_mount__is_users(&mount);
	}
	if (mounts.in)
		fclose(mounts.in);
	free(mounts.line);
	return is_it;
}

/* A file system that a user mounts in a namespace of his own is not in gilscope's. */
static bool is_roots(dev_t dev)
{
	bool is_users;

	return find(0, 0, &dev, &is_users) && !is_users;
}

/* No FUSE answers this request, which an overlay passes on to the file in its layer. One byte is enough:
 * a file may have very many extents. */
static bool has_extents(int fd)
{
	struct fiemap map = {.fm_length = 1};

	return !ioctl(fd, FS_IOC_FIEMAP, &map);
}

/* True if only those who are root where gilscope runs can mount in the process's mount namespace. A user
 * can leave one like that, but never come back. */
static bool is_in_roots_namespace(pid_t pid)
{
	char path[64] = "/proc/self/ns/mnt";
	struct stat its, own;
	int fd, user;
	bool same;

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/ns/mnt", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	user = fd < 0 ? -1 : ioctl(fd, NS_GET_USERNS);
	same = user >= 0 && !fstat(user, &its) && !stat("/proc/self/ns/user", &own) &&
	       its.st_dev == own.st_dev && its.st_ino == own.st_ino;
	if (user >= 0)
		close(user);
	if (fd >= 0)
		close(fd);
	return same;
}

/* The device of an overlay's file is not the overlay's own, so that this takes the number of the
 * mount, as the process sees it. */
static bool is_roots_overlay(pid_t pid, int fd)
{
	struct statx st;
	bool is_users;
	dev_t dev = 0;

	return !statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &st) && st.stx_mask & STATX_MNT_ID &&
	       find(pid, (unsigned int)st.stx_mnt_id, &dev, &is_users) &&
	       (is_in_roots_namespace(pid) || is_roots(dev));
}

bool proc_mounts__is_served_by_user(pid_t pid, int fd)
{
	struct statfs fs;
	struct stat st;

	/* What answers for a FUSE can fail, too. */
	if (fstatfs(fd, &fs) || fstat(fd, &st))
		return true;
	if (fs.f_type == FUSE_SUPER_MAGIC)
		return !is_roots(st.st_dev);
	return fs.f_type == OVERLAYFS_SUPER_MAGIC && !has_extents(fd) && !is_roots_overlay(pid, fd);
}
