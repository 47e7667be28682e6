/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The findings of `gilscope doctor`: facts about the machine and about one interpreter, what
 * follows from each, and what to do about it. Pure: doctor_machine.c and doctor_python.c gather the
 * facts.
 */
#ifndef DOCTOR_H
#define DOCTOR_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include "core/base/capability.h"
#include "core/base/failure.h"
#include "core/report/render.h"

/* ---- facts ---- */

struct doctor_machine {
	char release[66], hardware[66]; /* as uname(2) has them */
	bool btf;                       /* the kernel's type information can be read */
	capabilities capabilities;
	bool root;
	bool in_user_namespace, in_pid_namespace; /* in another one than the machine's first */
	char lockdown[128];                       /* /sys/kernel/security/lockdown; "": none */
	int perf_event_paranoid, bpf_jit;         /* sysctls; INT_MIN: cannot be read */
	int ptrace_scope; /* the sysctl kernel.yama.ptrace_scope; 0 without Yama */
	bool can_read;    /* the memory of a child of gilscope's could be read */
	/* The trial: a probe on gilscope itself. */
	bool hit, multi;
	long ns_per_hit;
	bool fork_is_safe; /* an interpreter's own GIL probes do not harm children made by fork */
	struct failure trial; /* why it failed */
};

enum doctor_subject {
	DOCTOR_NO_PYTHON, /* none was asked for */
	DOCTOR_PROCESS,
	DOCTOR_FILE,
};

enum doctor_answer {
	DOCTOR_NO,
	DOCTOR_YES,
	DOCTOR_UNTOLD,
};

struct doctor_python {
	enum doctor_subject subject;
	pid_t pid;
	char comm[16];
	char script[256]; /* the script that was asked for, which starts this; "": none */
	char path
		[4096]; /* of the file with the interpreter; if there is none, the path asked for */
	struct failure failure; /* why it cannot be observed; what[0] is 0 if it can be */

	/* Known only if version[0] */
	char version[32];
	enum doctor_answer debug, free_threaded_build, stripped, lto;
	bool is_library, fixed_address;
	bool deleted;        /* the file was deleted or replaced */
	char gil_place[160]; /* where the GIL is, in words */

	/* For a process only: */
	bool other_mounts, other_pids; /* its namespaces differ from gilscope's */
	unsigned long long gil;        /* address; 0: unknown */
	bool gil_off;
	int locked;
	long switch_interval_us;

	char source[16]; /* "uprobe", "usdt"; "": none */
	char source_why[512];
};

/* ---- what follows ---- */

enum doctor_state {
	DOCTOR_GOOD,
	DOCTOR_NOTE, /* worth knowing, but no obstacle */
	DOCTOR_BAD,
};

struct doctor_check {
	char name[24];
	enum doctor_state state;
	char text[640];
	char command[sizeof(((struct failure *)NULL)->command)]; /* a command to try; "": none */
};

#define DOCTOR_CHECKS 12

struct doctor_part {
	struct doctor_check check[DOCTOR_CHECKS];
	size_t n;
};

struct doctor {
	struct doctor_machine machine;
	struct doctor_python python;
	struct doctor_part machine_part, python_part;
};

/* Fills the parts from the facts. */
void doctor__judge(struct doctor *d);
/* The first obstacle; NULL if there is none. */
const struct doctor_check *doctor__obstacle(const struct doctor *d);

/* Both return 0, or -errno if the stream has an error. */
int doctor__render_text(FILE *out, const struct doctor *d, const struct render_options *o);
int doctor__render_json(FILE *out, const struct doctor *d, const struct render_options *o);
#endif
