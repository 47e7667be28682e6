// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/doctor/script.h"
#include "edge/observe/doctor_look.h"
#include "edge/observe/looker.h"
#include "edge/observe/source.h"
#include "edge/proc/proc_list.h"
#include "edge/proc/proc_maps.h"
#include "edge/python/python.h"
#include "edge/python/python_file.h"

/* Scripts that start each other. */
#define SCRIPTS_MOST 5

static enum doctor_answer answer(enum told told)
{
	static const enum doctor_answer answers[] = {
		[TOLD_NO] = DOCTOR_NO,
		[TOLD_YES] = DOCTOR_YES,
		[TOLD_NOTHING] = DOCTOR_UNTOLD,
	};

	return answers[told];
}

/* ---- what the file says ---- */

static void take_build(struct doctor_python *p, const struct python_file *pf)
{
	strcpy(p->version, pf->version.text);
	p->debug = pf->debug ? DOCTOR_YES : DOCTOR_NO;
	p->free_threaded_build = pf->free_threaded ? DOCTOR_YES : DOCTOR_NO;
	p->stripped = pf->stripped ? DOCTOR_YES : DOCTOR_NO;
	p->lto = answer(pf->lto);
	p->is_library = !pf->is_program;
	p->fixed_address = pf->fixed_address;
}

static int take_layout(struct doctor_python *p, const struct python_file *pf)
{
	struct python_layout l;
	int err = python_layout__get(&pf->version, pf->head, sizeof(pf->head), &l);

	if (pf->is_2) {
		strcpy(p->gil_place, "a semaphore, to which a static variable points");
		return 0;
	}
	if (err == -ENOTSUP) {
		failure__what(&p->failure, "CPython %s is not supported", pf->version.text);
		failure__cause(&p->failure,
			       "this gilscope knows CPython " PYTHON_OLDEST " to " PYTHON_NEWEST);
	} else if (err) {
		failure__what(&p->failure,
			      "its table of offsets (_Py_DebugOffsets) does not match CPython %s",
			      pf->version.text);
		failure__cause(&p->failure, "it is a modified CPython, or the file is damaged");
	} else if (l.gil) {
		snprintf(p->gil_place, sizeof(p->gil_place), "in _PyRuntime, at +%llu",
			 (unsigned long long)l.gil);
	} else {
		snprintf(p->gil_place, sizeof(p->gil_place), "in the main interpreter, at +%llu",
			 (unsigned long long)l.own_gil);
	}
	return err;
}

/* Adds a clause to source_why. */
static void say(struct doctor_python *p, const char *why)
{
	size_t used = strlen(p->source_why);

	snprintf(p->source_why + used, sizeof(p->source_why) - used, "%s%s",
		 used && *why ? "; " : "", why);
}

/* Finds the source that would be used; source_why says why that one. */
static void take_source(struct doctor_python *p, const struct source_subject *subject)
{
	for (size_t i = 0; source_table[i]; i++) {
		char why[sizeof(p->source_why)] = "";
		int err = source_table[i]->look(subject, why, sizeof(why), &p->failure);

		if (err < 0)
			return;
		say(p, why);
		if (err)
			continue;
		snprintf(p->source, sizeof(p->source), "%s", source_table[i]->name);
		return;
	}
}

static bool breaks_forks(const struct doctor_machine *m)
{
	return m->hit && !m->fork_is_safe;
}

/* ---- a process ---- */

/* Opens the file that contains the interpreter. Returns 0 or -errno. */
static int open_mapped(struct doctor_python *p, const char *path, struct elf_file *e)
{
	struct proc_maps maps;
	struct proc_map map;
	size_t position = 0;
	int fd = proc_maps__read(p->pid, &maps);

	if (fd)
		return fd;
	fd = -ESRCH;
	while (fd == -ESRCH && proc_maps__next(&maps, &position, &map)) {
		if (!map.executable || strcmp(map.path, path))
			continue;
		p->deleted = map.deleted;
		fd = proc_map__open(p->pid, &map);
	}
	proc_maps__free(&maps);
	return fd < 0 ? fd : elf_file__open_fd(e, fd);
}

static void take_gil(struct doctor_python *p, const struct python *py)
{
	p->gil = py->gil;
	p->gil_off = py->free_threaded;
	p->locked = py->locked;
	p->switch_interval_us = py->switch_interval_us;
}

