/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A trial on gilscope itself, before any target is touched: a lock laid out like CPython's GIL is
 * taken and released under the real probes. This shows whether the probes work on this kernel, and
 * what a hit costs.
 */
#ifndef CALIBRATE_H
#define CALIBRATE_H

#include "edge/kernel/probe.h"

/*
 * Returns 0 with *ns_per_hit set to what one hit of a probe adds to the caller, in ns: the trap and
 * the model, for an acquisition or a release without waiters. May switch p to perf events. Returns
 * -ENOTSUP or another -errno with f filled if the probes do not work here.
 */
int calibrate(struct probe *p, long *ns_per_hit, struct failure *f);

/* Measures only the cost of a hit, in ns, of the USDT probes that an interpreter carries. gilscope
 * carries some of its own to try them on. Sets -1 on failure. */
void calibrate_usdt(struct probe *p, long *ns_per_hit);

/*
 * From Linux 6.18 on the kernel turns a probe on a 5-byte nop into a call to a page that it maps
 * into the process. On 6.18 a child made by fork has the call but not the page, so it crashes at
 * its first hit (measured on 6.18.44). Returns true if a child of gilscope itself survives here.
 */
bool calibrate_fork(struct probe *p);

/*
 * Returns true if uprobe_multi links keep working when the main thread of their process has ended
 * and other threads live on; they do so only while the breakpoints are in place, see
 * process_bind.c.
 */
bool calibrate_outlives(struct probe *p);

#endif
