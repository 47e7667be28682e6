// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "edge/proc/proc_maps.h"
#include "edge/proc/proc_mounts.h"
#include "test.h"

static struct proc_maps text(const char *s)
{
	return (struct proc_maps){(char *)(uintptr_t)s, strlen(s)};
}

TEST(maps_line)
{
	struct proc_maps maps = text("7f00-8f00 r-xp 00001000 fe:1a 332835                   "
				     "/usr/lib/x86_64-linux-gnu/libc.so.6\n");
	struct proc_map m;
	size_t at = 0;

	CHECK(proc_maps__next(&maps, &at, &m));
	CHECK_EQ(m.start, 0x7f00);
	CHECK_EQ(m.end, 0x8f00);
	CHECK(m.readable && !m.writable && m.executable && !m.deleted);
	CHECK_EQ(m.offset, 0x1000);
	CHECK(m.dev == makedev(0xfe, 0x1a));
	CHECK_EQ(m.ino, 332835);
	CHECK_STR(m.path, "/usr/lib/x86_64-linux-gnu/libc.so.6");
	CHECK_STR(proc_map__basename(&m), "libc.so.6");
	CHECK(!proc_maps__next(&maps, &at, &m));
	CHECK(!proc_maps__next(&maps, &at, &m));
}

TEST(maps_paths)
{
	struct proc_maps maps = text("1-2 rw-p 0 0:0 0 \n"
				     "1-2 rw-p 0 0:0 0 [stack]\n"
				     "1-2 r-xp 0 8:1 7   /a b/c  d (x) (deleted)\n"
				     "1-2 r-xp 0 8:1 7   /a\\012b\\011\\01\n"
				     "1-2 r-xp 0 8:1 7    (deleted)\n"
				     "1-2 r-xp 0 8:1 7 /last");
	struct proc_map m;
	size_t at = 0;

	CHECK(proc_maps__next(&maps, &at, &m));
	CHECK_STR(m.path, "");
	CHECK(proc_maps__next(&maps, &at, &m));
	CHECK_STR(m.path, "[stack]");
	CHECK_STR(proc_map__basename(&m), "[stack]");
	CHECK(proc_maps__next(&maps, &at, &m));
	CHECK_STR(m.path, "/a b/c  d (x)");
	CHECK(m.deleted);
	CHECK(proc_maps__next(&maps, &at, &m));
	CHECK_STR(m.path, "/a\nb\\011\\01");
	CHECK(!m.deleted);
	CHECK(proc_maps__next(&maps, &at, &m));
	CHECK_STR(m.path, "(deleted)");
	CHECK(proc_maps__next(&maps, &at, &m));
	CHECK_STR(m.path, "/last");
	CHECK(!proc_maps__next(&maps, &at, &m));
}

TEST(maps_nonsense_is_passed_over)
{
	struct proc_maps maps =
		text("\n\n \nhello\n1\n1-\n1-2\n1-2 r-xp\n1-2 r-x 0 0:0 0 \n"
		     "1-2 r-xp 0 0:0 x /a\n1-2 r-xp g 0:0 0 /b\n-2 r-xp 0 0:0 0 /c\n"
		     "2-1 r-xp 0 0:0 0 /backwards\n"
		     "1-10000000000000000 r-xp 0 0:0 0 /too large\n"
		     "1-2 r-xp 0 0:0 0 /good\n1-2 r-xp 0 0:0 0");
	struct proc_map m;
	size_t at = 0;

	CHECK(proc_maps__next(&maps, &at, &m));
	CHECK_STR(m.path, "/good");
	CHECK(!proc_maps__next(&maps, &at, &m));
}

TEST(maps_path_too_long)
{
	size_t size = 2 * PATH_MAX, at = 0;
	struct proc_maps maps = {malloc(size), size};
	struct proc_map m;
	int n;

	CHECK(maps.text);
	memset(maps.text, 'x', size);
	n = snprintf(maps.text, size, "1-2 r-xp 0 0:0 0 /");
	maps.text[n] = 'x';
	CHECK(!proc_maps__next(&maps, &at, &m));
	/* The longest path that fits. */
	maps.size = (size_t)n + PATH_MAX - 2;
	at = 0;
	CHECK(proc_maps__next(&maps, &at, &m));
	CHECK_EQ(strlen(m.path), PATH_MAX - 1);
	proc_maps__free(&maps);
	CHECK(!maps.text);
	proc_maps__free(NULL);
}

