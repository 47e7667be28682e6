// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Finding the GIL of this machine's interpreters. The interpreters themselves print what is true.
 *
 * GILSCOPE_PYTHONS adds interpreters: a list of paths separated by colons.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child.h"
#include "edge/sites/libc.h"
#include "edge/proc/proc_maps.h"
#include "edge/python/python.h"
#include "edge/python/python_layout.h"
#include "test.h"

/* ---- real interpreters ---- */

/* Includes Python 2. Without ctypes the address is 0, and is not compared. */
#define SAY_READY                                                                                  \
	"import sys, time\n"                                                                       \
	"sys.setswitchinterval(0.001)\n"                                                           \
	"try:\n"                                                                                   \
	"    import ctypes\n"                                                                      \
	"    a = ctypes.addressof(ctypes.c_char.in_dll(ctypes.pythonapi, '_PyRuntime'))\n"         \
	"except Exception:\n"                                                                      \
	"    a = 0\n"                                                                              \
	"print('%s %d' % (sys.version.split()[0], a))\n"                                           \
	"sys.stdout.flush()\n"

static bool start_python(struct child *c, const char *python, const char *then)
{
	char script[1024];
	char *argv[] = {(char *)(uintptr_t)python, "-c", script, NULL};

	snprintf(script, sizeof(script), "%s%s\n", SAY_READY, then);
	return start_child(c, argv, NULL);
}

/* Inspects until the GIL is in the expected state, because after it has written its line, the child
 * may not yet have taken its GIL back, or not yet released it to sleep. */
static int inspect_until(pid_t pid, int locked, struct python *py, struct failure *f)
{
	int err = -ETIMEDOUT;

	for (int i = 0; i < 1000; i++) {
		err = python__inspect(pid, py, f);
		if (err || py->locked == locked)
			break;
		usleep(5000);
	}
	return err;
}

static void check_sleeping(const char *python, const struct child *c)
{
	struct failure f = {.what = ""};
	unsigned long long runtime;
	struct libc libc, own;
	struct python py;
	char version[32];

	CHECK_EQ(sscanf(c->line, "%31s %llu", version, &runtime), 2);
	CHECK_EQ(inspect_until(c->pid, 0, &py, &f), 0);
	CHECK(!strcmp(py.version, version), "%s: %s, not %s", python, py.version, version);
	CHECK(!runtime || py.runtime == runtime, "%s", python);
	CHECK_EQ(py.major, 3);
	CHECK_EQ(py.minor, atoi(version + 2));
	CHECK_EQ(py.switch_interval_us, 1000);
	CHECK_EQ(py.locked, 0);
	CHECK(py.path[0] == '/' && !py.free_threaded && py.drop_request.known, "%s", python);
	CHECK_EQ(python__switch_interval(c->pid, &py, py.gil), 1000);
	CHECK_EQ(python__locked(c->pid, &py), 0);
	CHECK_EQ(libc__find(c->pid, &libc, &f), 0);
	close(libc.fd);
	CHECK_EQ(libc__find(0, &own, &f), 0);
	close(own.fd);
	if (libc.ino == own.ino && libc.dev == own.dev) {
		CHECK_EQ(libc.site[0].offset, own.site[0].offset);
		CHECK_EQ(libc.site[1].offset, own.site[1].offset);
	}
}

static void check_interpreter(const char *python)
{
	struct python py;
	struct child c;

	if (start_python(&c, python, "time.sleep(60)"))
		check_sleeping(python, &c);
	else
		snprintf(test_failure, sizeof(test_failure), "%s does not start", python);
	end_child(&c);
	if (test_failure[0])
		return;
	if (!start_python(&c, python, "while True: pass"))
		snprintf(test_failure, sizeof(test_failure), "%s does not start", python);
	else if (inspect_until(c.pid, 1, &py, NULL) || py.locked != 1)
		snprintf(test_failure, sizeof(test_failure), "%s: not locked", python);
	end_child(&c);
}

TEST(python_of_the_system)
{
	if (access("/usr/bin/python3", X_OK))
		SKIP("there is no /usr/bin/python3");
	check_interpreter("/usr/bin/python3");
}

