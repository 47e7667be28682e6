/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The capabilities of this process, and how it gives up for good those it no longer needs. This
 * uses the bare system calls: there are only three of them, and a library would be one more that
 * every machine must have.
 */
#ifndef PRIVILEGE_H
#define PRIVILEGE_H

#include "core/base/capability.h"

/* The effective capabilities. */
capabilities privilege__have(void);
/* The capabilities of processes that this user starts, which are what is needed to look into them
 * without CAP_SYS_PTRACE. */
capabilities privilege__of_own_processes(void);

/* Calls capability__explain() for this process. */
bool privilege__explain(capabilities needed, struct failure *f);

/*
 * Gives up all capabilities of the calling thread, and of the threads it will start, except those
 * in `set`; if possible, also for programs that it executes. If this fails, the capabilities are
 * kept, and the first time a message goes to stderr.
 */
void privilege__keep(capabilities set);

/* What the Yama security module lets a process do to others: the sysctl kernel.yama.ptrace_scope, or 0
 * without Yama. From 1 on, only a process's descendants can be looked into without CAP_SYS_PTRACE;
 * from 2 on, nothing can; from 3 on, nothing can even with it. */
int privilege__ptrace_scope(void);

/* Clears the ambient capabilities, which a program would get that this process executes, whether or
 * not it asks for any. Returns 0 or -errno. */
int privilege__clear_ambient(void);

#endif
