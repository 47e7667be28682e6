// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Finds the GIL of a process. A mapped file defines _PyRuntime. Its symbol and the mapping give the
 * address, python_layout.c knows what is where from there, and the process's memory is read. Every
 * word on the way is checked, and anything that does not fit is refused, because a wrong address
 * would look like a program without contention.
 */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "edge/elf/elf_file.h"
#include "edge/proc/proc_maps.h"
#include "edge/python/python.h"
#include "edge/python/python2.h"
#include "edge/python/python_file.h"
#include "edge/python/python_layout.h"

#define MAX_FILES        256           /* searched for _PyRuntime */
#define MAX_SCANNED      (512UL << 20) /* bytes searched in all files together */
#define MAX_INTERPRETERS 1024          /* examined in one process */
#define HOLDER_TRIES     20

/* Python implementations other than CPython, recognised by the start of a mapped file's name and,
 * if given, a word in the command line. */
struct other {
	const char *file, *argument;
	const char *is, *cause;
};

static const struct other others[] = {
	{"libpypy", NULL, "is PyPy", "PyPy has a lock of its own, and none of CPython's functions"},
	{"pypy", NULL, "is PyPy", "PyPy has a lock of its own, and none of CPython's functions"},
	{"libjvm.so", "jython", "is Jython on a Java virtual machine", "Jython has no GIL"},
	{"libjvm.so", "graalpy", "is GraalPy on a Java virtual machine",
	 "GraalPy has a lock of its own, and none of CPython's functions"},
	{"libpythonvm", NULL, "is GraalPy",
	 "GraalPy has a lock of its own, and none of CPython's functions"},
	{"micropython", NULL, "is MicroPython",
	 "MicroPython has a lock of its own, and none of CPython's functions"},
};

struct inspection {
	pid_t pid;
	char comm[16];
	struct failure *f;
	struct proc_maps maps;
	char exe[PATH_MAX];

	/* The file that defines _PyRuntime or, for a Python 2, the pointer to its GIL */
	bool found, is_2;
	struct proc_map map;
	struct elf_file elf;
	uint64_t bias, runtime;
	unsigned char head[PYTHON_LAYOUT_HEAD];

	/* What else was seen on the way */
	const struct other *implementation; /* a Python that is not CPython */
	int unread; /* why a file could not be read, as -errno; 0: all were read */
	uint64_t nr_scanned;
	bool exe_is_static;
	char other[PATH_MAX]; /* a file that is a Python, but has no _PyRuntime */
	bool other_is_2;
};

/* ---- messages ---- */

static int fail(struct inspection *in, int err, const char *what, const char *cause)
{
	failure__what(in->f, "process %d (%s) %s", in->pid, in->comm, what);
	failure__cause(in->f, "%s", cause);
	failure__command(in->f, "ls -l /proc/%d/exe", in->pid);
	return err;
}

static int fail_contradiction(struct inspection *in, const char *version, const char *word)
{
	char what[256], cause[256];

	snprintf(what, sizeof(what), "says it is CPython %s, but its %s does not match", version,
		 word);
	snprintf(cause, sizeof(cause),
		 "it is a modified or debug build of CPython, or it was just starting or ending");
	return fail(in, -EPROTO, what, cause);
}

/* Gets "3.6" from "libpython3.6m.so.1.0", or "2.7" from "python2.7"; "" if the name has no
 * version. */
static void version_in_name(const char *path, char *version, size_t size)
{
	const char *slash = strrchr(path, '/');
	const char *s = strstr(slash ? slash : path, "python");
	size_t n;

	s = s ? s + strlen("python") : "";
	n = strspn(s, "0123456789");
	if (n && s[n] == '.')
		n += 1 + strspn(s + n + 1, "0123456789");
	snprintf(version, size, "%.*s", (int)n, s);
}

static int fail_other_python(struct inspection *in)
{
	char what[PATH_MAX + 64], version[16];

	version_in_name(in->other, version, sizeof(version));
	snprintf(what, sizeof(what), "is a Python %s (%s), which is not supported",
		 version[0]       ? version
		 : in->other_is_2 ? "2"
				  : "older than " PYTHON_OLDEST,
		 in->other);
	return fail(in, -ENOTSUP, what,
		    "gilscope knows CPython " PYTHON_OLDEST " to " PYTHON_NEWEST);
}

static int fail_other_implementation(struct inspection *in)
{
	char what[128];

	snprintf(what, sizeof(what), "%s, not CPython, and not supported", in->implementation->is);
	return fail(in, -ENOTSUP, what, in->implementation->cause);
}

