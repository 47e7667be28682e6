// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/doctor/doctor.h"
#include "core/base/format.h"

#define OLDEST_KERNEL_MAJOR 5
#define OLDEST_KERNEL_MINOR 15

__attribute__((format(printf, 5, 6))) static void add(struct doctor_part *part, const char *name,
						      enum doctor_state state, const char *command,
						      const char *fmt, ...)
{
	struct doctor_check *c = &part->check[part->n];
	va_list ap;

	if (part->n == DOCTOR_CHECKS)
		abort();
	part->n++;
	c->state = state;
	snprintf(c->name, sizeof(c->name), "%s", name);
	snprintf(c->command, sizeof(c->command), "%s", command);
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof(c->text), fmt, ap);
	va_end(ap);
}

/* Adds a failure as a check: what failed and its cause, in one sentence. */
static void add_failure(struct doctor_part *part, const char *name, const struct failure *f)
{
	add(part, name, DOCTOR_BAD, f->command, "%s%s%s", f->what, f->cause[0] ? ": " : "",
	    f->cause);
}

/* ---- the machine ---- */

static void judge_kernel(struct doctor *d)
{
	const struct doctor_machine *m = &d->machine;
	int major = 0, minor = 0;
	bool old;

	sscanf(m->release, "%d.%d", &major, &minor);
	old = major < OLDEST_KERNEL_MAJOR ||
	      (major == OLDEST_KERNEL_MAJOR && minor < OLDEST_KERNEL_MINOR);
	add(&d->machine_part, "kernel", old ? DOCTOR_BAD : DOCTOR_GOOD, old ? "uname -r" : "",
	    "Linux %s, %s%s", m->release, m->hardware,
	    old ? ": gilscope needs Linux 5.15 or later" : "");
	if (m->btf)
		add(&d->machine_part, "btf", DOCTOR_GOOD, "",
		    "the kernel's type information (BTF) can be read");
	else
		add(&d->machine_part, "btf", DOCTOR_BAD, "ls -l /sys/kernel/btf/vmlinux",
		    "there is no /sys/kernel/btf/vmlinux: the kernel was built without "
		    "CONFIG_DEBUG_INFO_BTF, or /sys is not mounted");
}

#define SETCAP "sudo setcap %s $(command -v gilscope)"

static void judge_missing(struct doctor *d, capabilities missing)
{
	const struct doctor_machine *m = &d->machine;

	add(&d->machine_part, "capabilities", DOCTOR_BAD,
	    m->root ? "docker run --privileged --pid=host ..." : "sudo gilscope doctor",
	    "missing%s: %s%s%s",
	    m->root ? ", although this is root; a container must be granted them" : "",
	    capability__names(missing & CAPABILITIES_PROBES).s,
	    missing & CAPABILITIES_OTHERS ? "; to observe processes of other users, also " : "",
	    capability__names(missing & CAPABILITIES_OTHERS).s);
}

static void judge_capabilities(struct doctor *d)
{
	const struct doctor_machine *m = &d->machine;
	capabilities needed = CAPABILITIES_PROBES | CAPABILITIES_OTHERS;
	capabilities missing = capability__missing(m->capabilities, needed);
	char command[sizeof(((struct failure *)NULL)->command)];

	if (missing & CAPABILITIES_PROBES && !m->hit) {
		judge_missing(d, missing);
	} else if (missing & CAPABILITIES_OTHERS && m->can_read) {
		needed |= capability__least(m->capabilities, CAPABILITIES_PROBES);
		snprintf(command, sizeof(command), SETCAP, capability__for_setcap(needed).s);
		add(&d->machine_part, "capabilities", DOCTOR_NOTE, command,
		    m->ptrace_scope
			    ? "to observe processes that it has not launched, gilscope needs "
			      "CAP_SYS_PTRACE, which is missing; commands that gilscope launches "
			      "do not need it"
			    : "to observe processes of other users, gilscope needs CAP_SYS_PTRACE, "
			      "which is missing; your own processes, and commands that gilscope "
			      "launches, do not need it");
	} else if (!(missing & CAPABILITIES_OTHERS)) {
		add(&d->machine_part, "capabilities", DOCTOR_GOOD, "",
		    "CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE, or a capability that includes them");
	}
}