/* $PYENV_ROOT/versions/3.9.18/bin/python3.9; false if there is no such version. */
static bool find_pyenv(int minor, char path[PATH_MAX])
{
	const char *root = getenv("PYENV_ROOT"), *home = getenv("HOME");
	char versions[PATH_MAX / 4], prefix[8];
	bool found = false;
	struct dirent *d;
	DIR *dir;

	if (root)
		snprintf(versions, sizeof(versions), "%s/versions", root);
	else
		snprintf(versions, sizeof(versions), "%s/.pyenv/versions", home ? home : "/root");
	dir = opendir(versions);
	snprintf(prefix, sizeof(prefix), "3.%d.", minor);
	while (dir && !found && (d = readdir(dir))) {
		if (strncmp(d->d_name, prefix, strlen(prefix)))
			continue;
		snprintf(path, PATH_MAX, "%s/%s/bin/python3.%d", versions, d->d_name, minor);
		found = !access(path, X_OK);
	}
	if (dir)
		closedir(dir);
	return found;
}

static void check_pyenv(int minor)
{
	char path[PATH_MAX];

	if (!find_pyenv(minor, path))
		SKIP("there is no 3.%d below PYENV_ROOT or ~/.pyenv", minor);
	check_interpreter(path);
}

#define TEST_PYENV(minor)                                                                          \
	TEST(python_3_##minor)                                                                     \
	{                                                                                          \
		check_pyenv(minor);                                                                \
	}
TEST_PYENV(7)
TEST_PYENV(8)
TEST_PYENV(9)
TEST_PYENV(10)
TEST_PYENV(11)
TEST_PYENV(12)
TEST_PYENV(13)

TEST(python_further_ones)
{
	const char *further = getenv("GILSCOPE_PYTHONS");
	char list[4096], path[PATH_MAX], *save = NULL;
	int found = 0;

	for (int minor = 14; minor <= 15 && !test_failure[0]; minor++) {
		if (find_pyenv(minor, path)) {
			check_interpreter(path);
			found++;
		}
	}
	if (!found && !further)
		SKIP("there is no 3.14 or 3.15, and GILSCOPE_PYTHONS is not set");
	snprintf(list, sizeof(list), "%s", further ? further : "");
	for (char *p = strtok_r(list, ":", &save); p; p = strtok_r(NULL, ":", &save)) {
		check_interpreter(p);
		if (test_failure[0])
			return;
	}
}

/* An interpreter whose file was removed, with a newline in its name. */
TEST(python_deleted_program)
{
	char path[] = "/tmp/gilscope-test-XXXXXX/a\npython", command[128];
	char *slash = strrchr(path, '/');
	struct failure f = {.what = ""};
	bool started;
	struct python py;
	struct child c;
	int err;

	if (access("/usr/bin/python3", X_OK) || geteuid())
		SKIP("there is no /usr/bin/python3, or this is not root");
	*slash = '\0';
	CHECK(mkdtemp(path));
	*slash = '/';
	snprintf(command, sizeof(command), "cp /usr/bin/python3 '%s'", path);
	CHECK_EQ(system(command), 0);
	started = start_python(&c, path, "time.sleep(60)");
	unlink(path);
	err = python__inspect(c.pid, &py, &f);
	end_child(&c);
	*slash = '\0';
	rmdir(path);
	*slash = '/';
	CHECK(started);
	CHECK(!err, "%s", f.what);
	CHECK(!strcmp(py.path, path) || strstr(py.path, "libpython"), "%s", py.path);
}

TEST(python_3_6_is_refused_by_name)
{
	struct failure f = {.what = ""};
	char path[PATH_MAX];
	struct python py;
	struct child c;
	int err;

	if (!find_pyenv(6, path))
		SKIP("there is no 3.6 below PYENV_ROOT or ~/.pyenv");
	CHECK(start_python(&c, path, "time.sleep(60)"));
	err = python__inspect(c.pid, &py, &f);
	end_child(&c);
	CHECK_EQ(err, -ENOTSUP);
	CHECK(strstr(f.what, "Python 3.6 "), "%s", f.what);
	CHECK(strstr(f.cause, "3.7 to 3.15"), "%s", f.cause);
}

/* ---- processes that are not CPython ---- */

/* Runs `program 60`, and waits until the child has executed it. */
static pid_t start_sleep(const char *program)
{
	char own[PATH_MAX], now[PATH_MAX];
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(program, program, "60", (char *)NULL);
		_exit(127);
	}
	proc__exe(0, own);
	for (int i = 0; i < 1000; i++) {
		proc__exe(pid, now);
		if (strcmp(now, own))
			break;
		usleep(10000);
	}
	return pid;
}

