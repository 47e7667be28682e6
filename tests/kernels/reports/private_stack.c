// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * private_stack [PROGRAMS.bpf.o]: does a BPF program on a uprobe find another thread's values on its
 * stack? See docs/kernel-private-stack.md. Several processes on one CPU keep calling a function with
 * a uprobe. This is safe to run: see private_stack.bpf.c.
 *
 *	clang -O2 -g -target bpf -I/usr/include/$(gcc -print-multiarch) \
 *		-c private_stack.bpf.c -o private_stack.bpf.o
 *	gcc -O2 -o private_stack private_stack.c -lbpf
 *	./private_stack private_stack.bpf.o
 *
 * The status is 0 if no run did, 1 if some did, and 4 if that could not be seen.
 */
#define _GNU_SOURCE
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES 6
#define SECONDS   8

/* The file's global variables. */
struct counts {
	__u64 runs, foreign;
};

static const struct {
	const char *name, *what;
} programs[] = {
	{"deep", "128 bytes of stack"},
	{"shallow", "32 bytes of stack"},
	{"deep_preempt_off", "128 bytes of stack, preemption off"},
};

__attribute__((noinline)) void probed(void)
{
	asm volatile("");
}

static void call_for_ever(void)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (sched_setaffinity(0, sizeof(first), &first))
		_exit(1);
	for (;;)
		probed();
}

static void run_for_a_while(void)
{
	pid_t pid[PROCESSES];

	for (int i = 0; i < PROCESSES; i++) {
		pid[i] = fork();
		if (!pid[i])
			call_for_ever();
	}
	sleep(SECONDS);
	for (int i = 0; i < PROCESSES; i++) {
		if (pid[i] < 0)
			continue;
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
}

static bool kernel_has(const char *function)
{
	libbpf_print_fn_t before = libbpf_set_print(NULL); /* a missing function is not an error */
	bool has = libbpf_find_vmlinux_btf_id(function, BPF_TRACE_FENTRY) > 0;

	libbpf_set_print(before);
	return has;
}

/* Loads one program of the file, lets it run, and reads its counters. Returns 0 or -errno. */
static int try(const char *file, const char *name, struct counts *c)
{
	LIBBPF_OPTS(bpf_uprobe_opts, where, .func_name = "probed");
	struct bpf_object *o = bpf_object__open_file(file, NULL);
	struct bpf_program *p, *wanted;
	struct bpf_link *link;
	int zero = 0, err;

	if (!o)
		return -errno;
	bpf_object__for_each_program (p, o)
		bpf_program__set_autoload(p, !strcmp(bpf_program__name(p), name));
	wanted = bpf_object__find_program_by_name(o, name);
	err = bpf_object__load(o);
	if (err)
		goto out;
	link = bpf_program__attach_uprobe_opts(wanted, -1, "/proc/self/exe", 0, &where);
	err = link ? 0 : -errno;
	if (err)
		goto out;
	run_for_a_while();
	bpf_link__destroy(link);
	err = bpf_map_lookup_elem(bpf_object__find_map_fd_by_name(o, ".bss"), &zero, c);
out:
	bpf_object__close(o);
	return err;
}

static void print_kernel(void)
{
	char model[80] = "not known (/sys/kernel/debug/sched/preempt cannot be read)";
	FILE *f = fopen("/sys/kernel/debug/sched/preempt", "r");
	struct utsname u;

	if (f) {
		if (fgets(model, sizeof(model), f))
			model[strcspn(model, "\n")] = 0;
		if (*model && model[strlen(model) - 1] == ' ')
			model[strlen(model) - 1] = 0;
		fclose(f);
	}
	uname(&u);
	printf("Linux %s %s, preemption %s, %d processes on one CPU\n", u.release, u.machine, model,
	       PROCESSES);
}

int main(int argc, char **argv)
{
	const char *file = argc > 1 ? argv[1] : "private_stack.bpf.o";
	int status = 0;

	setlinebuf(stdout);
	print_kernel();
	for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
		struct counts c = {};
		int err;

		if (strstr(programs[i].name, "preempt_off") && !kernel_has("bpf_preempt_disable")) {
			printf("%s: not run, this kernel has no bpf_preempt_disable()\n",
			       programs[i].what);
			continue;
		}
		err = try(file, programs[i].name, &c);
		if (err || !c.runs) {
			fprintf(stderr, "%s: not seen: %s\n", programs[i].what,
				err ? strerror(-err) : "the program was never run");
			return 4;
		}
		printf("%s: %llu of %llu runs found another thread's stack\n", programs[i].what,
		       c.foreign, c.runs);
		status |= c.foreign > 0;
	}
	return status;
}
