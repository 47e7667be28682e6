// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>

#include "core/export/perfetto.h"
#include "core/base/proto.h"

/* Trace, TracePacket */
#define TRACE_PACKET           1
#define PACKET_CLOCK_SNAPSHOT  6
#define PACKET_TIMESTAMP       8
#define PACKET_SEQUENCE        10
#define PACKET_EVENT           11
#define PACKET_INTERNED        12
#define PACKET_SEQUENCE_FLAGS  13
#define PACKET_TIMESTAMP_CLOCK 58
#define PACKET_DEFAULTS        59
#define PACKET_TRACK           60
#define SEQUENCE               1 /* there is only one */
#define STATE_CLEARED          1
#define NEEDS_STATE            2
/* ClockSnapshot */
#define CLOCKS             1
#define CLOCK_ID           1
#define CLOCK_TIMESTAMP    2
#define CLOCK_IS_REALTIME  1
#define CLOCK_IS_MONOTONIC 3
#define CLOCK_IS_BOOTTIME  6
/* InternedData, EventName */
#define INTERNED_EVENT_NAMES 2
#define EVENT_NAME_IID       1
#define EVENT_NAME_NAME      2
/* TrackDescriptor, ProcessDescriptor, ThreadDescriptor, CounterDescriptor */
#define TRACK_UUID        1
#define TRACK_NAME        2
#define TRACK_PROCESS     3
#define TRACK_THREAD      4
#define TRACK_PARENT      5
#define TRACK_COUNTER     8
#define PROCESS_PID       1
#define PROCESS_NAME      6
#define THREAD_PID        1
#define THREAD_TID        2
#define THREAD_NAME       5
#define COUNTER_UNIT_NAME 6
/* TrackEvent, DebugAnnotation */
#define EVENT_ANNOTATION    4
#define EVENT_TYPE          9
#define EVENT_NAME          10
#define EVENT_TRACK         11
#define EVENT_TEXT          23
#define EVENT_COUNTER_VALUE 30
#define EVENT_FLOW          47
#define EVENT_FLOW_END      48
#define ANNOTATION_BOOL     2
#define ANNOTATION_STRING   6
#define ANNOTATION_NAME     10

#define TEXT_SIZE 80
#define ARG_SIZE  2048

static const char *const names[PERFETTO_NAMES] = {
	[PERFETTO_WAIT] = "wait",         [PERFETTO_WAIT_EARLIER] = "wait (began earlier)",
	[PERFETTO_HOLD] = "hold",         [PERFETTO_ONCPU] = "on CPU",
	[PERFETTO_RUNNABLE] = "runnable", [PERFETTO_PREEMPTED] = "preempted",
	[PERFETTO_BLOCKED] = "blocked",   [PERFETTO_REQUESTED] = "requested release",
	[PERFETTO_HANDOFF] = "handoff",
};

/* Ends the packet and writes it. */
static int put_packet(struct perfetto *p, __u64 flags)
{
	unsigned char head[12], *end = head;

	proto__number(&p->packet, PACKET_SEQUENCE, SEQUENCE);
	proto__number(&p->packet, PACKET_SEQUENCE_FLAGS, flags);
	if (p->packet.failed || p->part.failed || p->inner.failed)
		return -ENOMEM;
	*end++ = TRACE_PACKET << 3 | 2;
	end = put_varint(end, p->packet.size);
	fwrite(head, 1, (size_t)(end - head), p->out);
	fwrite(p->packet.data, 1, p->packet.size, p->out);
	p->packet.size = 0;
	return ferror(p->out) ? errno ? -errno : -EIO : 0;
}

static void put_clock(struct perfetto *p, __u64 id, __u64 ts)
{
	p->inner.size = 0;
	proto__number(&p->inner, CLOCK_ID, id);
	proto__number(&p->inner, CLOCK_TIMESTAMP, ts);
	proto__message(&p->part, CLOCKS, &p->inner);
}

