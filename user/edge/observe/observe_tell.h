/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the session says to people, on standard error. */
#ifndef OBSERVE_TELL_H
#define OBSERVE_TELL_H

#include "core/base/failure.h"
#include "edge/observe/target.h"

/* Edges count from now on; people and scripts wait for this line. It is not printed for a launched
 * command, so as not to mix with its output. `limited`: the observation ends by itself. */
void observe_tell__begin(const struct target *t, const struct target_spec *o, bool limited);
/* A line that is drawn again and again: how much of a time is over, in ns; and the end of it. */
void observe_tell__progress(__u64 elapsed, __u64 whole);
void observe_tell__progress_end(void);
/* Why nothing was observed. */
void observe_tell__nothing(const struct target *t, const struct target_spec *spec,
			   struct failure *f);

#endif
