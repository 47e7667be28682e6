// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Probes go where they were looked for: into the file that was searched, and only while it is that
 * file. The kernel's part is played by stubs, which keep what they were given. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "edge/observe/site_file.h"
#include "edge/sites/libc.h"
#include "test.h"

#define LOOKS 300

static struct {
	unsigned int calls;
	ino_t ino; /* of the file that the path leads to */
	unsigned long offset;
} given;

struct attachment *probe__attach(struct probe *p, enum probe_program which, pid_t pid,
				 unsigned int index, const char *path,
				 const struct probe_site *site, size_t n, struct failure *f)
{
	struct stat st;

	(void)p, (void)which, (void)pid, (void)index, (void)n, (void)f;
	given.calls++;
	given.ino = stat(path, &st) ? 0 : st.st_ino;
	given.offset = site[0].offset;
	return (struct attachment *)&given;
}

struct attachment *probe__attach_thread(struct probe *p, enum probe_program which, pid_t tid,
					unsigned int index, const char *path,
					const struct probe_site *site, size_t n, struct failure *f)
{
	return probe__attach(p, which, tid, index, path, site, n, f);
}

int probe__enter_arguments(struct probe *p, const struct gil_arguments *a)
{
	(void)p, (void)a;
	return 1;
}

/* ---- two C libraries ---- */

/* Both have the name that makes gilscope look into them. */
struct libraries {
	char folder[64], good[96], bad[96];
	ino_t good_ino, bad_ino;
	unsigned long good_offset, bad_offset;
};

static bool copy(int from, const char *to, ino_t *ino)
{
	int fd = open(to, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	struct stat st;
	off_t at = 0;
	char piece[65536];
	ssize_t n;

	while ((n = pread(from, piece, sizeof(piece), at)) > 0 && write(fd, piece, n) == n)
		at += n;
	*ino = fstat(fd, &st) ? 0 : st.st_ino;
	close(fd);
	return !n && *ino;
}

/* Makes every symbol with this value have the other one. */
static bool move_symbol(const char *path, uint64_t from, uint64_t to)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	uint64_t *word;
	size_t n = 0;

	if (fd < 0 || fstat(fd, &st))
		return false;
	word = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	for (size_t i = 0; word != MAP_FAILED && i < st.st_size / sizeof(*word); i++)
		if (word[i] == from)
			word[i] = to, n++;
	munmap(word, st.st_size);
	return n;
}

/* The bad one says that pthread_cond_signal is where pthread_cond_timedwait is. */
static bool make_libraries(struct libraries *l)
{
	struct elf_symbol signal, wait;
	struct libc own;
	struct elf_file e;
	bool made;

	strcpy(l->folder, "/tmp/gilscope-test-XXXXXX");
	if (libc__find(0, &own, NULL) || !mkdtemp(l->folder))
		return false;
	snprintf(l->good, sizeof(l->good), "%s/libc.so.6", l->folder);
	snprintf(l->bad, sizeof(l->bad), "%s/libc.so.7", l->folder);
	made = copy(own.fd, l->good, &l->good_ino) && copy(own.fd, l->bad, &l->bad_ino);
	l->good_offset = own.site[0].offset;
	l->bad_offset = own.site[1].offset;
	if (elf_file__open_fd(&e, own.fd))
		return false;
	made = made && !elf_file__symbol(&e, "pthread_cond_signal", &signal) &&
	       !elf_file__symbol(&e, "pthread_cond_timedwait", &wait);
	elf_file__close(&e);
	return made && move_symbol(l->bad, signal.value, wait.value);
}

static void remove_libraries(const struct libraries *l)
{
	unlink(l->good);
	unlink(l->bad);
	rmdir(l->folder);
}

