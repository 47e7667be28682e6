/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What this process may do, and how it gives up for good what it does not need any more. By the bare
 * system calls: they are three, and a library for them would be one more that each machine must have.
 */
#ifndef PRIVILEGE_H
#define PRIVILEGE_H

#include "core/base/capability.h"

/* The effective capabilities. */
capabilities privilege__have(void);
/* What processes that this user starts have, and what it takes to look into them without
 * CAP_SYS_PTRACE. */
capabilities privilege__of_own_processes(void);

/* The same as capability__explain(), of this process. */
bool privilege__explain(capabilities needed, struct failure *f);

/*
 * Gives up all capabilities of the calling thread, and of those that it will start, but these; where
 * possible, also for programs that are executed. What cannot be given up is kept, and the first time
 * stderr says so.
 */
void privilege__keep(capabilities set);

#endif
