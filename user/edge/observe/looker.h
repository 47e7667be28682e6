/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A process that looks into targets for gilscope: at their memory, their maps and their files. A
 * target decides how long that takes, because a page of it, or of a file, can come from a program
 * of its user (userfaultfd, FUSE). If there is no answer in time, the looker is killed, and the next
 * look gets another one; a kernel may keep a killed one until that page has come, but gilscope need
 * not wait for it, not even at its own end. The looker also parses what is hostile, with no more
 * rights than that takes, and if it dies of that, gilscope lives.
 */
#ifndef LOOKER_H
#define LOOKER_H

#include "core/base/program.h"
#include "edge/observe/native.h"
#include "edge/observe/site_search.h"
#include "edge/python/python_threads.h"

#define LOOKER_NAMES 4096

struct looker;

/* NULL if memory ran out. */
struct looker *looker__new(void);
/* Ends it. NULL is fine. */
void looker__free(struct looker *l);

/*
 * These do what the functions of the same names in python.h, site_search.h, native.h and
 * proc_maps.h do. If the process is of gilscope's own user and in no container, or the looker is NULL,
 * they call those functions directly. Otherwise they also return -ETIMEDOUT (a long: -1) with f filled if there was
 * no answer in time. The limit is shorter for a user whose processes were too slow before.
 */
int looker__inspect(struct looker *l, pid_t pid, struct python *py, struct failure *f);
long looker__switch_interval(struct looker *l, pid_t pid, const struct python *py, __u64 gil);
bool looker__is_free_threaded(struct looker *l, pid_t pid, const struct python *py);
int looker__locked(struct looker *l, pid_t pid, const struct python *py);
long looker__holder(struct looker *l, pid_t pid, const struct python *py);
long looker__switches(struct looker *l, pid_t pid, const struct python *py);
int looker__own_gils(struct looker *l, pid_t pid, const struct python *py,
		     struct python_own_gil *list, size_t max);
int looker__search(struct looker *l, const struct site_search *s, struct site_found *found,
		   struct failure *f);
bool looker__command(struct looker *l, pid_t pid, char command[PROGRAM_NAME]);
/* At most LOOKER_NAMES names. */
int looker__threads(struct looker *l, pid_t pid, const struct python *py,
		    struct python_thread_name *list);
int looker__native(struct looker *l, pid_t pid, const struct python *py, __u64 address,
		   struct native *n);
int looker__breakpoints(struct looker *l, pid_t tid, const struct site_found *sites);

/* Calls look(ctx), which looks into process pid, in a process of its own, within the same limit. What
 * ctx points to must be shared memory (MAP_SHARED). Returns 0; or -errno with f filled, and then the
 * memory may still be written to. */
int looker__aside(pid_t pid, void (*look)(void *ctx), void *ctx, struct failure *f);

#endif
