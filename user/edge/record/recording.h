/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * `gilscope record`, started from inside the dashboard. It is a separate process with its own
 * probes, so that neither waits for the other. It ends when the dashboard does, even if that is
 * killed.
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

/* Starts recording the processes in s that still run. Returns 0 or -errno. */
int recording__start(struct recording *r, const struct snapshot *s);
/* Ends the recording and waits until the file is complete. Returns 0, or -EIO if the recorder
 * failed. */
int recording__stop(struct recording *r);
/* True if the recorder has ended by itself since the last call; *status is then its wait(2)
 * status. */
bool recording__has_ended(struct recording *r, int *status);

#endif
