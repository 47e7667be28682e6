/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which capabilities each task needs, and what to report when some are missing. A set has one bit
 * per capability, as in linux/capability.h. Pure: privilege.c reads those of this process.
 */
#ifndef CAPABILITY_H
#define CAPABILITY_H

#include <linux/capability.h>
#include <stdbool.h>

#include "core/base/failure.h"

/* Since Linux 5.8 and 5.9; older headers lack them. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF     39
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

typedef unsigned long long capabilities;

#define CAPABILITY(number) (1ULL << (number))

/* For loading and attaching the BPF programs. Where each probe is a perf event, most kernels
 * require CAP_SYS_ADMIN as well. */
#define CAPABILITIES_PROBES (CAPABILITY(CAP_BPF) | CAPABILITY(CAP_PERFMON))
/* For looking into processes of other users. */
#define CAPABILITIES_OTHERS CAPABILITY(CAP_SYS_PTRACE)
/* For opening files that a process has mapped, even if they are deleted or in a private folder. */
#define CAPABILITIES_MAPPED (CAPABILITY(CAP_CHECKPOINT_RESTORE) | CAPABILITY(CAP_DAC_READ_SEARCH))
/* For writing, replacing and removing files of other users: a root without these cannot. */
#define CAPABILITIES_FILES                                                                         \
	(CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_DAC_READ_SEARCH) | CAPABILITY(CAP_FOWNER))
/* For passing a signal on to a command that runs as another user. */
#define CAPABILITIES_SIGNALS CAPABILITY(CAP_KILL)

/* The needed capabilities that are not there. CAP_SYS_ADMIN includes some others. */
capabilities capability__missing(capabilities have, capabilities needed);
/* The smallest part of `have` that serves the need as well as all of it. */
capabilities capability__least(capabilities have, capabilities needed);

struct capability_names {
	char s[160];
};

/* "CAP_BPF, CAP_PERFMON". Lists only capabilities that gilscope ever names. */
struct capability_names capability__names(capabilities set);
/* "cap_bpf,cap_perfmon=ep", as setcap(8) takes it. */
struct capability_names capability__for_setcap(capabilities set);

/* Why nothing can be observed with the sysctl kernel.yama.ptrace_scope at 3. */
#define PTRACE_SCOPE_IS_3                                                                          \
	"kernel.yama.ptrace_scope is 3, which forbids everybody to look into processes until the " \
	"machine is restarted"

/* If something is missing, fills the cause and the command, and returns true. */
bool capability__explain(capabilities have, bool root, capabilities needed, struct failure *f);

#endif
