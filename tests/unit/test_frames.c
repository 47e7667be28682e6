// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Walks the frames of real interpreters, which say themselves what is true (frames_target.py): the
 * functions, files and lines of each stack, and the names of the threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "child.h"
#include "edge/proc/proc_maps.h"
#include "edge/python/python.h"
#include "edge/python/python_code.h"
#include "edge/python/python_threads.h"
#include "interpreters.h"
#include "test.h"

static pid_t observed;

#define GIL_WALK_READ(to, size, address) proc_mem__read(observed, (address), (to), (size))
#include "gil_walk.h"

/* With the sanitizers, a sample of the interpreters is enough. */
#ifdef __SANITIZE_ADDRESS__
#define STEP 4
#else
#define STEP 1
#endif

#define MAX_FRAMES  2000
#define MAX_NAMES   64
#define MAX_TOLD    600
#define MAX_THREADS 128

/* What the target says about one stack. */
struct told {
	char name[64];
	pid_t pid;
	int nr_frames, nr_names;
	char frame[MAX_FRAMES][MAX_TOLD];
	struct python_thread_name thread[MAX_NAMES];
};

struct target {
	const char *python;
	struct child child;
	int in; /* where it reads */
	FILE *out;
	struct python py;
	struct told told;
};

static struct target t;

/* ---- the target ---- */

static void run_target(void)
{
	dup2(t.in, STDIN_FILENO);
	setenv("PYTHON_GIL", "1", 1); /* for free-threaded builds */
	setenv("PYTHONIOENCODING", "utf-8", 1);
	printf("\n");
	fflush(stdout);
	execl(t.python, t.python, "-W", "ignore", "tests/unit/frames_target.py",
	      getenv("GILSCOPE_CASE"), NULL);
}

static bool start_target(const char *python)
{
	int in[2];
	bool started;

	memset(&t, 0, sizeof(t));
	t.python = python;
	if (pipe2(in, O_CLOEXEC))
		return false;
	t.in = in[0];
	started = start_child(&t.child, NULL, run_target);
	close(in[0]);
	t.in = in[1];
	t.out = started ? fdopen(t.child.out, "r") : NULL;
	return t.out != NULL;
}

static void end_target(void)
{
	if (t.out) {
		fclose(t.out);
		t.child.out = -1;
	}
	close(t.in);
	end_child(&t.child);
}

static void read_name(char *text)
{
	struct python_thread_name *n = &t.told.thread[t.told.nr_names];
	char *name;

	n->tid = (pid_t)strtol(text, &name, 10);
	snprintf(n->name, sizeof(n->name), "%s", name + 1);
	/* The target tells the whole name. */
	if (strlen(name + 1) >= sizeof(n->name))
		strcpy(n->name + sizeof(n->name) - 4, "...");
	if (t.told.nr_names < MAX_NAMES - 1)
		t.told.nr_names++;
}

/* Reads what is true of the next stack; false at the end. */
static bool next_case(void)
{
	char *line = NULL;
	size_t room = 0;
	bool ready = false;

	memset(&t.told, 0, sizeof(t.told));
	t.told.pid = t.child.pid;
	while (!ready && getline(&line, &room, t.out) > 0) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "case ", 5))
			snprintf(t.told.name, sizeof(t.told.name), "%s", line + 5);
		else if (!strncmp(line, "frame ", 6) && t.told.nr_frames < MAX_FRAMES)
			snprintf(t.told.frame[t.told.nr_frames++], MAX_TOLD, "%s", line + 6);
		else if (!strncmp(line, "name ", 5))
			read_name(line + 5);
		else if (!strncmp(line, "pid ", 4))
			t.told.pid = atoi(line + 4);
		else if (!strcmp(line, "end"))
			break;
		else if (strcmp(line, "READY"))
			snprintf(test_failure, sizeof(test_failure), "%s: %s: %s", t.python,
				 t.told.name, line);
		ready = !strcmp(line, "READY");
	}
	free(line);
	return ready && !test_failure[0];
}

