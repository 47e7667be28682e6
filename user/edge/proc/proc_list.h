/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lists the machine's processes, from /proc. */
#ifndef PROC_LIST_H
#define PROC_LIST_H

#include <stdbool.h>
#include <sys/types.h>

/* Calls visit for each process except this one. */
void proc_list__each(void (*visit)(void *ctx, pid_t pid), void *ctx);
/* Returns a numeric field of /proc/PID/status, such as "PPid"; -1 if it cannot be read. */
long proc_list__status(pid_t pid, const char *field);

/* 1 if the process is in the same namespace of this kind ("mnt", "user") as gilscope, 0 if not, -1 if that
 * cannot be known. */
int proc_list__shares_namespace(pid_t pid, const char *kind);

/* True if the process runs in the memory of its parent, as between vfork and exec. False if that cannot
 * be known. */
bool proc_list__borrows_memory(pid_t pid);

/* True if the process has ended: it is gone, or a zombie without threads, or its number is another
 * process's by now. *start is 0 at the first call for a process, and is kept for the next. */
bool proc_list__is_over(pid_t pid, unsigned long long *start);

#endif