/* A child that has `first`, and then both by turns, at one address below all else. */
static pid_t start_flipping(const char *first, const char *second)
{
	void *place = (void *)0x10000000;
	int fd[2] = {open(first, O_RDONLY | O_CLOEXEC), open(second, O_RDONLY | O_CLOEXEC)};
	int ready[2];
	char c;
	pid_t pid;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (unsigned int i = 0;; i++) {
			mmap(place, 1 << 20, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED,
			     fd[i % 2], 0);
			if (!i && write(ready[1], "", 1) != 1)
				_exit(1);
		}
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		pid = -1;
	close(ready[0]);
	close(fd[0]);
	close(fd[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void check_flipping(const struct libraries *l, pid_t pid)
{
	unsigned int good = 0, bad = 0;

	/* On a busy machine, the child may not run for long. */
	for (int i = 0; i < LOOKS || (i < 1000 * LOOKS && !(good && bad)); i++) {
		struct site_file *list = NULL, *file = site_file__of_libc(&list, NULL, pid, NULL);

		if (file && site_file__attach(file, NULL, PROBE_COND, pid, 0, NULL)) {
			if (given.ino == l->good_ino)
				CHECK_EQ(given.offset, l->good_offset);
			else if (given.ino == l->bad_ino)
				CHECK_EQ(given.offset, l->bad_offset);
			good += given.ino == l->good_ino;
			bad += given.ino == l->bad_ino;
		}
		site_file__free_all(list);
	}
	CHECK(good && bad, "%u times the one file, %u times the other", good, bad);
}

TEST(site_file_of_a_flipping_mapping)
{
	struct libraries l;
	pid_t pid;

	if (geteuid())
		SKIP("map_files is not permitted");
	CHECK(make_libraries(&l));
	pid = start_flipping(l.good, l.bad);
	if (pid > 0)
		check_flipping(&l, pid);
	else
		snprintf(test_failure, sizeof(test_failure), "no child");
	end(pid);
	remove_libraries(&l);
}

/* ---- a process with very many candidates ---- */

/* A child that has mapped n files, each with the name of a C library, but with nothing in it. */
static pid_t start_with_candidates(const char *folder, int n)
{
	char path[128];
	int ready[2];
	pid_t pid;
	char c;

	if (pipe2(ready, O_CLOEXEC))
		return -1;
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < n; i++) {
			int fd;

			snprintf(path, sizeof(path), "%s/libc.so.%d", folder, i);
			fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
			if (ftruncate(fd, 4096) ||
			    mmap((char *)0x10000000 + 8192L * i, 4096, PROT_READ | PROT_EXEC,
				 MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED)
				_exit(1);
			close(fd);
			unlink(path);
		}
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		pid = -1;
	close(ready[0]);
	return pid;
}

/* The shortest look at such a process, in ns of CPU time. */
static long look_time(const char *folder, int n)
{
	pid_t pid = start_with_candidates(folder, n);
	long best = LONG_MAX;

	for (int i = 0; pid > 0 && i < 10; i++) {
		struct timespec a, b;
		struct libc libc;
		long ns;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		if (!libc__find(pid, &libc, NULL))
			close(libc.fd);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		ns = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
		best = ns < best ? ns : best;
	}
	if (pid > 0)
		end(pid);
	return best;
}

/* Only some of them are opened. */
TEST(libc_among_many)
{
	char folder[] = "/tmp/gilscope-test-XXXXXX";
	long few, many;

	if (geteuid())
		SKIP("map_files is not permitted");
	CHECK(mkdtemp(folder));
	few = look_time(folder, 50);
	many = look_time(folder, 800);
	rmdir(folder);
	CHECK(few < LONG_MAX && many < LONG_MAX);
	CHECK(many < 8 * few, "%ld ns for 50 candidates, %ld ns for 800", few, many);
}

/* ---- a file that changes ---- */

static bool write_at(const char *path, unsigned long offset, const char *byte)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && pwrite(fd, byte, 1, (off_t)offset) == 1;

	close(fd);
	return done;
}

static void check_changed(const struct libraries *l, pid_t pid)
{
	struct site_file *list = NULL, *file = site_file__of_libc(&list, NULL, pid, NULL), *again;
	struct failure f = {.what = ""};

	CHECK(file && file->ino == l->good_ino);
	CHECK(site_file__of_libc(&list, NULL, pid, NULL) == file);
	CHECK(site_file__attach(file, NULL, PROBE_COND, pid, 0, &f));
	given.calls = 0;
	CHECK(write_at(l->good, l->good_offset + 3, "\xcc"));
	CHECK(!site_file__attach(file, NULL, PROBE_COND, pid, 0, &f));
	CHECK_EQ(errno, ESTALE);
	CHECK(f.what[0] && !given.calls);
	again = site_file__of_libc(&list, NULL, pid, NULL);
	CHECK(again && again != file, "the file was not searched again");
	CHECK(site_file__attach(again, NULL, PROBE_COND, pid, 0, &f));
	site_file__free_all(list);
}

TEST(site_file_that_changes)
{
	struct libraries l;
	pid_t pid;

	if (geteuid())
		SKIP("map_files is not permitted");
	CHECK(make_libraries(&l));
	pid = start_flipping(l.good, l.good);
	if (pid > 0)
		check_changed(&l, pid);
	else
		snprintf(test_failure, sizeof(test_failure), "no child");
	end(pid);
	remove_libraries(&l);
}

/* ---- many files ---- */

static unsigned int nr_open(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

/* Each round has other files, as far as the list can tell. */
static void check_many(const struct libraries *l)
{
	struct site_file *list = NULL;
	unsigned int open_at[2];

	for (int i = 0; i < 120; i++) {
		struct libraries fresh = *l;
		int fd = open(l->bad, O_RDONLY | O_CLOEXEC);
		pid_t pid;

		unlink(l->good);
		CHECK(copy(fd, l->good, &fresh.good_ino));
		close(fd);
		pid = start_flipping(l->good, l->good);
		CHECK(pid > 0);
		CHECK(site_file__of_libc(&list, NULL, pid, NULL));
		end(pid);
		if (i % 60 == 59)
			open_at[i / 60] = nr_open();
	}
	site_file__free_all(list);
	CHECK_EQ(open_at[1], open_at[0]);
}

TEST(site_file_of_many_files)
{
	struct libraries l;

	if (geteuid())
		SKIP("map_files is not permitted");
	CHECK(make_libraries(&l));
	check_many(&l);
	remove_libraries(&l);
}

TEST(site_file_in_use_is_kept)
{
	struct libraries l;
	struct site_file *list = NULL, *kept;
	pid_t pid;

	if (geteuid())
		SKIP("map_files is not permitted");
	CHECK(make_libraries(&l));
	kept = site_file__of_libc(&list, NULL, 0, NULL);
	CHECK(kept);
	site_file__use(kept);
	for (int i = 0; i < 40; i++) {
		int fd = open(l.bad, O_RDONLY | O_CLOEXEC);

		unlink(l.good);
		CHECK(copy(fd, l.good, &l.good_ino));
		close(fd);
		pid = start_flipping(l.good, l.good);
		CHECK(pid > 0 && site_file__of_libc(&list, NULL, pid, NULL));
		end(pid);
	}
	CHECK(site_file__of_libc(&list, NULL, 0, NULL) == kept);
	site_file__leave(kept);
	site_file__free_all(list);
	remove_libraries(&l);
}

TEST_MAIN
