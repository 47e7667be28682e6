// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "edge/observe/calibrate.h"
#include "gil_probes.h"
#include "edge/observe/site_file.h"
#include "edge/observe/source.h"

/* Many short rounds, so that some are not disturbed even on a busy machine. */
#define ROUNDS 25
#define CYCLES 40 /* in each round; a cycle is a release and an acquisition */

/* The layout of struct _gil_runtime_state, as far as the probes see it. */
struct stand_in {
	unsigned char head[GIL_OFFSET_COND];
	pthread_cond_t cond;
	unsigned char mutex[GIL_OFFSET_SWITCH_COND - GIL_OFFSET_COND - sizeof(pthread_cond_t)];
	pthread_cond_t switch_cond;
};

_Static_assert(offsetof(struct stand_in, cond) == GIL_OFFSET_COND, "layout");
_Static_assert(offsetof(struct stand_in, switch_cond) == GIL_OFFSET_SWITCH_COND, "layout");

static void *cond_cycles(void *arg)
{
	struct stand_in *gil = arg;

	for (int i = 0; i < CYCLES; i++) {
		pthread_cond_signal(&gil->switch_cond);
		pthread_cond_signal(&gil->cond);
	}
	return NULL;
}

/* Hits this program's own GIL probes. It must not be a leaf function: see gil_probes.h on the red
 * zone. */
static void *usdt_cycles(void *gil)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	for (int i = 0; i < CYCLES; i++) {
		GIL_PROBE_ACQUIRE(gil, &now);
		GIL_PROBE_RELEASE(gil, &now, 0);
	}
	/* Never hit, but all three probes must be in the file. */
	if (now.tv_sec < 0)
		GIL_PROBE_WAIT(gil, &now);
	return NULL;
}

/* A kind of probes, and code that hits them. */
struct trial {
	const struct site_file *file;
	const struct source *source;
	void *(*cycles)(void *gil);
};

/* Returns the CPU time of the fastest round, in ns, because a disturbance only makes a round
 * slower. */
static uint64_t fastest_round(const struct trial *t, struct stand_in *gil)
{
	uint64_t best = UINT64_MAX;

	for (int i = 0; i < ROUNDS; i++) {
		struct timespec a, b;
		uint64_t ns;

		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &a);
		t->cycles(gil);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &b);
		ns = (b.tv_sec - a.tv_sec) * 1000000000ULL + b.tv_nsec - a.tv_nsec;
		if (ns < best)
			best = ns;
	}
	return best;
}

/* Gives back the records of this process, its lock and its threads. */
static void clean_up(struct probe *p, int process, int lock)
{
	for (unsigned int i = 0; i < probe__thread_limit(p); i++) {
		struct gil_thread *t = probe__thread(p, i);

		/* This thread lives on with its task storage, so its record stays in use. */
		if (t->tid && t->pid == (__u32)getpid() && t->state == GIL_THREAD_GONE)
			probe__give_thread(p, i);
	}
	if (lock >= 0)
		probe__give_lock(p, lock);
	if (process >= 0)
		probe__give_process(p, process);
}

/* Counts the acquisitions of a GIL by threads of this process. */
static __u64 acquisitions(struct probe *p, int lock)
{
	__u64 sum = 0;

	for (unsigned int i = 0; i < probe__thread_limit(p); i++) {
		const struct gil_thread *t = probe__thread(p, i);

		if (t->tid && t->pid == (__u32)getpid() && (int)t->lock == lock)
			sum += t->fig.acquisitions;
	}
	return sum;
}

/* Checks that every acquisition by this thread and by another one was counted; otherwise the probes
 * do not work. `before` is the count before the trial, as this thread's record may come from an
 * earlier one. Returns 0, -ENOTSUP or another -errno. */
static int count_hits(struct probe *p, const struct trial *t, int lock, struct stand_in *gil,
		      __u64 before)
{
	pthread_t thread;
	int err;

	before += ROUNDS * CYCLES;
	if (acquisitions(p, lock) != before)
		return -ENOTSUP;
	err = pthread_create(&thread, NULL, t->cycles, gil);
	if (err)
		return -err;
	pthread_join(thread, NULL);
	return acquisitions(p, lock) - before == CYCLES ? 0 : -ENOTSUP;
}

static int run(struct probe *p, const struct trial *t, long *ns_per_hit, struct failure *f)
{
	const struct site_file *file = t->file;
	struct stand_in gil;
	struct attachment *a = NULL;
	struct gil_process *process;
	int index, lock = -1, err;
	uint64_t plain, traced, before;

	memset(&gil, 0, sizeof(gil));
	plain = fastest_round(t, &gil);
	index = probe__add_process(p, getpid());
	if (index < 0)
		return index;
	err = lock = probe__take_lock(p);
	if (lock < 0)
		goto out;
	a = site_file__attach(file, p, file->program, getpid(), index, f);
	err = a ? 0 : -errno;
	if (err)
		goto out;
	process = probe__process(p, index);
	gil_lock_begin(probe__lock(p, lock), getpid(), (uintptr_t)&gil, 0);
	process->lock[0] = (struct gil_process_lock){.address = (uintptr_t)&gil, .lock = lock};
	process->nr_locks = 1;
	process->sources = t->source->bit;
	before = acquisitions(p, lock);
	__atomic_store_n(&process->state, GIL_PROCESS_TRACED, __ATOMIC_SEQ_CST);
	traced = fastest_round(t, &gil);
	err = count_hits(p, t, lock, &gil, before);
	process->state = GIL_PROCESS_QUIET;
	*ns_per_hit = traced > plain ? (long)((traced - plain) / (2 * CYCLES)) : 0;
out:
	probe__detach(p, a);
	clean_up(p, index, lock);
	return err;
}

