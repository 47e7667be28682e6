// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Finds the kernel's features, by trying and not by its version, because distributions backport
 * features into older kernels. Also explains, in the kernel's own words, why it rejected a program.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "edge/proc/privilege.h"
#include "edge/kernel/probe_private.h"

#define TYPE_INFORMATION "/sys/kernel/btf/vmlinux"

/* ---- what libbpf prints ---- */

/* The last rejection. It is static because libbpf's print function gets no context. */
static struct {
	char program[64];
	char said[300]; /* the last meaningful line of the verifier's log */
} rejection;

/* Keeps the last line before `end` that is not one of the verifier's statistics. */
static void keep_last_line(const char *log, const char *end)
{
	while (end > log) {
		const char *line = end;

		while (line > log && line[-1] != '\n')
			line--;
		if (line < end && strncmp(line, "processed ", 10) != 0 && *line != '-') {
			snprintf(rejection.said, sizeof(rejection.said), "%.*s", (int)(end - line),
				 line);
			return;
		}
		end = line > log ? line - 1 : log;
	}
}

static void keep_rejection(const char *text)
{
	const char *log = strstr(text, "-- BEGIN PROG LOAD LOG --");
	const char *end = log ? strstr(log, "-- END PROG LOAD LOG --") : NULL;

	if (!end || sscanf(text, "libbpf: prog '%63[^']'", rejection.program) != 1)
		return;
	rejection.said[0] = '\0';
	keep_last_line(strchr(log, '\n') ?: log, end);
}

static int hear(enum libbpf_print_level level, const char *fmt, va_list ap, bool aloud)
{
	char *text;

	if (level == LIBBPF_DEBUG || vasprintf(&text, fmt, ap) < 0)
		return 0;
	keep_rejection(text);
	if (aloud)
		fputs(text, stderr);
	free(text);
	return 0;
}

static int quiet(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return hear(level, fmt, ap, false);
}

static int loud(enum libbpf_print_level level, const char *fmt, va_list ap)
{
	return hear(level, fmt, ap, true);
}

void probe_kernel__listen(bool aloud)
{
	rejection.program[0] = rejection.said[0] = '\0';
	libbpf_set_print(aloud ? loud : quiet);
}

/* ---- features ---- */

static bool has_member(const struct btf *btf, const char *type, const char *member)
{
	__s32 id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);
	const struct btf_type *t = id < 0 ? NULL : btf__type_by_id(btf, id);

	for (int i = 0; t && i < btf_vlen(t); i++)
		if (!strcmp(btf__name_by_offset(btf, btf_members(t)[i].name_off), member))
			return true;
	return false;
}

static bool has_function(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC) >= 0;
}

static void refuse_private_stacks(struct failure *f)
{
	failure__what(f, "BPF programs on uprobes are not safe on this kernel, so none was loaded");
	failure__cause(f,
		       "it gives BPF programs private stacks, which preemption mixes up, but lacks "
		       "bpf_preempt_disable() (Linux 6.10), which prevents that");
	failure__command(f, "uname -r");
}

int probe_kernel__look(struct probe_kernel *k, struct failure *f)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool private_stacks;

	memset(k, 0, sizeof(*k));
	if (!btf)
		return -errno;
	k->preempt_off =
		has_function(btf, "bpf_preempt_disable") && has_function(btf, "bpf_preempt_enable");
	private_stacks = has_member(btf, "bpf_prog_aux", "priv_stack_ptr");
	btf__free(btf);
	if (k->preempt_off || !private_stacks)
		return 0;
	refuse_private_stacks(f);
	return -ENOTSUP;
}

static bool has_attach_cookie(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_attach_cookie, NULL) != 0;
}

static bool has_current_task(void)
{
	return libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_get_current_task_btf, NULL) !=
	       0;
}

static bool has_ring(void)
{
	return libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL) != 0;
}

/* Atomic operations that return the old value. */
static bool has_fetch(void)
{
	const struct bpf_insn program[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_STX | BPF_MEM | BPF_DW,
		 .dst_reg = BPF_REG_10,
		 .src_reg = BPF_REG_0,
		 .off = -8},
		{.code = BPF_STX | BPF_ATOMIC | BPF_DW,
		 .dst_reg = BPF_REG_10,
		 .src_reg = BPF_REG_0,
		 .off = -8,
		 .imm = BPF_ADD | BPF_FETCH},
		{.code = BPF_JMP | BPF_EXIT},
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_SOCKET_FILTER, NULL, "GPL", program,
			       sizeof(program) / sizeof(*program), NULL);

	if (fd >= 0)
		close(fd);
	return fd >= 0 || errno == EPERM;
}

static bool has_task_state(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	bool yes = btf && has_member(btf, "task_struct", "__state");

	btf__free(btf);
	return yes;
}

