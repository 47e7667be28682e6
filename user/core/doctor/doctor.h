/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What `gilscope doctor` has found: facts about the machine and about one interpreter, what follows
 * from each, and what to do about it. Pure: doctor_look.c gathers the facts.
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
	bool in_user_namespace, in_pid_namespace; /* not in the machine's first one */
	char lockdown[128];                       /* /sys/kernel/security/lockdown; "": none */
	int perf_event_paranoid, bpf_jit;         /* sysctls; INT_MIN: cannot be read */
	/* The trial: a probe on gilscope itself */
	bool hit, multi;
	long ns_per_hit;
	bool fork_is_safe; /* an interpreter's own GIL probes do no harm to children made by fork */
	struct failure trial; /* why it failed */
};

enum doctor_subject {
	DOCTOR_NO_PYTHON, /* nobody has asked */
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
	char path
		[4096]; /* of the file that holds the interpreter, or, if there is none, as asked */
	struct failure failure; /* why it cannot be observed; what[0] is 0 if it can */

	/* Known if version[0] */
	char version[32];
	enum doctor_answer debug, free_threaded_build, stripped, lto;
	bool is_library, fixed_address;
	bool deleted;        /* the file was deleted or replaced */
	char gil_place[160]; /* where the GIL is, in words */

	/* Of a process: */
	bool other_mounts, other_pids; /* its namespaces are not gilscope's */
	unsigned long long gil;        /* 0: not known */
	bool gil_off;
	int locked;
	long switch_interval_us;

	char source[16]; /* "uprobe", "usdt"; "": none */
	char source_why[512];
};

/* ---- what follows ---- */

enum doctor_state {
	DOCTOR_GOOD,
	DOCTOR_NOTE, /* worth knowing, and no obstacle */
	DOCTOR_BAD,
};

struct doctor_check {
	char name[24];
	enum doctor_state state;
	char text[640];
	char command[256]; /* what to try; "": nothing */
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
/* The first obstacle; NULL: there is none. */
const struct doctor_check *doctor__obstacle(const struct doctor *d);

/* 0 or -errno. */
int doctor__render_text(FILE *out, const struct doctor *d, const struct render_options *o);
int doctor__render_json(FILE *out, const struct doctor *d, const struct render_options *o);
#endif
