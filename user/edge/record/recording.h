/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * `gilscope record`, started from inside the dashboard: a process of its own with probes of its own,
 * so that neither waits for the other. It ends with the dashboard, even if that is killed.
 */
#ifndef RECORDING_H
#define RECORDING_H

#include <linux/types.h>
#include <sys/types.h>

#include "core/figures/snapshot.h"

struct recording {
	pid_t pid; /* 0: none */
	__u64 start_ns;
	char path[64];
};

/* Begins to record the processes of s that still run. 0 or -errno. */
int recording__start(struct recording *r, const struct snapshot *s);
/* Ends it; waits until the file is whole. 0, or -EIO if the recorder had failed. */
int recording__stop(struct recording *r);
/* True if it has ended by itself, since the last call; `status` as of wait. */
bool recording__has_ended(struct recording *r, int *status);

#endif