TEST(python_pypy_is_refused_by_name)
{
	char path[] = "/tmp/gilscope-test-XXXXXX/pypy3", command[128];
	struct failure f = {.what = ""};
	struct python py;
	char *slash = strrchr(path, '/');
	int err;
	pid_t pid;

	*slash = '\0';
	CHECK(mkdtemp(path));
	*slash = '/';
	snprintf(command, sizeof(command), "cp /bin/sleep %s", path);
	CHECK_EQ(system(command), 0);
	pid = start_sleep(path);
	err = python__inspect(pid, &py, &f);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	unlink(path);
	*slash = '\0';
	rmdir(path);
	CHECK_EQ(err, -ENOTSUP);
	CHECK(strstr(f.what, "PyPy"), "%s", f.what);
}

TEST(python_not_one)
{
	struct failure f = {.what = ""};
	struct python py;
	char what[64];
	pid_t pid = start_sleep("/bin/sleep");
	int err;

	err = python__inspect(pid, &py, &f);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	CHECK_EQ(err, -ENOENT);
	snprintf(what, sizeof(what), "process %d (sleep) is not a CPython process", pid);
	CHECK_STR(f.what, what);
	CHECK_STR(f.cause, "no mapped file defines _PyRuntime");
	CHECK(!strncmp(f.command, "ls -l /proc/", 12), "%s", f.command);
	CHECK_EQ(python__inspect(pid, &py, &f), -ESRCH);
	CHECK_EQ(python__inspect(pid, &py, NULL), -ESRCH);
	CHECK_EQ(python__switch_interval(pid, &py, py.gil), -1);
	CHECK_EQ(python__locked(pid, &py), -1);
}

/* ---- the pure part ---- */

TEST(version_from_hex)
{
	static const struct {
		uint64_t hex;
		const char *text; /* NULL: none */
	} cases[] = {
		{0x030b02f0, "3.11.2"},   {0x030d00c1, "3.13.0rc1"},
		{0x030e00a7, "3.14.0a7"}, {0x030f00b2, "3.15.0b2"},
		{0x030c0cf0, "3.12.12"},  {0x0a0b0cf0, "10.11.12"},
		{0x030b0200, NULL},       {0, NULL},
		{0x020712f0, NULL},       {0x1030b02f0, NULL},
	};
	struct python_version v;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int err = python_version__from_hex(cases[i].hex, &v);

		CHECK(!err == !!cases[i].text, "%d", (int)i);
		if (!err)
			CHECK_STR(v.text, cases[i].text);
	}
}

static bool exports(void *newest, const char *function)
{
	static const char *const functions[] = {"PyCode_NewWithPosOnlyArgs", "PyObject_CallNoArgs",
						"PyModule_AddObjectRef"};

	for (int i = 0; i < *(int *)newest - 7; i++)
		if (!strcmp(function, functions[i]))
			return true;
	return false;
}

TEST(version_from_exports)
{
	for (int minor = 7; minor <= 10; minor++) {
		struct python_version v;
		char text[8];

		python_version__from_exports(exports, &minor, &v);
		snprintf(text, sizeof(text), "3.%d", minor);
		CHECK_STR(v.text, text);
		CHECK_EQ(v.minor, minor);
	}
}

#define FIND_MICRO(data, result)                                                                   \
	do {                                                                                       \
		struct python_version v_ = {3, 9, "3.9"};                                          \
		python_version__find_micro(data, sizeof(data) - 1, &v_);                           \
		CHECK_STR(v_.text, result);                                                        \
	} while (0)

