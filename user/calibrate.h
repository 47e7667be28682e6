/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A trial on gilscope itself, before any target is touched: a lock laid out as CPython lays out its
 * GIL is taken and released under the real probes. It shows that the probes work on this kernel,
 * and what a hit costs.
 */
#ifndef CALIBRATE_H
#define CALIBRATE_H

#include "probe.h"

/*
 * 0 with *ns_per_hit set to what one hit of a probe adds to the caller, in ns: the trap and the
 * model, for an acquisition or a release without waiters. May change p to use perf events. -ENOTSUP
 * or another -errno with f filled if the probes do not work here.
 */
int calibrate(struct probe *p, long *ns_per_hit, struct failure *f);

#endif