static void judge_memory(struct doctor *d)
{
	const struct doctor_machine *m = &d->machine;

	if (m->can_read)
		return;
	if (m->ptrace_scope >= 3)
		add(&d->machine_part, "memory", DOCTOR_BAD, "sysctl kernel.yama.ptrace_scope", "%s",
		    PTRACE_SCOPE_IS_3);
	else if (capability__missing(m->capabilities, CAPABILITIES_OTHERS))
		add(&d->machine_part, "memory", DOCTOR_BAD, "sudo gilscope doctor",
		    "the memory of processes cannot be read%s; missing: %s",
		    m->ptrace_scope ? ", because of kernel.yama.ptrace_scope" : "",
		    capability__names(CAPABILITIES_OTHERS).s);
	else
		add(&d->machine_part, "memory", DOCTOR_BAD, "cat /sys/kernel/security/lsm",
		    "the memory of a child of gilscope's cannot be read: a security module, or a "
		    "seccomp filter, forbids it");
}

static void judge_namespaces(struct doctor *d)
{
	const struct doctor_machine *m = &d->machine;

	if (m->in_user_namespace)
		add(&d->machine_part, "namespaces", DOCTOR_BAD,
		    "docker run --privileged --pid=host ...",
		    "gilscope runs in its own user namespace, so its capabilities are not valid on "
		    "the machine");
	else if (m->in_pid_namespace)
		add(&d->machine_part, "namespaces", DOCTOR_BAD,
		    "docker run --privileged --pid=host ...",
		    "gilscope runs in its own PID namespace (a container), so process numbers "
		    "differ "
		    "from the kernel's");
	else
		add(&d->machine_part, "namespaces", DOCTOR_GOOD, "",
		    "gilscope is in the machine's own PID and user namespaces");
}

/* In "none [integrity] confidentiality", the word in brackets is in force. */
static void judge_lockdown(struct doctor *d)
{
	const struct doctor_machine *m = &d->machine;

	if (strstr(m->lockdown, "[confidentiality]"))
		add(&d->machine_part, "lockdown", DOCTOR_BAD, "cat /sys/kernel/security/lockdown",
		    "the kernel is in lockdown (confidentiality) and does not let programs read "
		    "what "
		    "probes need; boot with lockdown=integrity, or without lockdown");
	else
		add(&d->machine_part, "lockdown", DOCTOR_GOOD, "", "%s",
		    strstr(m->lockdown, "[integrity]")
			    ? "the kernel is in lockdown (integrity), which allows probes"
			    : "the kernel is not in lockdown");
}

static void judge_sysctls(struct doctor *d)
{
	const struct doctor_machine *m = &d->machine;

	/* It only limits users who cannot attach uprobes anyway. */
	if (m->perf_event_paranoid != INT_MIN)
		add(&d->machine_part, "perf_event_paranoid", DOCTOR_GOOD, "",
		    "%d, which does not limit processes with %s", m->perf_event_paranoid,
		    m->multi ? "CAP_PERFMON" : "CAP_SYS_ADMIN");
	if (m->bpf_jit == 0)
		add(&d->machine_part, "bpf_jit", DOCTOR_NOTE,
		    "sudo sysctl net.core.bpf_jit_enable=1",
		    "BPF programs are interpreted, not compiled, so each probe hit costs more");
}

static void judge_trial(struct doctor *d)
{
	const struct doctor_machine *m = &d->machine;

	if (m->hit)
		add(&d->machine_part, "probe", DOCTOR_GOOD, "",
		    "probes on gilscope itself, through %s, counted all of their hits; a hit "
		    "costs %s",
		    m->multi ? "uprobe_multi" : "perf events (uprobe_multi needs Linux 6.6)",
		    format_ns((__u64)m->ns_per_hit, true).s);
	else
		add_failure(&d->machine_part, "probe", &m->trial);
}