static void look_into_process(struct doctor_python *p, const struct doctor_machine *m,
			      const struct python *py)
{
	struct python_file pf;
	struct elf_file e;
	const struct source_subject subject = {
		.file = &e,
		.path = p->path,
		.pid = p->pid,
		.is_2 = py->semaphore_at != 0,
		.is_static = py->is_static,
		.breaks_forks = breaks_forks(m),
	};
	int err = open_mapped(p, py->path, &e);

	if (err) {
		proc__fail(p->pid, err, "open the interpreter of", &p->failure);
		return;
	}
	err = python_file__read(&e, &pf);
	take_build(p, &pf);
	/* What is in memory is more reliable than what is in the file. */
	strcpy(p->version, py->version);
	p->free_threaded_build = py->free_threaded_build ? DOCTOR_YES : DOCTOR_NO;
	if (!err)
		take_layout(p, &pf);
	else
		strcpy(p->gil_place, "found in its memory");
	take_source(p, &subject);
	elf_file__close(&e);
}

/* What a look into a process needs, and what it finds, in shared memory. */
struct look {
	struct doctor_python p;
	const struct doctor_machine *m;
};

static void look(void *ctx)
{
	struct look *l = ctx;
	struct python py;

	if (python__inspect(l->p.pid, &py, &l->p.failure))
		return;
	memset(&l->p.failure, 0, sizeof(l->p.failure));
	strcpy(l->p.path, py.path);
	take_gil(&l->p, &py);
	look_into_process(&l->p, l->m, &py);
}

