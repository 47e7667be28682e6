/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The counters, one row each. From a row follow the field in the records, the sum over a GIL's
 * threads, the differences of the history, the figures at the end of a trace, what a baseline
 * keeps, and, unless the unit is HIDDEN, the row in the table of metrics. What remains to be
 * written is the line in gil_model.h that counts.
 *
 *	X(field and name of the metric, unit, whole, loses, help)	as in struct metric
 *
 * A new row goes to the end of its list. Files of earlier versions do not have its figure, which is
 * then unknown.
 */
#ifndef GIL_COUNTER_H
#define GIL_COUNTER_H

/* Kept per thread. A GIL's figure is the sum over its threads. */
#define GIL_THREAD_COUNTERS(X)                                                                     \
	X(acquisitions, COUNT, NULL, METRIC_LOSES_WITHOUT_HOLDS, "times a thread got the GIL")     \
	/* equals wait.count */                                                                    \
	X(contended, COUNT, "acquisitions", 0, "acquisitions that had to wait")                    \
	/* equals hold.count */                                                                    \
	X(releases, COUNT, NULL, METRIC_LOSES_WITHOUT_HOLDS, "times a thread let the GIL go")      \
	X(requested_releases, COUNT, "releases", METRIC_LOSES_REQUESTS,                            \
	  "releases that a waiter had asked for")                                                  \
	/* for the verdict, which judges what others waited for */                                 \
	X(waited_for_ns, HIDDEN, NULL, 0, "time in holds while another thread waited")             \
	X(waited_for_asleep_ns, HIDDEN, NULL, 0, "the part of it for which the holder slept")      \
	X(overdue_ns, HIDDEN, NULL, 0, "time in holds after a waiter had asked for their end")     \
	/* in no distribution, as it is not known how long they were */                            \
	X(partial_hold_ns, HIDDEN, NULL, 0, "time in holds whose beginning was not seen")          \
	X(partial_hold_blocked_ns, HIDDEN, NULL, 0, "the part of it asleep")                       \
	X(partial_wait_ns, HIDDEN, NULL, 0, "time in waits whose beginning was not seen")          \
	X(hold_stopped_ns, NS, NULL, METRIC_LOSES_HOLD_TIMES | METRIC_LOSES_WITHOUT_HOLDS,         \
	  "time in holds stopped by a signal, debugger or freezer; a part of blocked")

/* Kept per GIL. */
#define GIL_LOCK_COUNTERS(X)                                                                       \
	X(wait_slices, HIDDEN, NULL, 0, "timed waits, each at most the switch interval long")      \
	X(partial_waits, HIDDEN, NULL, 0, "waits whose beginning was not seen")                    \
	X(partial_holds, HIDDEN, NULL, 0, "holds whose beginning was not seen")                    \
	/* 0 in a good run */                                                                      \
	X(anomalies, HIDDEN, NULL, 0, "edges that contradict the state, so one was missed")        \
	/* for blame: parts of waiter_ns that are nobody's doing */                                \
	X(free_wait_ns, HIDDEN, NULL, 0, "waiters times time, while nobody had the GIL")           \
	X(unseen_wait_ns, HIDDEN, NULL, 0, "waiters times time, while nothing was known of it")

/* How many of each list the first version had. Files have these in a fixed place. */
#define GIL_FIRST_COUNTERS 4

/* For the structs, which have the counters by name and by number. */
#define GIL_COUNTER_FIELD(name, unit, whole, loses, help)         __u64 name;
#define GIL_THREAD_COUNTER_NUMBER(name, unit, whole, loses, help) GIL_THREAD_COUNTER_##name,
#define GIL_LOCK_COUNTER_NUMBER(name, unit, whole, loses, help)   GIL_LOCK_COUNTER_##name,

enum gil_thread_counter {
	GIL_THREAD_COUNTERS(GIL_THREAD_COUNTER_NUMBER) GIL_NR_THREAD_COUNTERS,
};

enum gil_lock_counter {
	GIL_LOCK_COUNTERS(GIL_LOCK_COUNTER_NUMBER) GIL_NR_LOCK_COUNTERS,
};

#endif
