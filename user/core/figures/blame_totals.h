/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The exact figures of a GIL that its functions add up to. */
#ifndef BLAME_TOTALS_H
#define BLAME_TOTALS_H

#include "core/figures/snapshot.h"

/* Of g, a GIL of p, up to the end of its observation. Its threads must be there, but not their sum. */
struct blame_totals blame_totals__of(const struct snapshot_process *p,
				     const struct snapshot_gil *g);

/* Sets g->functions from g->samples, if there are any. 0 or -ENOMEM. */
int blame_totals__functions(const struct snapshot_process *p, struct snapshot_gil *g);

#endif
