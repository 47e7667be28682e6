/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How the threads of a GIL behave. The verdict judges groups, not single threads: a server may
 * start a thread for each request, of which none waits for long, but all of them do.
 */
#ifndef VERDICT_GROUP_H
#define VERDICT_GROUP_H

#include "core/figures/verdict.h"

/* The threads that came and went while the GIL was observed: a server may start one for each
 * request. Each by itself has done too little to show how it behaves, so they are judged as one. */
struct verdict_passing {
	size_t count;          /* 0: there are none, or not enough */
	struct gil_thread all; /* their sum; of a thread, it has the figures only */
};

/* A GIL as the verdict looks at it. */
struct verdict_look {
	const struct snapshot_process *process;
	const struct snapshot_gil *gil;
	__u64 now;         /* the end of its observation */
	double observed;   /* ns */
	__u64 interval_ns; /* its switch interval */
	__u64 stopped_ns;  /* for how long whoever held it was stopped */
	double row;        /* how many threads wait, on average, while any does; at least 1 */
	struct verdict_passing passing; /* after verdict_look__passing */
};

/* The threads that need the GIL only briefly, or the others, as far as they wait. */
struct verdict_class {
	struct verdict_threads threads;
	double waited; /* ns, by all of them */
	double loss;   /* the most share of the time that one waits; passing ones count as one */
	size_t rows;   /* threads that wait at all */
	__u64 waits;   /* how many */
	__u64 median;  /* of their waits */
};

/* The sum over threads that is needed for the choice of a group: a getter for one of them. */
typedef __u64 verdict_key(const struct verdict_look *l, const struct gil_thread *t);

/* The time that the thread waited, its open wait included. */
__u64 verdict_key__waited(const struct verdict_look *l, const struct gil_thread *t);
/* The time in its holds while others waited; the time in its holds if that is not known. */
__u64 verdict_key__waited_for(const struct verdict_look *l, const struct gil_thread *t);
/* The part of it asleep, and the time that it went on after others had asked. */
__u64 verdict_key__asleep(const struct verdict_look *l, const struct gil_thread *t);
__u64 verdict_key__overdue(const struct verdict_look *l, const struct gil_thread *t);

/* Finds the threads that come and go. The other members of `l` must be set. */
void verdict_look__passing(struct verdict_look *l);

/* False for a file of an earlier version, which lacks the counters behind these keys. */
bool verdict_look__has_counters(const struct verdict_look *l);

/* True if the thread has enough to do to keep the GIL for a good part of the switch interval. */
bool verdict_thread__is_brief(const struct verdict_look *l, const struct gil_thread *t);
/* True for a thread that keeps the GIL for long, and lets go only when asked. */
bool verdict_thread__is_in_front(const struct verdict_look *l, const struct gil_thread *t);

/* Makes this thread the one that is named. */
void verdict_threads__name(struct verdict_threads *v, const struct gil_thread *t);

/* The sum over all threads. */
__u64 verdict_sum(const struct verdict_look *l, verdict_key *key);

/* The group with the most of `key`: all threads that have at least half of the mean, or all that
 * come and go, if these have more than the others together. `in`: only these threads; NULL: all. */
struct verdict_threads verdict_group(const struct verdict_look *l, verdict_key *key,
				     bool (*in)(const struct verdict_look *l,
						const struct gil_thread *t));

/* The brief threads that wait, or the others. */
struct verdict_class verdict_class(const struct verdict_look *l, bool brief);

/* How long others waited for a holder that had a CPU. With more CPUs, this would be all. */
double verdict_waited_with_cpu(const struct verdict *v, const struct verdict_look *l);

/* The time spent in values of at least `from`. */
double verdict_time_from(const struct gil_hist *h, __u64 from);

/* True if most of what others wait for are holds that native code makes long. Then v->front are their
 * threads. */
bool verdict_is_native(struct verdict *v, const struct verdict_look *l);

/* How many threads would want the GIL at a time if none of them ever lacked a CPU or the GIL. */
double verdict_demand(const struct verdict_look *l);

/* True if most of the waiting would end with enough CPUs: if the threads want the GIL less than all
 * the time, or if most of the waiting is that of `brief` (or NULL), whose threads then would wait
 * for a switch interval only. `preempted_share`: of the time in holds. */
bool verdict_lacks_cpus(const struct verdict_look *l, double preempted_share,
			const struct verdict_class *brief);

#endif
