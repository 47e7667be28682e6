/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A trial on gilscope itself, before any target is touched: a lock laid out as CPython lays out its
 * GIL is taken and released under the real probes. It shows that the probes work on this kernel,
 * and what a hit costs.
 */
#ifndef CALIBRATE_H
#define CALIBRATE_H

#include "edge/kernel/probe.h"

/*
 * 0 with *ns_per_hit set to what one hit of a probe adds to the caller, in ns: the trap and the
 * model, for an acquisition or a release without waiters. May change p to use perf events. -ENOTSUP
 * or another -errno with f filled if the probes do not work here.
 */
int calibrate(struct probe *p, long *ns_per_hit, struct failure *f);

/* The cost alone, of the probes that an interpreter has itself; gilscope carries some of its own to
 * try them on. -1 if that fails. */
void calibrate_usdt(struct probe *p, long *ns_per_hit);

/*
 * From Linux 6.18 on the kernel turns a probe on a 5-byte nop into a call to a page that it maps into
 * the process. A child made by fork has the call, but, on 6.18, not the page: it crashes at its first
 * hit (measured on 6.18.44). True if a child of gilscope itself survives it here.
 */
bool calibrate_fork(struct probe *p);

/*
 * True if uprobe_multi links go on when the main thread of their process has ended and others have not;
 * as long as the breakpoints are there, see process_bind.c.
 */
bool calibrate_outlives(struct probe *p);

#endif
