/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A verdict that is shown again and again, each time about the last seconds. The one that is shown
 * changes only to one that has held for some seconds, so that a moment between two states of the
 * program, or between two kinds of verdict that nearly fit, does not make it flicker. In the first
 * seconds it follows at once, because a program that starts soon does something else. The same goes
 * for what is told beside the cause.
 */
#ifndef VERDICT_STEADY_H
#define VERDICT_STEADY_H

#include "core/figures/verdict.h"

struct verdict_steady {
	struct verdict shown;
	struct verdict next;
	__u64 id;       /* what the verdict is about; 0: all GILs */
	__u64 now;      /* when it was last asked for; 0: never */
	__u64 begin_ns; /* when the first verdict about it was shown */
	__u64 since_ns; /* since when `next` has been found */
	/* the same for choices of words */
	unsigned int choices;
	unsigned int next_choices;
	__u64 choices_ns;
	/* what is told until a choice changes, even if it was not found in between */
	struct verdict_threads brief;
	size_t others;
};

/* The verdict to show at `now` (ns), when v is found about `id`. Figures are those of v if it says
 * the same as the one that was shown, otherwise of the last one that did. */
const struct verdict *verdict_steady__next(struct verdict_steady *s, const struct verdict *v,
					   __u64 id, __u64 now);

#endif
