// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * verify KERNEL: does this kernel's verifier accept each BPF program of gilscope? Each is loaded by
 * itself, in every form that gilscope may load it in: with and without a recording; if it is for a
 * uprobe, with the attach types of a perf event and of a uprobe_multi link; and with and without
 * samples. Prints a test's
 * line for each program, and a benchmark's line with the number of instructions that the verifier
 * processed in the worst form. KERNEL is the name in the benchmark's line.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gilscope.skel.h"

/* From include/uapi/linux/bpf.h of Linux 6.6; older headers do not have it. */
#define ATTACH_TYPE_UPROBE_MULTI 48

/* A fifth of the verifier's limit (BPF_COMPLEXITY_LIMIT_INSNS). */
#define MOST_INSTRUCTIONS 200000

/* The kernel refuses a program whose log needs more bytes than this. */
#define LOG_SIZE (16 << 20)

struct form {
	bool recording, multi, blame, waits;
};

struct outcome {
	int err;
	long instructions; /* -1: not known */
	char why[400];
};

static char *log_text;

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	(void)level, (void)fmt, (void)ap;
	return 0;
}

/* Does what probe.c does for a small target. */
static void set_sizes(struct gilscope_bpf *s, const struct form *form)
{
	s->rodata->max_processes = 64;
	s->rodata->max_locks = 192;
	s->rodata->max_threads = 4096;
	s->rodata->recording = form->recording;
	s->rodata->blame = form->blame;
	s->rodata->futex = form->waits;
	bpf_map__set_max_entries(s->maps.edges, form->recording ? 1 << 20 : 4096);
	bpf_map__set_max_entries(s->maps.processes, 64);
	bpf_map__set_max_entries(s->maps.free_processes, 64);
	bpf_map__set_max_entries(s->maps.process_of, 64);
	bpf_map__set_max_entries(s->maps.locks, 192);
	bpf_map__set_max_entries(s->maps.free_locks, 192);
	bpf_map__set_max_entries(s->maps.threads, 4096);
	bpf_map__set_max_entries(s->maps.free_threads, 4096);
	bpf_map__set_max_entries(s->maps.records, 4096);
	bpf_map__set_max_entries(s->maps.sums, 4096 * 16);
	bpf_map__set_max_entries(s->maps.gaps, form->blame ? 4096 : 1);
}

static struct bpf_program *only(struct gilscope_bpf *s, const char *name)
{
	struct bpf_program *program, *wanted = NULL;

	bpf_object__for_each_program (program, s->obj) {
		bool is_it = strcmp(bpf_program__name(program), name) == 0;

		bpf_program__set_autoload(program, is_it);
		if (is_it)
			wanted = program;
	}
	return wanted;
}

/* The last lines of the verifier's log, as one line. */
static void last_lines(char *to, size_t size)
{
	size_t length = strlen(log_text), from = length > size - 1 ? length - (size - 1) : 0;

	for (size_t i = from; i <= length; i++)
		to[i - from] = log_text[i] == '\n' ? ' ' : log_text[i];
}

/* With log_level 4 the log has only the verifier's figures, with 1 also the code it went through. */
static int load(const char *name, const struct form *form, int log_level)
{
	struct gilscope_bpf *s = gilscope_bpf__open();
	struct bpf_program *program;
	int err = -1;

	log_text[0] = '\0';
	if (!s)
		return err;
	set_sizes(s, form);
	program = only(s, name);
	if (form->multi)
		bpf_program__set_expected_attach_type(program, ATTACH_TYPE_UPROBE_MULTI);
	bpf_program__set_log_buf(program, log_text, LOG_SIZE);
	bpf_program__set_log_level(program, log_level);
	err = gilscope_bpf__load(s);
	gilscope_bpf__destroy(s);
	return err;
}

static void try(const char *name, const struct form *form, struct outcome *out)
{
	const char *processed;

	out->err = load(name, form, 4);
	processed = strstr(log_text, "processed ");
	out->instructions = processed ? strtol(processed + strlen("processed "), NULL, 10) : -1;
	if (!out->err)
		return;
	load(name, form, 1);
	last_lines(out->why, sizeof(out->why));
}

/* Loads one program in every form. Returns false if one of them is rejected. */
static bool verify(const char *name, bool on_uprobe, const char *kernel)
{
	long worst = -1;
	int forms = 0;

	/* The source without probes knows neither recordings nor samples. */
	for (int i = 0; i < (on_uprobe ? 4 : 5); i++) {
		const struct form form = {.recording = i & 1,
					  .multi = on_uprobe && i & 2,
					  .blame = on_uprobe ? !(i & 1) : i & 2,
					  .waits = i == 4};
		struct outcome out = {0};

		try(name, &form, &out);
		if (out.err) {
			printf("not ok verifier/%s: rejected with%s a recording, with%s "
			       "samples, with%s waits alone, attach type of %s: %s: %s\n",
			       name, form.recording ? "" : "out", form.blame ? "" : "out",
			       form.waits ? "" : "out", form.multi ? "uprobe_multi" : "perf events",
			       strerror(-out.err), out.why);
			return false;
		}
		forms++;
		if (out.instructions > worst)
			worst = out.instructions;
	}
	printf("ok verifier/%s: %d forms, at most %ld instructions\n", name, forms, worst);
	printf("bench verifier_instructions_%s_%s %ld %d %s\n", name, kernel, worst,
	       MOST_INSTRUCTIONS, worst >= 0 && worst <= MOST_INSTRUCTIONS ? "pass" : "miss");
	return true;
}

/* From Linux 6.10 on, a program can turn preemption off. Programs that do have a name that says so,
 * and are loaded only on such kernels. */
static bool can_turn_preemption_off(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool can = btf && btf__find_by_name_kind(btf, "bpf_preempt_disable", BTF_KIND_FUNC) > 0;

	btf__free(btf);
	return can;
}

static bool is_for_this_kernel(const char *name)
{
	return !strstr(name, "_preempt_off") || can_turn_preemption_off();
}

int main(int argc, char **argv)
{
	struct gilscope_bpf *s = gilscope_bpf__open();
	struct bpf_program *program;
	bool good = true;

	log_text = malloc(LOG_SIZE);
	if (argc != 2 || !s || !log_text)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	libbpf_set_print(quiet);
	bpf_object__for_each_program (program, s->obj) {
		const char *name = bpf_program__name(program);
		bool on_uprobe = bpf_program__type(program) == BPF_PROG_TYPE_KPROBE;

		if (is_for_this_kernel(name))
			good = verify(name, on_uprobe, argv[1]) && good;
	}
	gilscope_bpf__destroy(s);
	free(log_text);
	return !good;
}