/* Finds the mapping of this process at an address. */
static bool find_own(const void *address, struct proc_map *map)
{
	struct proc_maps maps;
	size_t at = 0;
	bool found = false;

	if (proc_maps__read(0, &maps))
		return false;
	while (!found && proc_maps__next(&maps, &at, map))
		found = map->start <= (uintptr_t)address && (uintptr_t)address < map->end;
	proc_maps__free(&maps);
	return found;
}

TEST(maps_own)
{
	char exe[PATH_MAX];
	struct proc_map m;

	CHECK(find_own((void *)(uintptr_t)find_own, &m));
	CHECK(m.executable && m.readable && m.ino);
	proc__exe(0, exe);
	CHECK_STR(m.path, exe);
	CHECK(find_own(&m, &m));
	CHECK_STR(m.path, "[stack]");
}

/* A deleted file can be opened even with a newline and a space in its name. */
TEST(maps_deleted_file)
{
	char dir[] = "/tmp/gilscope-test-XXXXXX", path[64];
	struct stat before, after;
	struct proc_map m;
	void *p;
	int fd;

	CHECK(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/a\nb c", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, "hello", 5) == 5 && !fstat(fd, &before));
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	CHECK(p != MAP_FAILED);
	close(fd);
	CHECK(find_own(p, &m));
	CHECK_STR(m.path, path);
	CHECK(!m.deleted);
	unlink(path);
	rmdir(dir);
	CHECK(find_own(p, &m));
	CHECK_STR(m.path, path);
	CHECK(m.deleted);
	fd = proc_map__open(0, &m);
	if (fd == -EPERM)
		SKIP("map_files is not permitted");
	CHECK(fd >= 0);
	CHECK(!fstat(fd, &after) && after.st_ino == before.st_ino && after.st_dev == before.st_dev);
	close(fd);
	munmap(p, 4096);
}

/* A path of a process is resolved in its root folder, even through an absolute link. */
TEST(links_in_another_root)
{
	char dir[] = "/tmp/gilscope-test-XXXXXX", path[64], text[8] = "";
	int ready[2], fd;
	pid_t pid;
	char c;

	if (geteuid())
		SKIP("chroot is not permitted");
	CHECK(mkdtemp(dir) && !pipe2(ready, O_CLOEXEC));
	snprintf(path, sizeof(path), "%s/inside", dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	CHECK(fd >= 0 && write(fd, "hello", 5) == 5);
	close(fd);
	snprintf(path, sizeof(path), "%s/link", dir);
	CHECK(!symlink("/inside", path));
	snprintf(path, sizeof(path), "%s/out", dir);
	CHECK(!symlink("/etc/passwd", path));
	snprintf(path, sizeof(path), "%s/pipe", dir);
	CHECK(!mkfifo(path, 0600));
	pid = fork();
	if (!pid) {
		if (chroot(dir) || chdir("/") || write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	CHECK_EQ(read(ready[0], &c, 1), 1);
	fd = proc__open_in_root(pid, "/link");
	CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) == 5, "%d", fd);
	CHECK_STR(text, "hello");
	close(fd);
	CHECK_EQ(proc__open_in_root(pid, "/out"), -ENOENT);
	CHECK_EQ(proc__open_in_root(pid, "/../../../etc/passwd"), -ENOENT);
	CHECK_EQ(proc__open_in_root(pid, "/pipe"), -EBADMSG);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(path, sizeof(path), "rm -r %s", dir);
	CHECK(!system(path));
}

TEST(mem_own)
{
	static const char secret[] = "a word in memory";
	char copy[sizeof(secret)];

	CHECK_EQ(proc_mem__read(0, (uintptr_t)secret, copy, sizeof(copy)), 0);
	CHECK_STR(copy, secret);
	CHECK_EQ(proc_mem__read(0, 8, copy, sizeof(copy)), -EFAULT);
	CHECK_EQ(proc_mem__read(0, UINT64_MAX, copy, sizeof(copy)), -EFAULT);
	CHECK_EQ(proc_mem__read(0, INT64_MAX, copy, sizeof(copy)), -EFAULT);
	CHECK_EQ(proc_mem__read(0, 1ULL << 48, copy, sizeof(copy)), -EFAULT);
}

/* It ends with an exec, although the process continues. */
TEST(image)
{
	int image = proc_image__open(0), go[2], started[2], other;
	pid_t pid;
	char c;

	CHECK(image >= 0 && !proc_image__is_over(image));
	close(image);
	CHECK(!pipe2(go, O_CLOEXEC) && !pipe2(started, O_CLOEXEC));
	pid = fork();
	if (!pid) {
		close(go[1]);
		CHECK_EQ(read(go[0], &c, 1), 0);
		execl("/bin/sleep", "sleep", "60", (char *)NULL);
		_exit(1);
	}
	CHECK(pid > 0);
	close(started[1]);
	image = proc_image__open(pid);
	CHECK(!proc_image__is_over(image));
	close(go[1]);
	CHECK_EQ(read(started[0], &c, 1), 0); /* the exec has closed it */
	CHECK(proc_image__is_over(image));
	other = proc_image__open(pid);
	CHECK(other >= 0 && !proc_image__is_over(other));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK(proc_image__is_over(other));
	close(image);
	close(other);
	close(go[0]);
	close(started[0]);
}

TEST(process_that_ends)
{
	char word[8], comm[16], exe[PATH_MAX];
	struct proc_maps maps;
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	CHECK(pid > 0);
	CHECK_EQ(proc_mem__read(pid, (uintptr_t)&pid, word, sizeof(pid)), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_EQ(proc_maps__read(pid, &maps), -ESRCH);
	CHECK_EQ(proc_mem__read(pid, (uintptr_t)word, word, sizeof(word)), -ESRCH);
	proc__comm(pid, comm);
	CHECK_STR(comm, "?");
	proc__exe(pid, exe);
	CHECK_STR(exe, "");
}

TEST_MAIN

/* ---- mounts ---- */

TEST(mounts_of_users)
{
	static const struct {
		const char *line;
		bool is_users;
	} lines[] = {
		{"22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n", false},
		{"44 27 0:41 / /m rw - fuse hostile rw,user_id=1000,group_id=0,allow_other\n",
		 true},
		{"44 27 0:41 / /m rw - fuse.sshfs x rw,user_id=1000,group_id=0\n", true},
		{"44 27 0:41 / /m rw - fuse x rw,user_id=0,group_id=0\n", false},
		{"44 27 0:41 / /m rw shared:7 - virtiofs x rw\n", false},
		/* What a user can choose. */
		{"44 27 0:41 / /,user_id=0,x rw - fuse y rw,user_id=1000,group_id=0\n", true},
		{"44 27 0:41 / /m rw - fuse ,user_id=0, rw,user_id=1000,group_id=0\n", true},
		{"44 27 0:41 / /-\\040virtiofs rw - fuse x rw,user_id=1000\n", true},
		{"44 27 0:41 / /m rw - fuse x rw,user_id=01,user_id=0x,user_id=00\n", true},
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct proc_mounts mounts = {0};
		struct proc_mount m;

		mounts.in = fmemopen((void *)(uintptr_t)lines[i].line, strlen(lines[i].line), "r");
		CHECK(proc_mounts__next(&mounts, &m));
		CHECK(m.dev == makedev(i ? 0 : 254, i ? 41 : 0));
		CHECK_EQ(m.id, i ? 44 : 22);
		CHECK_EQ(proc_mount__is_users(&m), lines[i].is_users);
		CHECK(!proc_mounts__next(&mounts, &m));
		fclose(mounts.in);
	}
}

TEST(mounts_of_any_text)
{
	static const char text[] = "\n - \n1 - a b\n1 2 3:4 - \n1 2 3:4 x - t o\n1 2 3:4 / -";
	struct proc_mounts mounts = {.in = fmemopen((void *)(uintptr_t)text, strlen(text), "r")};
	struct proc_mount m;

	CHECK(proc_mounts__next(&mounts, &m));
	CHECK_STR(m.type, "t");
	CHECK_STR(m.options, "o");
	CHECK(!proc_mounts__next(&mounts, &m));
	CHECK(!proc_mounts__next(&mounts, &m));
	fclose(mounts.in);
}
