/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* report --verify: is the replay exact? */
#ifndef REPORT_VERIFY_H
#define REPORT_VERIFY_H

#include "core/replay/replay.h"

/* Replays all of r, which was opened from `path`, and compares its figures with those that the kernel kept.
 * Prints what was found. Returns the exit status: 0 if they are equal, 1 if not; another one with f
 * filled if they cannot be compared. */
int report_verify(struct replay *r, const char *path, struct failure *f);

#endif