TEST(version_micro)
{
	struct python_version v = {3, 9, "3.9"};

	FIND_MICRO("\0003.9.18\0", "3.9.18");
	FIND_MICRO("\0/opt/3.9.1\0x\0003.9.1\0", "3.9.1");
	FIND_MICRO("/opt/python/3.9.18+\0", "3.9.18+");
	FIND_MICRO("\0003.9.0rc2\0", "3.9.0rc2");
	FIND_MICRO("\0003.9.0a1+\0", "3.9.0a1+");
	FIND_MICRO("\0003.9.2\0003.9.18\0", "3.9"); /* one of them belongs to something else */
	FIND_MICRO("\0003.9.18", "3.9");            /* it is not terminated */
	FIND_MICRO("\0003.9.\0003.9.x\0003.9.1x\0003.9.1rc\0003.9.1234\0003.10.1\0", "3.9");
	FIND_MICRO("", "3.9");
	python_version__find_micro(NULL, 0, &v);
	CHECK_STR(v.text, "3.9");
	v = (struct python_version){2, 7, "2.7"};
	python_version__find_micro("\0003.7.18\0002.7.18", 15, &v);
	CHECK_STR(v.text, "2.7.18");
}

/* The fastest of some searches in as many bytes of read-only data that is full of what looks like
 * the start of a version, in ns of CPU time. */
static long search_time(size_t size)
{
	struct python_version v = {3, 9, "3.9"};
	char *data = malloc(size);
	long best = LONG_MAX;

	for (size_t i = 0; data && i < size; i++)
		data[i] = "3.9."[i % 4];
	for (int i = 0; data && i < 5; i++) {
		struct timespec a, b;
		long ns;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		python_version__find_micro(data, size, &v);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		ns = (b.tv_sec - a.tv_sec) * 1000000000L + b.tv_nsec - a.tv_nsec;
		best = ns < best ? ns : best;
	}
	free(data);
	return best;
}

/* With 8 times the data, a quadratic search takes 64 times as long. */
TEST(version_micro_in_linear_time)
{
	long small, large;

#ifdef __SANITIZE_ADDRESS__
	SKIP("the sanitizer checks all the data at each hit");
#endif
	small = search_time(1 << 16);
	large = search_time(1 << 19);
	CHECK(large < 24 * small, "%ld ns, and %ld ns for 8 times the data", small, large);
}

#define FROM_TAG(data) python_version__from_tag(data, sizeof(data) - 1, &v)

TEST(version_from_tag)
{
	struct python_version v;

	CHECK_EQ(FROM_TAG("\0cpython-311\0"), 0);
	CHECK_EQ(v.minor, 11);
	CHECK_STR(v.text, "3.11");
	CHECK_EQ(FROM_TAG(".cpython-312-x86_64-linux-gnu.so\0003.12.1\0cpython-312\0"), 0);
	CHECK_STR(v.text, "3.12.1");
	CHECK_EQ(FROM_TAG("cpython-39\0002.7.1\0"), 0);
	CHECK_STR(v.text, "3.9");
	CHECK_EQ(FROM_TAG("cpython-311\0cpython-312\0"), -ENOENT); /* which one? */
	CHECK_EQ(FROM_TAG("cpython-311"), -ENOENT);                /* it is not terminated */
	CHECK_EQ(FROM_TAG("cpython-3\0cpython-3x\0cpython-31111\0"), -ENOENT);
	CHECK_EQ(FROM_TAG(""), -ENOENT);
}

TEST(finder_only_where_there_are_own_gils)
{
	struct python_version v = {3, 11, "3.11.2"};
	struct python_layout l;
	struct gil_finder f;

	CHECK_EQ(python_layout__get(&v, NULL, 0, &l), 0);
	CHECK_EQ(python_layout__finder(&l).known, 0);
	v = (struct python_version){3, 12, "3.12.1"};
	CHECK_EQ(python_layout__get(&v, NULL, 0, &l), 0);
	f = python_layout__finder(&l);
	CHECK_EQ(f.known, 1);
	CHECK_EQ(f.own_gil, 1040);
	CHECK_EQ(f.gil_pointer, 384);
	CHECK_EQ(f.thread_interpreter, 16);
	CHECK_EQ(f.id, 8);
	CHECK_EQ(f.shift, 0);
}

TEST_MAIN