static int fail_not_python(struct inspection *in)
{
	if (in->implementation)
		return fail_other_implementation(in);
	if (in->other[0])
		return fail_other_python(in);
	if (in->unread)
		return proc__fail(in->pid, in->unread, "read the files mapped by", in->f);
	failure__what(in->f, "process %d (%s) is not a CPython process", in->pid, in->comm);
	if (!in->maps.size)
		failure__cause(in->f, "it has no memory: it is a kernel thread, or it or its main "
				      "thread has ended");
	else if (in->exe_is_static)
		failure__cause(in->f, "no mapped file defines _PyRuntime; its program is "
				      "statically linked and shows no sign of a Python in it");
	else
		failure__cause(in->f, "no mapped file defines _PyRuntime");
	failure__command(in->f, "ls -l /proc/%d/exe", in->pid);
	return -ENOENT;
}

/* ---- finding _PyRuntime ---- */

static void note_other_python(struct inspection *in, const char *path)
{
	struct elf_symbol symbol;

	if (in->other[0] || elf_file__symbol(&in->elf, "Py_GetVersion", &symbol))
		return;
	strcpy(in->other, path);
	in->other_is_2 = !elf_file__symbol(&in->elf, "PyString_FromString", &symbol);
}

static bool is_python_2(struct inspection *in, uint64_t *address)
{
	in->is_2 = !python2__find(&in->elf, address);
	return in->is_2;
}

/* An error that is gilscope's own trouble says nothing about the file: the interpreter may be in it. */
static int note_unread(struct inspection *in, int err)
{
	if (err == -EPERM || err == -EMFILE || err == -ENFILE || err == -ENOMEM)
		in->unread = in->unread ?: err;
	return err;
}

/* Returns 0 if this file contains the interpreter, with in->elf left open; otherwise -errno. */
static int look_into(struct inspection *in, const struct proc_map *map, bool is_python)
{
	uint64_t address;
	int fd, err;

	fd = proc_map__open(in->pid, map);
	if (fd < 0)
		return note_unread(in, fd);
	err = elf_file__open_fd(&in->elf, fd);
	if (err)
		return note_unread(in, err);
	if (python_file__runtime(&in->elf, is_python, &address) || is_python_2(in, &address)) {
		err = elf_file__load_bias(&in->elf, map->start, map->offset, &in->bias);
		in->runtime = address + in->bias;
		if (!err)
			return 0;
	} else {
		err = -ENOENT;
		note_other_python(in, map->path);
		if (!strcmp(map->path, in->exe))
			in->exe_is_static = !in->elf.nr_needed;
	}
	in->nr_scanned += in->elf.nr_scanned;
	elf_file__close(&in->elf);
	return err;
}

enum pass {
	PASS_EXE, /* the program itself first, like the loader when it looks for symbols */
	PASS_LIBPYTHON,
	PASS_ANY, /* a program started through ld.so, or a library that contains a Python */
	NR_PASSES,
};

static enum pass pass_of(const struct inspection *in, const struct proc_map *map)
{
	if (!strcmp(map->path, in->exe))
		return PASS_EXE;
	return strncmp(proc_map__basename(map), "libpython", 9) ? PASS_ANY : PASS_LIBPYTHON;
}

static void note_implementation(struct inspection *in, const char *name)
{
	for (size_t i = 0; !in->implementation && i < sizeof(others) / sizeof(*others); i++)
		if (!strncmp(name, others[i].file, strlen(others[i].file)) &&
		    (!others[i].argument || proc__has_argument(in->pid, others[i].argument)))
			in->implementation = &others[i];
}

static bool search(struct inspection *in, enum pass pass)
{
	unsigned int nr_files = 0;
	size_t position = 0;
	ino_t last = 0;

	while (!in->found && nr_files < MAX_FILES && in->nr_scanned < MAX_SCANNED &&
	       proc_maps__next(&in->maps, &position, &in->map)) {
		const char *name = proc_map__basename(&in->map);

		/* Several mappings of one file follow each other. */
		if (!in->map.executable || !in->map.ino || in->map.ino == last ||
		    pass_of(in, &in->map) != pass)
			continue;
		last = in->map.ino;
		nr_files++;
		note_implementation(in, name);
		in->found = !look_into(in, &in->map, pass != PASS_ANY);
	}
	return in->found;
}

/* ---- from _PyRuntime to the GIL ---- */