static void go_on(void)
{
	if (t.told.pid != t.child.pid)
		kill(t.told.pid, SIGKILL);
	else if (write(t.in, "\n", 1) != 1)
		snprintf(test_failure, sizeof(test_failure), "%s: does not read", t.python);
}

/* ---- what gilscope says ---- */

/* The GIL that was taken last: a sub-interpreter's, if there is one. */
static uint64_t gil_of(void)
{
	struct python_own_gil own[4];
	int n = python__own_gils(observed, &t.py, own, 4);

	return n > 0 ? own[0].address : t.py.gil;
}

static struct gil_walk walk;
static char said[GIL_WALK_FRAMES][MAX_TOLD];
static int nr_said;

static void say(const struct gil_frame *frame)
{
	struct python_code code;
	int err = python_code__read(observed, &t.py, frame, &code);
	int line = err ? 0 : python_code__line(&code, frame);

	if (code.hidden)
		return;
	if (err)
		snprintf(said[nr_said], MAX_TOLD, "error %s", strerror(-err));
	else
		snprintf(said[nr_said], MAX_TOLD, "%s|%s|%d", code.function, code.file, line);
	if (!code.importing || !nr_said || strcmp(said[nr_said], said[nr_said - 1]))
		nr_said++;
}

/* Walks while the process is stopped. */
static void look(void)
{
	uint64_t thread = gil_walk_thread(&t.py.frames, gil_of());

	nr_said = 0;
	if (!gil_walk_begin(&walk, &t.py.frames, thread, 0, GIL_WALK_FRAMES))
		gil_walk_on(&walk, &t.py.frames);
	for (__u32 i = 0; i < gil_walk_nr_kept(&walk); i++)
		say(gil_walk_kept(&walk, i));
}

/* How many of the innermost, or the outermost, frames are as they should be. */
static int nr_same(bool inner, int n)
{
	int same = 0;

	for (int i = 0; i < n; i++)
		if (inner ? !strcmp(said[i], t.told.frame[i])
			  : !strcmp(said[nr_said - 1 - i], t.told.frame[t.told.nr_frames - 1 - i]))
			same++;
		else
			break;
	return same;
}

static bool is_right(void)
{
	bool deep = t.told.nr_frames > GIL_WALK_FRAMES;

	if (t.told.nr_frames > GIL_WALK_STEPS)
		return walk.end == GIL_WALK_CUT && nr_same(true, GIL_WALK_INNER) == GIL_WALK_INNER;
	if (walk.end != GIL_WALK_WHOLE)
		return false;
	if (deep)
		return walk.depth == (__u32)t.told.nr_frames &&
		       nr_same(true, GIL_WALK_INNER) == GIL_WALK_INNER &&
		       nr_same(false, GIL_WALK_OUTER) == GIL_WALK_OUTER;
	return nr_said == t.told.nr_frames && nr_same(true, nr_said) == nr_said;
}