/* The process decides how long a look takes. */
static void look_aside(struct doctor_python *p, const struct doctor_machine *m)
{
	struct look *l =
		mmap(NULL, sizeof(*l), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (l == MAP_FAILED) {
		failure__what(&p->failure, "there is no memory left");
		return;
	}
	l->p = *p;
	l->m = m;
	if (!looker__aside(p->pid, look, l, &p->failure))
		*p = l->p;
	munmap(l, sizeof(*l));
}

void doctor_look__process(struct doctor_python *p, const struct doctor_machine *m, pid_t pid)
{
	long leader = proc_list__status(pid, "Tgid");

	memset(p, 0, sizeof(*p));
	p->subject = DOCTOR_PROCESS;
	p->pid = leader > 0 ? (pid_t)leader : pid;
	proc__comm(p->pid, p->comm);
	p->other_mounts = !proc_list__shares_namespace(p->pid, "mnt");
	p->other_pids = !proc_list__shares_namespace(p->pid, "pid");
	look_aside(p, m);
}

/* ---- a file ---- */

/* Finds the file of a command, as a shell would. Returns false if there is none. */
static bool find_command(const char *command, char path[PATH_MAX])
{
	const char *list = getenv("PATH");
	char found[PATH_MAX + 256];

	if (strchr(command, '/'))
		return realpath(command, path);
	for (list = list ? list : "/usr/bin:/bin"; *list; list += *list == ':') {
		size_t n = strcspn(list, ":");

		snprintf(found, sizeof(found), "%.*s/%s", (int)n, list, command);
		list += n;
		if (!access(found, X_OK) && realpath(found, path))
			return true;
	}
	return false;
}

static int open_file(const char *path, struct elf_file *e)
{
	int fd = proc__open_path(path);

	return fd < 0 ? fd : elf_file__open_fd(e, fd);
}

/* Looks for a library in folders separated by colons, where $ORIGIN stands for the program's
 * folder. */
static bool find_in(const char *folders, const char *program, const char *name, char path[PATH_MAX])
{
	static const char origin[] = "$ORIGIN";
	char found[2 * PATH_MAX];

	while (*folders) {
		size_t n = strcspn(folders, ":"), skip = 0, home = 0;

		if (!strncmp(folders, origin, sizeof(origin) - 1)) {
			skip = sizeof(origin) - 1;
			home = (size_t)(strrchr(program, '/') - program);
		}
		snprintf(found, sizeof(found), "%.*s%.*s/%s", (int)home, program, (int)(n - skip),
			 folders + skip, name);
		if (n && realpath(found, path))
			return true;
		folders += n;
		folders += *folders == ':';
	}
	return false;
}

/* Searches like the loader, except that the usual folders replace its cache. */
static bool find_library(struct elf_file *e, const char *program, const char *name,
			 char path[PATH_MAX])
{
	static const char usual[] =
		"/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu:/lib/aarch64-linux-gnu:"
		"/usr/lib/aarch64-linux-gnu:/lib64:/usr/lib64:/lib:/usr/lib:/usr/local/lib:"
		"/usr/local/lib64";
	const char *environment = getenv("LD_LIBRARY_PATH");
	char folders[PATH_MAX];

	if (!elf_file__dynamic_string(e, DT_RPATH, 0, folders, sizeof(folders)) &&
	    find_in(folders, program, name, path))
		return true;
	if (environment && find_in(environment, program, name, path))
		return true;
	if (!elf_file__dynamic_string(e, DT_RUNPATH, 0, folders, sizeof(folders)) &&
	    find_in(folders, program, name, path))
		return true;
	return find_in(usual, program, name, path);
}

static void take_file(struct doctor_python *p, const struct doctor_machine *m, struct elf_file *e,
		      const struct python_file *pf)
{
	const struct source_subject subject = {
		.file = e,
		.path = p->path,
		.is_2 = pf->is_2,
		.is_static = pf->is_static,
		.breaks_forks = breaks_forks(m),
	};

	take_build(p, pf);
	if (!take_layout(p, pf))
		take_source(p, &subject);
}

/* The file is ELF, but not itself a CPython. */
static void look_beyond(struct doctor_python *p, const struct doctor_machine *m, struct elf_file *e)
{
	struct elf_symbol symbol;
	struct python_file pf;
	struct elf_file library;
	char name[256], path[PATH_MAX];

	if (!elf_file__needed(e, "libpypy", name, sizeof(name))) {
		failure__what(&p->failure, "it is PyPy, not CPython, and not supported");
	} else if (!elf_file__symbol(e, "Py_GetVersion", &symbol)) {
		failure__what(&p->failure, "it is a Python older than " PYTHON_OLDEST
					   ", which is not supported");
	} else if (elf_file__needed(e, "libpython", name, sizeof(name))) {
		failure__what(&p->failure, "it contains no CPython");
		failure__cause(
			&p->failure,
			"it neither defines _PyRuntime nor needs a libpython; a process of it may "
			"still load one, as a plug-in");
		failure__command(&p->failure, "gilscope doctor -p $(pidof -s %s)",
				 strrchr(p->path, '/') ? strrchr(p->path, '/') + 1 : p->path);
	} else if (!find_library(e, p->path, name, path) || open_file(path, &library)) {
		failure__what(&p->failure, "its interpreter is in %s, which cannot be found", name);
		failure__command(&p->failure, "ldd %s", p->path);
	} else {
		if (python_file__read(&library, &pf))
			failure__what(&p->failure, "%s is not a known CPython", path);
		else
			take_file(p, m, &library, &pf);
		strcpy(p->path, path);
		elf_file__close(&library);
	}
}

static void tell_unreadable(struct doctor_python *p, int err)
{
	if (err == -EBADMSG) {
		failure__what(&p->failure, "it is not an executable for this machine");
		failure__command(&p->failure, "file %s", p->path);
	} else {
		failure__what(&p->failure, "it cannot be opened: %s", strerror(-err));
		failure__command(&p->failure, "ls -lL %s", p->path);
	}
}

static enum script_kind read_script(const char *path, char *program, size_t size)
{
	int fd = proc__open_path(path);
	char text[SCRIPT_MOST + 1] = "";
	ssize_t n = fd < 0 ? -1 : read(fd, text, SCRIPT_MOST);

	if (fd >= 0)
		close(fd);
	return n > 0 ? script__read(text, (size_t)n, program, size) : SCRIPT_NONE;
}

/* Sets p->path to the program that the command starts in the end: scripts are followed, but never
 * run. Returns false with the failure filled if it cannot be found. */
static bool find_program(struct doctor_python *p, const char *command)
{
	char program[1024];
	enum script_kind kind;

	snprintf(program, sizeof(program), "%s", command);
	for (int i = 0; i < SCRIPTS_MOST; i++) {
		bool found = find_command(program, p->path);

		if (!found)
			snprintf(p->path, sizeof(p->path), "%s", program);
		if (!found && p->script[0])
			failure__what(&p->failure, "%s starts it, but there is no such file",
				      p->script);
		else if (!found)
			failure__what(&p->failure, "no such file");
		if (!found) {
			failure__command(&p->failure, "type -a %s",
					 p->script[0] ? program : "python3");
			return false;
		}
		kind = read_script(p->path, program, sizeof(program));
		if (kind == SCRIPT_NONE)
			return true;
		if (!p->script[0])
			snprintf(p->script, sizeof(p->script), "%.255s", p->path);
		if (kind == SCRIPT_UNCLEAR)
			break;
	}
	failure__what(&p->failure, "it is a script, and only a shell can tell what it starts");
	failure__command(&p->failure, "gilscope doctor -p PID");
	return false;
}

void doctor_look__file(struct doctor_python *p, const struct doctor_machine *m, const char *command)
{
	struct python_file pf;
	struct elf_file e;
	int err;

	memset(p, 0, sizeof(*p));
	p->subject = DOCTOR_FILE;
	if (!find_program(p, command))
		return;
	err = open_file(p->path, &e);
	if (err) {
		tell_unreadable(p, err);
		return;
	}
	err = python_file__read(&e, &pf);
	if (!err)
		take_file(p, m, &e, &pf);
	else if (err == -ENOENT)
		look_beyond(p, m, &e);
	else
		failure__what(&p->failure, "it is a CPython whose version cannot be determined");
	elf_file__close(&e);
}
