/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writes Perfetto's TrackEvent protobuf: the kinds of packets that an export needs, without knowing
 * what they mean here. Field numbers are those of Perfetto's public .proto files. */
#ifndef PERFETTO_H
#define PERFETTO_H

#include <stdio.h>

#include "core/base/bytes.h"

/* Frequent names of slices, which are written as numbers. */
enum perfetto_name {
	PERFETTO_WAIT = 1,
	PERFETTO_WAIT_EARLIER,
	PERFETTO_HOLD,
	PERFETTO_ONCPU,
	PERFETTO_RUNNABLE,
	PERFETTO_PREEMPTED,
	PERFETTO_BLOCKED,
	PERFETTO_REQUESTED,
	PERFETTO_HANDOFF,
	PERFETTO_NAMES,
};

enum perfetto_event_type {
	PERFETTO_SLICE_BEGIN = 1,
	PERFETTO_SLICE_END = 2,
	PERFETTO_INSTANT = 3,
	PERFETTO_COUNTER = 4,
};

/* Texts that an event may have. */
enum perfetto_arg {
	PERFETTO_FUNCTION,
	PERFETTO_LINE,
	PERFETTO_STACK,
	PERFETTO_NATIVE,
	PERFETTO_ARGS,
};

struct perfetto_event {
	__u64 ts; /* ns of CLOCK_MONOTONIC */
	enum perfetto_event_type type;
	__u64 track;
	enum perfetto_name name; /* 0: it has `text`, or no name */
	const char *text;
	__u64 flow, end_of_flow;         /* 0: none */
	__s64 value;                     /* for a counter */
	const char *mark;                /* the name of a flag to set on it; NULL: none */
	const char *args[PERFETTO_ARGS]; /* NULL or empty: none */
};

struct perfetto_track {
	__u64 id;
	__u64 parent;     /* 0: none */
	const char *name; /* NULL: for a process's or a thread's own track */
	int pid, tid;     /* 0: not a process's or a thread's own track */
	const char *comm; /* name of the process or thread */
	const char *unit; /* for a counter; NULL: not a counter */
};

struct perfetto {
	FILE *out;
	struct bytes packet, part, inner; /* reused */
};

/* Writes the first packets: the clocks at start_ns, and the names. All of these return 0 or
 * -errno. */
int perfetto__begin(struct perfetto *p, FILE *out, __u64 start_ns, __s64 boottime_ns,
		    __s64 realtime_ns);
int perfetto__track(struct perfetto *p, const struct perfetto_track *t);
int perfetto__event(struct perfetto *p, const struct perfetto_event *e);
void perfetto__free(struct perfetto *p);

#endif
