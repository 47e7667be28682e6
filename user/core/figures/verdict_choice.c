// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Which of its words a verdict is told in, where that hangs on a figure. */
#include "core/figures/verdict.h"

/* From this share on, a finding gets a sentence of its own beside another verdict. */
#define ASIDE 0.10
/* A GIL held for so much of the time has no room for another thread. */
#define HELD_SATURATED 0.80
/* Of a hold that is so many times as long as the longest wait, most was not waited for. */
#define HOLD_UNHEEDED 2
/* What has been told is told until its figure is below so much of that. */
#define KEPT 0.7

static unsigned int from(double share, double least, unsigned int choice, unsigned int before)
{
	return share >= (before & choice ? KEPT * least : least) ? choice : 0;
}

unsigned int verdict__choices(const struct verdict *v, unsigned int before)
{
	return VERDICT_CHOSEN | (v->others ? VERDICT_TELLS_OTHERS : 0) |
	       (v->brief.count && v->brief.tid ? VERDICT_TELLS_BRIEF : 0) |
	       (v->small_turns ? VERDICT_TELLS_SMALL_TURNS : 0) |
	       (v->computing ? VERDICT_TELLS_COMPUTING : 0) |
	       (v->contended_ratio > 0 ? VERDICT_TELLS_WAITS : 0) |
	       from(v->contended_ratio, ASIDE, VERDICT_TELLS_CONTENDED, before) |
	       from(v->asleep_share, ASIDE, VERDICT_TELLS_ASLEEP, before) |
	       from(v->stopped_share, ASIDE, VERDICT_TELLS_STOPPED, before) |
	       from(v->preempted_share, ASIDE, VERDICT_TELLS_PREEMPTED, before) |
	       from(v->unscheduled_share, ASIDE, VERDICT_TELLS_UNSCHEDULED, before) |
	       from(v->longest_wait_ns ? (double)v->front.longest_ns / (double)v->longest_wait_ns
				       : 0,
		    HOLD_UNHEEDED, VERDICT_TELLS_LONGEST_WAIT, before) |
	       from(v->held_ratio, HELD_SATURATED, VERDICT_TELLS_SATURATED, before);
}
