/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files of a process share: process.c attaches and traces, process_interpreters.c has its
 * GILs, process_report.c reports. */
#ifndef PROCESS_PRIVATE_H
#define PROCESS_PRIVATE_H

#include "edge/observe/process.h"

/* True if the process has executed another program, and the event is still on its way. The kernel's
 * record then belongs to the new program, which may even be the same one with its GIL at the same
 * address. */
bool process__was_replaced(const struct process *p, const struct gil_process *record);

/* True if samples of the code that has its GILs are taken. */
bool process__is_sampled(const struct process *p);

/* Adds a GIL whose record is at index `lock`. The process owns it. NULL if memory ran out. */
struct process_gil *process__add_gil(struct process *p, int lock, __u64 address, long interpreter);
/* Adds a GIL that no edge has shown yet. The kernel does not use it before process__enter_gil.
 * Returns 0 or -errno. */
int process__new_gil(struct process *p, __u64 address, long interpreter);
/* Takes that back. */
void process__drop_new_gil(struct process *p);
/* Makes the edges of the GIL that was added last count from now on. */
void process__enter_gil(struct process *p, struct gil_process_lock *slot);

/* Finds out which thread has the GIL that was added last, and follows it, before its edges count. NULL
 * if nobody has it, or it is not known. The second one is called once they count. */
struct gil_thread *process__find_holder(struct process *p);
/* `g`: an index in p->gils. */
void process__confirm_holder(struct process *p, size_t g, struct gil_thread *t);
/* The same for the threads that wait for it, except the holder that was found, which may be NULL. The
 * second one returns how many do. */
void process__find_waiters(struct process *p, const struct gil_thread *holder);
unsigned int process__confirm_waiters(struct process *p, size_t g);
/* Gives back the records of all of these, for a GIL whose edges never came to count. */
void process__forget_found(struct process *p);

/* Finds the sub-interpreters that have come and gone since the last look. */
void process__look_at_interpreters(struct process *p);

#endif