/* ---- an interpreter ---- */

static const char *answer(enum doctor_answer a, const char *yes, const char *no, const char *untold)
{
	return a == DOCTOR_YES ? yes : a == DOCTOR_NO ? no : untold;
}

static void judge_build(struct doctor *d)
{
	const struct doctor_python *p = &d->python;

	add(&d->python_part, "version", DOCTOR_GOOD, "", "CPython %s", p->version);
	add(&d->python_part, "file", DOCTOR_GOOD, "", "%s%s: %s%s%s%s%s%s", p->path,
	    p->deleted ? " (deleted or replaced since)" : "",
	    p->is_library ? "a shared library" : "an executable",
	    p->fixed_address ? " at a fixed address" : "",
	    answer(p->stripped, ", stripped", ", with symbols", ""),
	    answer(p->debug, ", a debug build", "", ""),
	    answer(p->free_threaded_build, ", a free-threaded build", "", ""),
	    answer(p->lto, ", with link-time optimization (LTO)", ", without LTO", ""));
}

static void judge_gil(struct doctor *d)
{
	const struct doctor_python *p = &d->python;
	const char *state = p->locked == 1 ? "held" : "free";

	if (p->subject == DOCTOR_FILE)
		add(&d->python_part, "gil", DOCTOR_GOOD, "", "in a process that runs it: %s",
		    p->gil_place);
	else if (p->gil_off)
		add(&d->python_part, "gil", DOCTOR_NOTE, "PYTHON_GIL=1 python3 ...",
		    "at 0x%llx, %s, and turned off: this free-threaded build runs without it, so "
		    "there "
		    "is nothing to measure until something turns it on",
		    p->gil, p->gil_place);
	else if (!p->gil)
		add(&d->python_part, "gil", DOCTOR_GOOD, "",
		    "%s; it does not exist before the first thread is started", p->gil_place);
	else
		add(&d->python_part, "gil", DOCTOR_GOOD, "",
		    "at 0x%llx, %s; %s%s%s%s at this moment", p->gil, p->gil_place,
		    p->switch_interval_us > 0 ? "switch interval " : "",
		    p->switch_interval_us > 0 ? format_interval(p->switch_interval_us, true).s : "",
		    p->switch_interval_us > 0 ? ", " : "", state);
}

static void judge_python(struct doctor *d)
{
	const struct doctor_python *p = &d->python;

	if (p->subject == DOCTOR_NO_PYTHON)
		return;
	if (p->version[0])
		judge_build(d);
	if (p->other_mounts || p->other_pids)
		add(&d->python_part, "container", DOCTOR_GOOD, "",
		    "it is in %s namespace of its own, so its files are read through /proc/%d",
		    p->other_mounts && p->other_pids ? "a mount and a PID"
		    : p->other_mounts                ? "a mount"
						     : "a PID",
		    p->pid);
	if (p->gil_place[0])
		judge_gil(d);
	if (p->source[0])
		add(&d->python_part, "source", DOCTOR_GOOD, "", "%s: %s", p->source, p->source_why);
	if (p->failure.what[0])
		add_failure(&d->python_part, "python", &p->failure);
}

void doctor__judge(struct doctor *d)
{
	d->machine_part.n = d->python_part.n = 0;
	judge_kernel(d);
	judge_capabilities(d);
	judge_memory(d);
	judge_namespaces(d);
	judge_lockdown(d);
	judge_sysctls(d);
	judge_trial(d);
	judge_python(d);
}

static const struct doctor_check *first_bad(const struct doctor_part *part)
{
	for (size_t i = 0; i < part->n; i++)
		if (part->check[i].state == DOCTOR_BAD)
			return &part->check[i];
	return NULL;
}

const struct doctor_check *doctor__obstacle(const struct doctor *d)
{
	const struct doctor_check *c = first_bad(&d->machine_part);

	return c ? c : first_bad(&d->python_part);
}