static int find_version(struct inspection *in, struct python_version *v)
{
	struct elf_symbol symbol;
	uint64_t hex;
	int err;

	if (!python_file__symbol(&in->elf, "Py_Version", &symbol)) {
		err = proc_mem__read(in->pid, in->bias + symbol.value, &hex, sizeof(hex));
		if (err == -EFAULT)
			return fail_contradiction(in, "3.11 or newer", "Py_Version");
		if (err)
			return proc__fail(in->pid, err, "read the memory of", in->f);
		if (python_version__from_hex(hex, v))
			return fail_contradiction(in, "3.11 or newer", "Py_Version");
		return 0;
	}
	if (!python_version__from_head(in->head, sizeof(in->head), v))
		return 0;
	if (!python_file__version(&in->elf, v))
		return 0;
	return fail(in, -ENOTSUP, "is a CPython whose version cannot be determined",
		    "it is older than 3.13 and exports neither Py_Version nor Py_GetVersion");
}

static int find_layout(struct inspection *in, const struct python_version *v,
		       struct python_layout *layout)
{
	char what[128];
	int err = python_layout__get(v, in->head, sizeof(in->head), layout);

	if (err == -EPROTO)
		return fail_contradiction(in, v->text, "table of offsets (_Py_DebugOffsets)");
	if (!err)
		return 0;
	snprintf(what, sizeof(what), "is CPython %s, which is not supported", v->text);
	return fail(in, err, what,
		    "this gilscope knows CPython " PYTHON_OLDEST " to " PYTHON_NEWEST);
}

static int fail_not_ready(struct inspection *in)
{
	return fail(in, -EAGAIN, "has no GIL at this moment",
		    "its interpreter is still starting, or has been finalized");
}

/* Follows the pointers to the main interpreter and its struct _gil_runtime_state. */
static int find_gil(struct inspection *in, const struct python_version *v,
		    const struct python_layout *l, uint64_t *gil)
{
	uint64_t main, id;
	int err;

	err = proc_mem__read(in->pid, in->runtime + l->main, &main, sizeof(main));
	if (!err && !main)
		return fail_not_ready(in);
	if (!err)
		err = proc_mem__read(in->pid, main + l->id, &id, sizeof(id));
	if (err == -EFAULT || (!err && id))
		return fail_contradiction(in, v->text, "main interpreter");
	*gil = in->runtime + l->gil;
	if (!err && !l->gil)
		err = proc_mem__read(in->pid, main + l->gil_pointer, gil, sizeof(*gil));
	if (err)
		return proc__fail(in->pid, err, "read the memory of", in->f);
	if (!*gil)
		return fail_not_ready(in);
	if (!l->gil && *gil != main + l->own_gil)
		return fail_contradiction(in, v->text, "pointer to the GIL");
	return 0;
}

/* True if `interpreter` is an interpreter of the process and uses this GIL. */
static bool uses_gil(struct inspection *in, const struct python_layout *l, uint64_t interpreter,
		     uint64_t gil)
{
	uint64_t pointer, at;

	if (proc_mem__read(in->pid, in->runtime + l->main, &at, sizeof(at)) || !interpreter)
		return false;
	if (interpreter == at)
		return true;
	if (!l->gil)
		return !proc_mem__read(in->pid, interpreter + l->gil_pointer, &pointer,
				       sizeof(pointer)) &&
		       pointer == gil;
	/* Up to 3.11, the list's head is right before the pointer to the main interpreter, and the
	 * pointer to the next interpreter is the first word of each. */
	at = in->runtime + l->main - sizeof(at);
	for (int i = 0; i < MAX_INTERPRETERS; i++) {
		if (proc_mem__read(in->pid, at, &at, sizeof(at)) || !at)
			return false;
		if (at == interpreter)
			return true;
	}
	return false;
}

/* The holder of a locked GIL must belong to an interpreter that uses it. An unlocked GIL proves
 * nothing. */
static bool is_holder_plausible(struct inspection *in, const struct python_layout *l,
				uint64_t address, const struct python_gil *gil)
{
	uint64_t interpreter;

	return !gil->locked || (!proc_mem__read(in->pid, gil->last_holder + l->thread_interpreter,
						&interpreter, sizeof(interpreter)) &&
				uses_gil(in, l, interpreter, address));
}

