// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What the doctor says about made-up machines and interpreters. */
#include <limits.h>

#include "core/doctor/doctor.h"
#include "golden.h"
#include "test.h"

#define ALL_CAPABILITIES 0x1ffffffffffULL

static void make_good_machine(struct doctor *d)
{
	d->machine = (struct doctor_machine){
		.release = "6.12.9-amd64",
		.hardware = "x86_64",
		.btf = true,
		.capabilities = ALL_CAPABILITIES,
		.root = true,
		.lockdown = "none [integrity] confidentiality\n",
		.perf_event_paranoid = 2,
		.bpf_jit = 1,
		.can_read = true,
		.hit = true,
		.multi = true,
		.ns_per_hit = 640,
	};
}

static void make_process(struct doctor *d)
{
	make_good_machine(d);
	d->machine.multi = false;
	d->machine.bpf_jit = 0;
	d->machine.perf_event_paranoid = INT_MIN;
	d->python = (struct doctor_python){
		.subject = DOCTOR_PROCESS,
		.pid = 4711,
		.comm = "gunicorn",
		.path = "/usr/local/lib/libpython3.13.so.1.0",
		.version = "3.13.5",
		.stripped = DOCTOR_YES,
		.lto = DOCTOR_UNTOLD,
		.is_library = true,
		.deleted = true,
		.gil_place = "in the main interpreter, at +7752",
		.other_mounts = true,
		.other_pids = true,
		.gil = 0x7f1234567008,
		.locked = 1,
		.switch_interval_us = 5000,
		.source = "uprobe",
		.source_why = "the interpreter carries no GIL probes of its own; probes go on the "
			      "condition variables of /usr/lib/x86_64-linux-gnu/libc.so.6",
	};
}

static void make_free_threaded(struct doctor *d)
{
	make_process(d);
	d->python.free_threaded_build = DOCTOR_YES;
	d->python.debug = DOCTOR_YES;
	d->python.gil_off = true;
	d->python.is_library = d->python.deleted = d->python.other_pids = false;
	d->python.lto = d->python.stripped = DOCTOR_NO;
}

static void make_file(struct doctor *d)
{
	make_good_machine(d);
	d->python = (struct doctor_python){
		.subject = DOCTOR_FILE,
		.path = "/usr/bin/python3.11",
		.version = "3.11.2",
		.stripped = DOCTOR_YES,
		.lto = DOCTOR_UNTOLD,
		.fixed_address = true,
		.gil_place = "in _PyRuntime, at +360",
		.source = "usdt",
		.source_why = "the interpreter carries GIL probes",
	};
}

static void make_unsupported(struct doctor *d)
{
	make_good_machine(d);
	d->python = (struct doctor_python){
		.subject = DOCTOR_FILE,
		.path = "/opt/py\033[31m\n/bin/python3.99",
		.version = "3.99.0",
		.stripped = DOCTOR_NO,
		.lto = DOCTOR_YES,
	};
	failure__what(&d->python.failure, "CPython 3.99.0 is not supported");
	failure__cause(&d->python.failure, "this gilscope is older");
}

/* Everything is wrong. */
static void make_hopeless(struct doctor *d)
{
	make_good_machine(d);
	strcpy(d->machine.release, "5.10.0-30-amd64");
	strcpy(d->machine.lockdown, "none integrity [confidentiality]\n");
	d->machine.btf = d->machine.hit = d->machine.root = false;
	d->machine.capabilities = 0;
	d->machine.in_user_namespace = d->machine.in_pid_namespace = true;
	failure__what(&d->machine.trial, "cannot load the BPF programs: Operation not permitted");
	failure__cause(&d->machine.trial, "loading and attaching probes needs root");
	failure__command(&d->machine.trial, "sudo gilscope ...");
}

static const struct example {
	const char *name;
	void (*make)(struct doctor *d);
	const char *obstacle; /* the check's name */
} examples[] = {
	{"doctor", make_good_machine, NULL},
	{"doctor-process", make_process, NULL},
	{"doctor-free_threaded", make_free_threaded, NULL},
	{"doctor-file", make_file, NULL},
	{"doctor-unsupported", make_unsupported, "python"},
	{"doctor-hopeless", make_hopeless, "kernel"},
};

typedef int (*render)(FILE *out, const struct doctor *d, const struct render_options *o);

static void check_rendered(const struct doctor *d, render render, const char *name,
			   const char *suffix)
{
	struct render_options o = {.width = 80, .version = "0.0.0"};
	char *text = NULL, file[64];
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int err = render(out, d, &o);

	fclose(out);
	snprintf(file, sizeof(file), "%s%s", name, suffix);
	if (err)
		free(text);
	CHECK_EQ(err, 0);
	golden_check(file, text);
}