/* What the programs need, and the first Linux that has it. */
static const struct {
	const char *name;
	bool (*is_there)(void);
} needs[] = {
	{"BPF ring buffers (Linux 5.8)", has_ring},
	{"bpf_get_current_task_btf() (Linux 5.11)", has_current_task},
	{"BPF atomic operations with a result (Linux 5.12)", has_fetch},
	{"task_struct.__state (Linux 5.14)", has_task_state},
	{"bpf_get_attach_cookie() (Linux 5.15)", has_attach_cookie},
};

/* Lists what is missing; "" if nothing is. */
static void list_missing(char *text, size_t size)
{
	size_t n = 0;

	text[0] = '\0';
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]) && n < size; i++)
		if (!needs[i].is_there())
			n += snprintf(text + n, size - n, "%s%s", n ? ", " : "", needs[i].name);
}

/* ---- why it could not be loaded ---- */

/* If the kernel lacks a function, libbpf before 1.3 searches all modules for it. That needs
 * CAP_SYS_ADMIN, and libbpf gives up without it. */
static capabilities needed_to_load(void)
{
	bool old = libbpf_major_version() == 1 && libbpf_minor_version() < 3;
	struct probe_kernel k;

	if (old && !probe_kernel__look(&k, NULL) && !k.preempt_off)
		return CAPABILITIES_PROBES | CAPABILITY(CAP_SYS_ADMIN);
	return CAPABILITIES_PROBES;
}

static bool is_confidential(void)
{
	char text[64] = "";
	FILE *file = fopen("/sys/kernel/security/lockdown", "re");
	bool yes;

	if (!file)
		return false;
	yes = fgets(text, sizeof(text), file) && strstr(text, "[confidentiality]");
	fclose(file);
	return yes;
}

static void explain_kernel(struct failure *f)
{
	char missing[300];
	struct utsname name;

	probe_kernel__listen(false);
	list_missing(missing, sizeof(missing));
	if (missing[0]) {
		failure__what(f, "cannot load the BPF programs: this kernel lacks %s", missing);
		failure__cause(
			f, "the kernel is older than Linux 5.15, and lacks what the programs need");
		failure__command(f, "uname -r");
		return;
	}
	if (uname(&name))
		name.release[0] = '\0';
	failure__cause(f,
		       "gilscope's programs do not suit this kernel; please report this "
		       "message, with Linux %s and %s",
		       name.release, name.machine);
	failure__command(f, "gilscope stat --verbose -- true 2> load.log");
}

int probe_kernel__explain(int err, struct failure *f)
{
	char program[sizeof(rejection.program)], said[sizeof(rejection.said)];

	strcpy(program, rejection.program);
	strcpy(said, rejection.said);
	if (said[0])
		failure__what(
			f, "cannot load the BPF programs: %s: the kernel's verifier rejects %s: %s",
			strerror(-err), program, said);
	else
		failure__what(f, "cannot load the BPF programs: %s", strerror(-err));
	if (access(TYPE_INFORMATION, R_OK)) {
		failure__cause(f, "this kernel has no type information (" TYPE_INFORMATION
				  "); all large "
				  "distributions build theirs with CONFIG_DEBUG_INFO_BTF=y");
		failure__command(f, "ls -l " TYPE_INFORMATION);
	} else if (is_confidential()) {
		failure__cause(f,
			       "the kernel is locked down (confidentiality): BPF programs may not "
			       "read memory");
		failure__command(f, "cat /sys/kernel/security/lockdown");
	} else if (privilege__explain(needed_to_load(), f)) {
		return err;
	} else if (err == -EPERM) {
		failure__cause(f, "a security module forbids it");
		failure__command(f, "cat /sys/kernel/security/lsm");
	} else if (err == -EMFILE) {
		failure__cause(f, "the limit on open files is too low");
		failure__command(f, "ulimit -n 1024");
	} else {
		explain_kernel(f);
	}
	return err;
}

/* ---- rights ---- */

/* Linux 6.16, and older kernels that are still maintained, require CAP_SYS_ADMIN for a uprobe that
 * is a perf event (CVE-2025-38466), and nothing for one by uprobe_multi. */
static capabilities needed_to_attach(bool multi)
{
	return multi ? 0 : CAPABILITIES_PROBES | CAPABILITY(CAP_SYS_ADMIN);
}

/* Always those for perf events: when the thread that probes are bound to ends, a perf event binds
 * them to another one. */
capabilities probe__needs(void)
{
	return needed_to_attach(false);
}

void probe_kernel__explain_refusal(bool multi, struct failure *f)
{
	if (privilege__explain(needed_to_attach(multi), f))
		return;
	failure__cause(f, "the kernel is locked down, or a security module forbids it");
	failure__command(f, "cat /sys/kernel/security/lockdown");
}