static int read_gil(struct inspection *in, const struct python_version *v,
		    const struct python_layout *l, uint64_t address, struct python_gil *gil)
{
	const struct timespec moment = {.tv_nsec = 200 * 1000};
	unsigned char head[PYTHON_GIL_HEAD];
	bool plausible = false;
	int err = 0;

	/* The process keeps running: between two reads the holder may release the GIL and end. */
	for (int i = 0; i < HOLDER_TRIES && !err && !plausible; i++) {
		if (i)
			nanosleep(&moment, NULL);
		err = proc_mem__read(in->pid, address, head, sizeof(head));
		if (err && err != -EFAULT)
			return proc__fail(in->pid, err, "read the memory of", in->f);
		if (!err)
			err = python_layout__read_gil(l, head, sizeof(head), gil);
		plausible = !err && is_holder_plausible(in, l, address, gil);
	}
	if (err == -EAGAIN)
		return fail_not_ready(in);
	if (err)
		return fail_contradiction(in, v->text, "GIL");
	return plausible ? 0 : fail_contradiction(in, v->text, "holder of the GIL");
}

/* For Python 2.7, which has no GIL until the first thread is started. */
static int read_python2(struct inspection *in, struct python *py)
{
	struct python_version v = {.major = 2, .minor = 7, .text = "2.7"};
	struct elf_symbol symbol;
	uint32_t value = 1;
	int err;

	python_file__find_micro(&in->elf, &v);
	strcpy(py->version, v.text);
	py->major = v.major;
	py->minor = v.minor;
	strcpy(py->path, in->map.path);
	py->semaphore_at = in->runtime;
	py->switch_interval_us = -1;
	err = proc_mem__read(in->pid, in->runtime, &py->gil, sizeof(py->gil));
	if (!err && py->gil)
		err = proc_mem__read(in->pid, py->gil, &value, sizeof(value));
	if (err == -EFAULT || value > 1)
		return fail_contradiction(in, v.text, "GIL");
	if (err)
		return proc__fail(in->pid, err, "read the memory of", in->f);
	py->locked = !value;
	if (!python_file__symbol(&in->elf, "_PyThreadState_Current", &symbol))
		py->current_at = in->bias + symbol.value;
	if (!python_file__symbol(&in->elf, "_Py_CheckInterval", &symbol))
		proc_mem__read(in->pid, in->bias + symbol.value, &py->check_interval,
			       sizeof(py->check_interval));
	return 0;
}

static int read_runtime(struct inspection *in, struct python *py)
{
	struct python_version v = {0};
	struct python_layout l = {0};
	struct python_gil gil = {0};
	uint64_t address = 0;
	int err;

	err = proc_mem__read(in->pid, in->runtime, in->head, sizeof(in->head));
	/* 3.9's _PyRuntime is smaller than the head, and may end the mapping. */
	if (err && err != -EFAULT)
		return proc__fail(in->pid, err, "read the memory of", in->f);
	if ((err = find_version(in, &v)) || (err = find_layout(in, &v, &l)))
		return err;
	strcpy(py->version, v.text);
	py->major = v.major;
	py->minor = v.minor;
	strcpy(py->path, in->map.path);
	py->is_static = !in->elf.nr_needed;
	py->runtime = in->runtime;
	if ((err = find_gil(in, &v, &l, &address)) || (err = read_gil(in, &v, &l, address, &gil)))
		return err;
	/* The fixed offsets in gil_python.h count from the switch interval; a free-threaded build has
	 * a word before it. */
	py->gil = address + l.gil_shift;
	py->free_threaded_build = gil.free_threaded;
	py->free_threaded = !gil.enabled;
	py->layout = l;
	python_frames__get(&v, in->runtime, in->head, sizeof(in->head), &py->frames, &py->objects);
	py->drop_request = python_layout__drop_request(&l, in->runtime);
	py->switch_interval_us = gil.switch_interval_us;
	py->locked = gil.locked;
	return 0;
}

int python__inspect(pid_t pid, struct python *py, struct failure *f)
{
	struct inspection in = {.pid = pid, .f = f};
	int image = proc_image__open(pid), err;

	memset(py, 0, sizeof(*py));
	proc__comm(pid, in.comm);
	err = image < 0 ? image : proc_maps__read(pid, &in.maps);
	if (err) {
		proc__fail(pid, err, "look into", f);
		goto out;
	}
	proc__exe(pid, in.exe);
	for (enum pass pass = 0; pass < NR_PASSES; pass++)
		if (search(&in, pass))
			break;
	err = in.found ? 0 : fail_not_python(&in);
	if (err)
		goto out;
	err = (in.is_2 ? read_python2 : read_runtime)(&in, py);
	/* What was read may then belong to two programs. */
	if (err != -ESRCH && proc_image__is_over(image))
		err = fail(&in, -EAGAIN, "has just executed another program, or is ending",
			   "what was read from its memory may belong to both");
out:
	if (image >= 0)
		close(image);
	if (in.found)
		elf_file__close(&in.elf);
	proc_maps__free(&in.maps);
	return err;
}