TEST(doctor_examples)
{
	for (size_t i = 0; i < sizeof(examples) / sizeof(*examples) && !test_failure[0]; i++) {
		const struct doctor_check *obstacle;
		struct doctor d = {0};

		examples[i].make(&d);
		doctor__judge(&d);
		obstacle = doctor__obstacle(&d);
		CHECK(!obstacle == !examples[i].obstacle, "%s", examples[i].name);
		if (obstacle)
			CHECK_STR(obstacle->name, examples[i].obstacle);
		check_rendered(&d, doctor__render_text, examples[i].name, ".txt");
		if (!test_failure[0])
			check_rendered(&d, doctor__render_json, examples[i].name, ".json");
	}
}

static const struct doctor_check *check_of(const struct doctor *d, const char *name)
{
	for (size_t i = 0; i < d->machine_part.n; i++)
		if (!strcmp(d->machine_part.check[i].name, name))
			return &d->machine_part.check[i];
	return NULL;
}

TEST(doctor_memory)
{
	static const struct {
		int scope;
		unsigned long long have;
		const char *text;
	} cases[] = {
		{0, ALL_CAPABILITIES, "a security module, or a seccomp filter, forbids it"},
		{2, CAPABILITIES_PROBES,
		 "because of kernel.yama.ptrace_scope; missing: CAP_SYS_PTRACE"},
		{3, ALL_CAPABILITIES, "kernel.yama.ptrace_scope is 3"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct doctor d = {0};

		make_good_machine(&d);
		d.machine.can_read = false;
		d.machine.ptrace_scope = cases[i].scope;
		d.machine.capabilities = cases[i].have;
		doctor__judge(&d);
		CHECK(doctor__obstacle(&d) == check_of(&d, "memory"), "case %zu", i);
		CHECK(strstr(doctor__obstacle(&d)->text, cases[i].text), "it says: %s",
		      doctor__obstacle(&d)->text);
		CHECK(doctor__obstacle(&d)->command[0], "nothing to try in case %zu", i);
	}
}

TEST(doctor_capabilities)
{
	static const struct {
		unsigned long long have;
		bool root, hit;
		enum doctor_state state;
		const char *text, *command;
	} cases[] = {
		{0, false, false, DOCTOR_BAD,
		 "missing: CAP_BPF, CAP_PERFMON; to observe processes of other "
		 "users, also CAP_SYS_PTRACE",
		 "sudo gilscope doctor"},
		{1ULL << 39 | 1 << 19, true, false, DOCTOR_BAD,
		 "this is root; a container must be granted them: CAP_PERFMON", "docker run"},
		{1ULL << 21 | 1 << 19, true, true, DOCTOR_GOOD, "CAP_BPF", ""},
		{3ULL << 38 | 1 << 19, false, true, DOCTOR_GOOD, "CAP_BPF", ""},
		{3ULL << 38, false, true, DOCTOR_NOTE, "your own processes, and",
		 "sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace=ep $(command -v gilscope)"},
		{1ULL << 21, false, true, DOCTOR_NOTE, "CAP_SYS_PTRACE",
		 "sudo setcap cap_bpf,cap_perfmon,cap_sys_ptrace,cap_sys_admin=ep $("},
		/* The result of the trial counts, whatever the cause is. */
		{1ULL << 19, false, true, DOCTOR_GOOD, "a capability that includes them", ""},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct doctor_check *c;
		struct doctor d = {0};

		make_good_machine(&d);
		d.machine.capabilities = cases[i].have;
		d.machine.root = cases[i].root;
		d.machine.hit = cases[i].hit;
		doctor__judge(&d);
		c = check_of(&d, "capabilities");
		CHECK(c && c->state == cases[i].state, "case %d", (int)i);
		CHECK(strstr(c->text, cases[i].text), "%.200s", c->text);
		CHECK(!strncmp(c->command, cases[i].command, strlen(cases[i].command)), "%.200s",
		      c->command);
		CHECK(cases[i].command[0] || !c->command[0], "case %d", (int)i);
	}
}

TEST(doctor_kernels)
{
	static const struct {
		const char *release;
		enum doctor_state state;
	} cases[] = {
		{"5.15.0", DOCTOR_GOOD}, {"6.1.0-30-amd64", DOCTOR_GOOD}, {"10.0", DOCTOR_GOOD},
		{"5.14.99", DOCTOR_BAD}, {"4.19.0", DOCTOR_BAD},          {"", DOCTOR_BAD},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct doctor d = {0};

		make_good_machine(&d);
		strcpy(d.machine.release, cases[i].release);
		doctor__judge(&d);
		CHECK(check_of(&d, "kernel")->state == cases[i].state, "%s", cases[i].release);
	}
}

TEST_MAIN
