/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel says about one thread of another process. */
#ifndef PROC_TASK_H
#define PROC_TASK_H

#include <stdbool.h>
#include <sys/types.h>

struct proc_task {
	char state;         /* as in /proc/PID/stat: 'R' runs or could, 'S' and 'D' sleep */
	bool exits;         /* it has begun to */
	long long switches; /* how often it has left a CPU */
};

/* False if there is no such thread. */
bool proc_task__read(pid_t pid, pid_t tid, struct proc_task *t);

/* The number of the system call in which the thread sleeps; -1 if it runs, or if that is not known. */
int proc_task__syscall(pid_t pid, pid_t tid);

/* The thread's number in its own pid namespace; -1 if that is not known. */
long proc_task__own_number(pid_t pid, long tid);

/* The address of the word on which the thread sleeps in futex; 0 if it does not, or if that is not known. */
unsigned long long proc_task__futex(pid_t pid, pid_t tid);

/* Calls `each` with the number of each thread of the process, up to `most` threads, until it returns
 * false. */
void proc_task__each(pid_t pid, int most, bool (*each)(void *ctx, pid_t tid), void *ctx);

/* The number, in gilscope's pid namespace, of the thread of process pid that has the number `tid` in
 * its own; -1 if there is none. */
long proc_task__host_number(pid_t pid, long tid);

#endif