int calibrate(struct probe *p, long *ns_per_hit, struct failure *f)
{
	struct site_file *list = NULL;
	const struct trial trial = {site_file__of_libc(&list, NULL, 0, f), &source_uprobe,
				    cond_cycles};
	int err = trial.file ? 0 : -errno;

	*ns_per_hit = -1;
	if (trial.file)
		err = run(p, &trial, ns_per_hit, f);
	if (err && trial.file && probe__is_multi(p)) {
		err = probe__use_perf_events(p, f);
		err = err ?: run(p, &trial, ns_per_hit, f);
	}
	site_file__free_all(list);
	if (err == -ENOTSUP) {
		failure__what(
			f,
			"probes can be attached, but were not hit in a trial on gilscope itself");
		failure__cause(f, "gilscope runs in its own PID namespace (a container), so "
				  "process numbers "
				  "differ from the kernel's");
		failure__command(f, "docker run --privileged --pid=host ...");
	}
	return err;
}

void calibrate_usdt(struct probe *p, long *ns_per_hit)
{
	struct site_file *list = NULL;
	const struct trial trial = {site_file__of_self(&list, p), &source_usdt, usdt_cycles};

	*ns_per_hit = -1;
	if (trial.file && run(p, &trial, ns_per_hit, NULL))
		*ns_per_hit = -1;
	site_file__free_all(list);
}

/* Exits quietly, so that an expected crash does not show up in the kernel's log. */
static void exit_quietly(int signal)
{
	_exit(signal);
}

static bool child_survives(void)
{
	struct sigaction quiet = {.sa_handler = exit_quietly};
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		sigaction(SIGSEGV, &quiet, NULL);
		usdt_cycles(&quiet);
		_exit(0);
	}
	if (pid < 0)
		return false;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

bool calibrate_fork(struct probe *p)
{
	struct site_file *list = NULL;
	const struct site_file *file = site_file__of_self(&list, p);
	struct attachment *a = NULL;
	bool safe = false;

	if (file)
		a = site_file__attach(file, p, PROBE_EMPTY, getpid(), 0, NULL);
	if (a) {
		usdt_cycles(&list); /* the first hits rewrite the nops */
		safe = child_survives();
	}
	probe__detach(p, a);
	site_file__free_all(list);
	return safe;
}

/* ---- a main thread that ends first ---- */

#define LATE_HITS 3

static void await_byte(int pipe)
{
	char byte;

	if (read(pipe, &byte, 1) != 1)
		_exit(1);
}

static void *wait_and_hit(void *pipe)
{
	pthread_cond_t cond = PTHREAD_COND_INITIALIZER;

	await_byte(*(int *)pipe);
	for (int i = 0; i < LATE_HITS; i++)
		pthread_cond_signal(&cond);
	_exit(0);
}

/* Forks a child whose main thread ends at the first byte from the pipe, while another thread hits
 * the probes at the second byte. Returns its pid, or -1. */
static pid_t fork_late_hits(int pipe)
{
	pid_t pid = fork();
	pthread_t thread;

	if (pid)
		return pid;
	await_byte(pipe);
	if (pthread_create(&thread, NULL, wait_and_hit, &pipe))
		_exit(1);
	syscall(SYS_exit, 0); /* ends only this thread */
	_exit(1);
}

/* The state of the main thread as in /proc/PID/stat; 'X' if it cannot be read. */
static char state_of(pid_t pid)
{
	char path[64], line[512] = "";
	const char *end;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 'X';
	if (!fgets(line, sizeof(line), file))
		line[0] = '\0';
	fclose(file);
	end = strrchr(line, ')');
	return end && end[1] ? end[2] : 'X';
}

/* Lets the child's main thread end, and then the other thread hit the probes. Returns false if the
 * main thread does not end. */
static bool make_late_hits(pid_t pid, int go)
{
	const struct timespec pause = {.tv_nsec = 100 * 1000};

	if (write(go, "", 1) != 1)
		return false;
	for (int i = 0; i < 1000 && state_of(pid) != 'Z'; i++)
		nanosleep(&pause, NULL);
	return state_of(pid) == 'Z' && write(go, "", 1) == 1;
}

/* Returns true if those hits are seen. */
static bool sees_late_hits(struct probe *p, const struct site_file *file, pid_t pid, int go)
{
	struct attachment *a = NULL;
	int index = probe__add_process(p, pid);
	bool seen = false;

	if (index >= 0)
		a = site_file__attach(file, p, file->program, pid, index, NULL);
	if (a)
		__atomic_store_n(&probe__process(p, index)->state, GIL_PROCESS_TRACED,
				 __ATOMIC_SEQ_CST);
	if (!a || !make_late_hits(pid, go))
		kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	if (a)
		seen = probe__process(p, index)->other_hits >= LATE_HITS;
	probe__detach(p, a);
	if (index >= 0)
		probe__give_process(p, index);
	return seen;
}

bool calibrate_outlives(struct probe *p)
{
	struct site_file *list = NULL;
	struct failure f = {0};
	const struct site_file *file = site_file__of_libc(&list, NULL, 0, &f);
	bool outlives = false;
	int go[2];
	pid_t pid;

	if (file && !pipe2(go, O_CLOEXEC)) {
		pid = fork_late_hits(go[0]);
		if (pid > 0)
			outlives = sees_late_hits(p, file, pid, go[1]);
		close(go[0]);
		close(go[1]);
	}
	site_file__free_all(list);
	return outlives;
}