static void stop(pid_t pid)
{
	char state = 'R';

	kill(pid, SIGSTOP);
	for (int i = 0; i < 2000 && state != 'T'; i++) {
		char path[64];
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		f = fopen(path, "r");
		if (!f || fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
			state = 'R';
		if (f)
			fclose(f);
		usleep(100);
	}
}

static void check_names(void)
{
	static struct python_thread_name found[MAX_THREADS];
	int n = python_threads__names(observed, &t.py, found, MAX_THREADS);

	CHECK(n >= t.told.nr_names, "%s: %s: %d names, not %d", t.python, t.told.name, n,
	      t.told.nr_names);
	for (int i = 0; i < t.told.nr_names; i++) {
		const struct python_thread_name *is = &t.told.thread[i];
		bool same = false;

		for (int k = 0; k < n; k++)
			same |= found[k].tid == is->tid && !strcmp(found[k].name, is->name);
		CHECK(same, "%s: %s: no thread %d \"%s\"", t.python, t.told.name, is->tid,
		      is->name);
	}
}

/* After it has said that it is ready, the target may still be on its way to the last line. */
static void check_case(void)
{
	bool right = false;
	int i;

	observed = t.told.pid;
	for (i = 0; i < 400 && !right; i++) {
		stop(observed);
		look();
		right = is_right();
		if (right)
			check_names();
		kill(observed, SIGCONT);
		if (!right)
			usleep(5000);
	}
	if (right)
		return;
	for (i = 0; i < nr_said && i < t.told.nr_frames && !strcmp(said[i], t.told.frame[i]); i++)
		;
	snprintf(test_failure, sizeof(test_failure),
		 "%s: %s: end %u, %u of %d frames; frame %d is %.150s, not %.150s", t.python,
		 t.told.name, walk.end, walk.depth, t.told.nr_frames, i,
		 i < nr_said ? said[i] : "none", i < t.told.nr_frames ? t.told.frame[i] : "none");
}

/* A walk that expects another thread finds nothing; its own one is known from 3.11 on. */
static void check_thread(void)
{
	uint64_t thread = gil_walk_thread(&t.py.frames, gil_of());
	pid_t main = t.told.pid;

	if (t.py.minor < 11 || strcmp(t.told.name, "forked"))
		return;
	CHECK(gil_walk_begin(&walk, &t.py.frames, thread, (__u32)main + 1, 0) &&
		      walk.end == GIL_WALK_OTHER,
	      "%s", t.python);
	CHECK(!gil_walk_begin(&walk, &t.py.frames, thread, (__u32)main, 0), "%s: end %u", t.python,
	      walk.end);
}

static void check_python(const char *python)
{
	struct failure f = {.what = ""};
	int n = 0;

	CHECK(start_target(python), "%s does not start", python);
	/* The sub-interpreter, which comes last, never ends. */
	while (!test_failure[0] && strcmp(t.told.name, "sub_interpreter") && next_case()) {
		int err = n++ ? 0 : python__inspect(t.child.pid, &t.py, &f);

		CHECK(!err, "%s: %s", python, f.what);
		CHECK(t.py.frames.known, "%s: its frames are not known", python);
		check_case();
		if (!test_failure[0])
			check_thread();
		if (strcmp(t.told.name, "sub_interpreter"))
			go_on();
	}
	if (!test_failure[0])
		CHECK(n >= 14 || getenv("GILSCOPE_CASE"), "%s: only %d cases", python, n);
}

#define ENTRIES 65536

/* An interpreter whose list goes round in a circle, and whose sys.modules is as large as is let in, without
 * "threading": this process pretends to be one. */
static bool pretend(struct python *py)
{
	static uint64_t runtime[4], type[64], dict[8], *interpreter, *keys;
	const struct python_version v = {.major = 3, .minor = 12};

	*py = (struct python){.major = 3, .minor = 12};
	if (python_frames__get(&v, (uintptr_t)runtime, NULL, 0, &py->frames, &py->objects))
		return false;
	interpreter = calloc(1, 1 << 20);
	keys = calloc(4 + (1 << 20) / 8 + 2 * ENTRIES, sizeof(*keys));
	if (!interpreter || !keys)
		return false;
	py->layout.main = sizeof(*runtime);
	py->layout.next = 8;
	py->runtime = (uintptr_t)runtime;
	runtime[0] = runtime[1] = interpreter[1] = (uintptr_t)interpreter;
	interpreter[py->objects.modules / 8] = (uintptr_t)dict;
	dict[py->objects.head / 8 - 1] = (uintptr_t)type;
	type[py->objects.type_flags / 8] = ~0UL;
	dict[py->objects.head / 8 + 2] = (uintptr_t)keys;
	((unsigned char *)keys)[9] = 10;
	((unsigned char *)keys)[10] = 1;
	keys[3] = ENTRIES;
	return true;
}

TEST(names_of_a_hostile_interpreter_cost_little)
{
	struct python_thread_name found[4];
	struct python py;

	CHECK(pretend(&py));
	CHECK_EQ(python_threads__names(0, &py, found, 4), -E2BIG);
}

TEST(stacks_and_names_as_each_interpreter_says)
{
	static struct interpreters all;

	find_interpreters(&all);
	for (int i = 0; i < all.n && !test_failure[0]; i += STEP) {
		check_python(all.path[i]);
		end_target();
	}
	if (!all.n)
		SKIP("there is no interpreter");
}

TEST_MAIN
