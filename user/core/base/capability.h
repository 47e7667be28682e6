/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which capabilities what takes, and what to say when they are missing. A set has a bit for each, as
 * in linux/capability.h. Pure: privilege.c has those of this process.
 */
#ifndef CAPABILITY_H
#define CAPABILITY_H

#include <linux/capability.h>
#include <stdbool.h>

#include "core/base/failure.h"

/* Linux 5.8 and 5.9; not in older headers. */
#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#define CAP_BPF     39
#endif
#ifndef CAP_CHECKPOINT_RESTORE
#define CAP_CHECKPOINT_RESTORE 40
#endif

typedef unsigned long long capabilities;

#define CAPABILITY(number) (1ULL << (number))

/* To load the BPF programs, and to attach them. Where each probe is a perf event, most kernels want
 * CAP_SYS_ADMIN besides. */
#define CAPABILITIES_PROBES (CAPABILITY(CAP_BPF) | CAPABILITY(CAP_PERFMON))
/* To look into processes of other users. */
#define CAPABILITIES_OTHERS CAPABILITY(CAP_SYS_PTRACE)
/* To open files that a process has mapped, even if they are deleted or their folder is private. */
#define CAPABILITIES_MAPPED (CAPABILITY(CAP_CHECKPOINT_RESTORE) | CAPABILITY(CAP_DAC_READ_SEARCH))
/* To write, replace and remove files of other users: a root without these cannot. */
#define CAPABILITIES_FILES                                                                         \
	(CAPABILITY(CAP_DAC_OVERRIDE) | CAPABILITY(CAP_DAC_READ_SEARCH) | CAPABILITY(CAP_FOWNER))
/* To pass a signal on to a command that runs as another user. */
#define CAPABILITIES_SIGNALS CAPABILITY(CAP_KILL)

/* What is needed and not there. CAP_SYS_ADMIN includes some others. */
capabilities capability__missing(capabilities have, capabilities needed);
/* The least of what is there that serves the need as well as all of it. */
capabilities capability__least(capabilities have, capabilities needed);

struct capability_names {
	char s[160];
};

/* "CAP_BPF, CAP_PERFMON"; of those that gilscope ever names. */
struct capability_names capability__names(capabilities set);
/* "cap_bpf,cap_perfmon=ep", as setcap(8) takes it. */
struct capability_names capability__for_setcap(capabilities set);

/* Fills the cause and the command if something is missing; false if nothing is. */
bool capability__explain(capabilities have, bool root, capabilities needed, struct failure *f);

#endif