/* Declares that times are CLOCK_MONOTONIC from here on, and what the other clocks showed then. */
int perfetto__begin(struct perfetto *p, FILE *out, __u64 start_ns, __s64 boottime_ns,
		    __s64 realtime_ns)
{
	int err;

	*p = (struct perfetto){.out = out};
	put_clock(p, CLOCK_IS_MONOTONIC, start_ns);
	put_clock(p, CLOCK_IS_BOOTTIME, start_ns + (__u64)boottime_ns);
	put_clock(p, CLOCK_IS_REALTIME, start_ns + (__u64)realtime_ns);
	proto__message(&p->packet, PACKET_CLOCK_SNAPSHOT, &p->part);
	err = put_packet(p, STATE_CLEARED);
	if (err)
		return err;
	p->part.size = p->inner.size = 0;
	proto__number(&p->part, PACKET_TIMESTAMP_CLOCK, CLOCK_IS_MONOTONIC);
	proto__message(&p->packet, PACKET_DEFAULTS, &p->part);
	p->part.size = 0;
	for (unsigned int i = 1; i < PERFETTO_NAMES; i++) {
		p->inner.size = 0;
		proto__number(&p->inner, EVENT_NAME_IID, i);
		proto__string(&p->inner, EVENT_NAME_NAME, names[i], 64);
		proto__message(&p->part, INTERNED_EVENT_NAMES, &p->inner);
	}
	proto__message(&p->packet, PACKET_INTERNED, &p->part);
	return put_packet(p, STATE_CLEARED);
}

static void put_owner(struct perfetto *p, const struct perfetto_track *t)
{
	p->inner.size = 0;
	if (t->tid) {
		proto__number(&p->inner, THREAD_PID, (__u64)t->pid);
		proto__number(&p->inner, THREAD_TID, (__u64)t->tid);
		proto__string(&p->inner, THREAD_NAME, t->comm, TEXT_SIZE);
		proto__message(&p->part, TRACK_THREAD, &p->inner);
	} else {
		proto__number(&p->inner, PROCESS_PID, (__u64)t->pid);
		proto__string(&p->inner, PROCESS_NAME, t->comm, TEXT_SIZE);
		proto__message(&p->part, TRACK_PROCESS, &p->inner);
	}
}

int perfetto__track(struct perfetto *p, const struct perfetto_track *t)
{
	p->part.size = 0;
	proto__number(&p->part, TRACK_UUID, t->id);
	if (t->parent)
		proto__number(&p->part, TRACK_PARENT, t->parent);
	if (t->name)
		proto__string(&p->part, TRACK_NAME, t->name, 128);
	if (t->pid)
		put_owner(p, t);
	if (t->unit) {
		p->inner.size = 0;
		proto__string(&p->inner, COUNTER_UNIT_NAME, t->unit, 32);
		proto__message(&p->part, TRACK_COUNTER, &p->inner);
	}
	proto__message(&p->packet, PACKET_TRACK, &p->part);
	return put_packet(p, NEEDS_STATE);
}

static void put_args(struct perfetto *p, const struct perfetto_event *e)
{
	static const char *const arg_names[] = {
		[PERFETTO_FUNCTION] = "function",
		[PERFETTO_LINE] = "line",
		[PERFETTO_STACK] = "stack",
		[PERFETTO_NATIVE] = "native",
	};

	for (int i = 0; i < PERFETTO_ARGS; i++) {
		if (!e->args[i] || !e->args[i][0])
			continue;
		p->inner.size = 0;
		proto__string(&p->inner, ANNOTATION_NAME, arg_names[i], 32);
		proto__string(&p->inner, ANNOTATION_STRING, e->args[i], ARG_SIZE);
		proto__message(&p->part, EVENT_ANNOTATION, &p->inner);
	}
}

int perfetto__event(struct perfetto *p, const struct perfetto_event *e)
{
	struct bytes *b = &p->part;

	b->size = 0;
	proto__number(b, EVENT_TYPE, e->type);
	proto__number(b, EVENT_TRACK, e->track);
	if (e->name)
		proto__number(b, EVENT_NAME, e->name);
	if (e->text)
		proto__string(b, EVENT_TEXT, e->text, TEXT_SIZE);
	if (e->type == PERFETTO_COUNTER)
		proto__number(b, EVENT_COUNTER_VALUE, (__u64)e->value);
	if (e->flow)
		proto__fixed64(b, EVENT_FLOW, e->flow);
	if (e->end_of_flow)
		proto__fixed64(b, EVENT_FLOW_END, e->end_of_flow);
	if (e->mark) {
		p->inner.size = 0;
		proto__string(&p->inner, ANNOTATION_NAME, e->mark, 32);
		proto__number(&p->inner, ANNOTATION_BOOL, 1);
		proto__message(b, EVENT_ANNOTATION, &p->inner);
	}
	put_args(p, e);
	proto__number(&p->packet, PACKET_TIMESTAMP, e->ts);
	proto__message(&p->packet, PACKET_EVENT, b);
	return put_packet(p, NEEDS_STATE);
}

void perfetto__free(struct perfetto *p)
{
	bytes__free(&p->packet);
	bytes__free(&p->part);
	bytes__free(&p->inner);
}
