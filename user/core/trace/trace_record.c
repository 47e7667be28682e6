// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/trace/trace_record.h"

/* ---- the header ---- */

void trace_header__put(struct bytes *b, const struct trace_header *h)
{
	bytes__number(b, h->version);
	bytes__number(b, h->start_ns);
	bytes__signed(b, h->realtime_ns);
	bytes__signed(b, h->boottime_ns);
	bytes__number(b, h->min_wait_ns);
	bytes__number(b, h->min_hold_ns);
	bytes__string(b, h->program, sizeof(h->program));
	bytes__string(b, h->host, sizeof(h->host));
	bytes__string(b, h->kernel, sizeof(h->kernel));
	bytes__string(b, h->machine, sizeof(h->machine));
	bytes__string(b, h->target, sizeof(h->target));
}

bool trace_header__get(struct span *s, struct trace_header *h)
{
	*h = (struct trace_header){.version = (__u32)span__number(s)};
	if (h->version > TRACE_VERSION)
		return !s->bad; /* the rest may have any form */
	h->start_ns = span__number(s);
	h->realtime_ns = span__signed(s);
	h->boottime_ns = span__signed(s);
	h->min_wait_ns = span__number(s);
	h->min_hold_ns = span__number(s);
	span__string(s, h->program, sizeof(h->program));
	span__string(s, h->host, sizeof(h->host));
	span__string(s, h->kernel, sizeof(h->kernel));
	span__string(s, h->machine, sizeof(h->machine));
	span__string(s, h->target, sizeof(h->target));
	return !s->bad && h->version;
}

/* ---- records ---- */

void trace_record__put(struct bytes *b, unsigned int type, __u64 place, __u64 ts,
		       const struct bytes *body)
{
	bytes__number(b, type);
	bytes__number(b, place);
	bytes__number(b, ts);
	bytes__number(b, body->size);
	bytes__append(b, body->data, body->size);
	b->failed = b->failed || body->failed;
}

bool trace_record__get(struct span *s, struct trace_record *r)
{
	r->type = (unsigned int)span__number(s);
	r->place = span__number(s);
	r->ts = span__number(s);
	r->body = span__take(s, span__number(s));
	return !s->bad;
}

/* ---- processes ---- */

#define PROCESS_FREE_THREADED 1U
#define PROCESS_EXITED        2U
#define PROCESS_BUILT_FREE    4U
#define PROCESS_GIL_TURNED_ON 8U
#define GIL_IS_MAIN           1U
#define GIL_REQUESTS_UNKNOWN  2U
#define GIL_IS_SAMPLED        4U

#define LONGEST_INTERVAL_US (INT64_MAX / 1000)

static void put_gil(struct bytes *b, __u32 place, const struct snapshot_gil *g)
{
	bytes__number(b, place);
	bytes__number(b, g->lock.address);
	bytes__number(b, g->lock.start);
	bytes__number(b, (g->main ? GIL_IS_MAIN : 0) |
				 (g->requests_unknown ? GIL_REQUESTS_UNKNOWN : 0) |
				 (g->sampled ? GIL_IS_SAMPLED : 0));
	bytes__signed(b, g->locked_at_start);
	bytes__signed(b, g->switch_interval_us);
	bytes__signed(b, g->interpreter);
	bytes__number(b, g->end_ns);
}

static void get_gil(struct span *s, __u32 *place, struct snapshot_gil *g)
{
	__u64 flags;

	*place = (__u32)span__number(s);
	g->lock.address = span__number(s);
	g->lock.start = span__number(s);
	flags = span__number(s);
	g->main = flags & GIL_IS_MAIN;
	g->requests_unknown = flags & GIL_REQUESTS_UNKNOWN;
	g->sampled = flags & GIL_IS_SAMPLED;
	g->locked_at_start = (int)span__signed(s);
	g->switch_interval_us = (long)span__signed(s);
	if (g->switch_interval_us < 0 || g->switch_interval_us > LONGEST_INTERVAL_US)
		g->switch_interval_us = -1;
	g->interpreter = (long)span__signed(s);
	g->end_ns = span__number(s);
}

static __u32 process_flags(const struct snapshot_process *p)
{
	return (p->free_threaded ? PROCESS_FREE_THREADED : 0) | (p->exited ? PROCESS_EXITED : 0) |
	       (p->free_threaded_build ? PROCESS_BUILT_FREE : 0) |
	       (p->gil_turned_on ? PROCESS_GIL_TURNED_ON : 0);
}

void trace_process__put(struct bytes *b, __u64 number, const struct snapshot_process *p,
			const __u32 *places)
{
	bytes__number(b, number);
	bytes__number(b, (__u64)p->pid);
	bytes__number(b, process_flags(p));
	bytes__number(b, p->start_ns);
	bytes__number(b, p->exited ? p->end_ns : 0);
	bytes__number(b, p->late_ns);
	bytes__string(b, p->comm, sizeof(p->comm));
	bytes__string(b, p->python, sizeof(p->python));
	bytes__string(b, p->source, sizeof(p->source));
	bytes__string(b, p->source_why, sizeof(p->source_why));
	bytes__string(b, p->note, sizeof(p->note));
	bytes__number(b, p->nr_gils);
	for (size_t i = 0; i < p->nr_gils; i++)
		put_gil(b, places[i], &p->gils[i]);
	bytes__string(b, p->command, sizeof(p->command));
}

static bool get_gils(struct span *s, struct snapshot_process *p, __u32 **places)
{
	__u64 nr = span__number(s);

	s->bad |= nr > (__u64)(s->end - s->at);
	if (s->bad)
		return false;
	p->gils = calloc(nr + 1, sizeof(*p->gils));
	*places = calloc(nr + 1, sizeof(**places));
	for (p->nr_gils = 0; p->gils && *places && p->nr_gils < nr; p->nr_gils++) {
		get_gil(s, &(*places)[p->nr_gils], &p->gils[p->nr_gils]);
		p->gils[p->nr_gils].lock.pid = (__u32)p->pid;
	}
	return p->gils && *places && !s->bad;
}

bool trace_process__get(struct span *s, __u64 *number, struct snapshot_process *p, __u32 **places)
{
	__u64 flags;

	memset(p, 0, sizeof(*p));
	*places = NULL;
	*number = span__number(s);
	p->pid = (pid_t)(span__number(s) & 0x7fffffff);
	flags = span__number(s);
	p->free_threaded = flags & PROCESS_FREE_THREADED;
	p->exited = flags & PROCESS_EXITED;
	p->free_threaded_build = flags & PROCESS_BUILT_FREE;
	p->gil_turned_on = flags & PROCESS_GIL_TURNED_ON;
	p->start_ns = span__number(s);
	p->end_ns = span__number(s);
	p->late_ns = span__number(s);
	span__string(s, p->comm, sizeof(p->comm));
	span__string(s, p->python, sizeof(p->python));
	span__string(s, p->source, sizeof(p->source));
	span__string(s, p->source_why, sizeof(p->source_why));
	span__string(s, p->note, sizeof(p->note));
	if (s->bad || !get_gils(s, p, places))
		return false;
	/* Earlier traces do not have it. */
	if (!span__done(s))
		span__string(s, p->command, sizeof(p->command));
	return !s->bad;
}

/* ---- threads ---- */

#define THREAD_BEGINS 1U

void trace_names__put(struct bytes *b, const char comm[16], const char name[GIL_THREAD_NAME])
{
	size_t n = strnlen(comm, 16), more = strnlen(name, GIL_THREAD_NAME);

	bytes__number(b, n + (more ? 1 + more : 0));
	bytes__append(b, comm, n);
	if (!more)
		return;
	bytes__append(b, "", 1);
	bytes__append(b, name, more);
}

void trace_names__get(struct span *s, char comm[16], char name[GIL_THREAD_NAME])
{
	char both[16 + GIL_THREAD_NAME];
	size_t n;

	span__string(s, both, sizeof(both));
	n = strlen(both);
	memset(comm, 0, 16);
	memcpy(comm, both, n < 16 ? n : 15);
	snprintf(name, GIL_THREAD_NAME, "%.*s", GIL_THREAD_NAME - 1,
		 n + 1 < sizeof(both) ? both + n + 1 : "");
}

static bool was_found(const struct trace_thread *t)
{
	return t->state == GIL_THREAD_HOLDING || t->state == GIL_THREAD_WAITING;
}

void trace_thread__put(struct bytes *b, const struct trace_thread *t)
{
	bytes__number(b, t->number);
	bytes__number(b, t->process);
	bytes__number(b, t->gil);
	bytes__number(b, t->tid);
	bytes__number(b, t->begins ? THREAD_BEGINS : 0);
	bytes__number(b, t->state);
	trace_names__put(b, t->comm, t->name);
	if (was_found(t))
		bytes__number(b, t->cpu);
}

bool trace_thread__get(struct span *s, struct trace_thread *t)
{
	t->number = span__number(s);
	t->process = span__number(s);
	t->gil = (__u32)span__number(s);
	t->tid = (__u32)span__number(s);
	t->begins = span__number(s) & THREAD_BEGINS;
	t->state = (__u8)span__number(s);
	trace_names__get(s, t->comm, t->name);
	t->cpu = GIL_PARTS;
	if (was_found(t) && !span__done(s))
		t->cpu = (__u8)span__number(s);
	if (t->state != GIL_THREAD_IDLE && t->cpu >= GIL_PARTS && t->cpu != GIL_FOUND_STOPPED)
		t->state = GIL_THREAD_UNSEEN;
	return !s->bad && t->tid;
}

/* ---- losses, and what a snapshot has besides its processes ---- */

void trace_lost__put(struct bytes *b, const struct trace_lost *l)
{
	bytes__number(b, l->process);
	bytes__number(b, l->gil);
	bytes__number(b, l->count);
	bytes__number(b, l->since);
}

bool trace_lost__get(struct span *s, struct trace_lost *l)
{
	l->process = span__number(s);
	l->gil = (__u32)span__number(s);
	l->count = span__number(s);
	l->since = span__number(s);
	return !s->bad;
}

void trace_unobserved__put(struct bytes *b, const struct snapshot_unobserved *u)
{
	bytes__number(b, (__u64)u->pid);
	bytes__string(b, u->comm, sizeof(u->comm));
	bytes__string(b, u->why, sizeof(u->why));
}

bool trace_unobserved__get(struct span *s, struct snapshot_unobserved *u)
{
	u->pid = (pid_t)(span__number(s) & 0x7fffffff);
	span__string(s, u->comm, sizeof(u->comm));
	span__string(s, u->why, sizeof(u->why));
	return !s->bad;
}

void trace_status__put(struct bytes *b, const struct trace_status *s)
{
	bytes__number(b, s->flags);
	bytes__number(b, s->start_ns);
	bytes__number(b, s->end_ns);
	bytes__number(b, s->probe_hits);
	bytes__number(b, s->usdt_hits);
	bytes__signed(b, s->probe_ns_per_hit);
	bytes__signed(b, s->exit_status);
	bytes__number(b, s->nr_unlisted);
	bytes__number(b, s->lost.edges);
	bytes__number(b, s->lost.switches);
	bytes__number(b, s->lost.handoffs);
	bytes__number(b, s->lost.events);
	bytes__number(b, s->lost.requests);
	bytes__number(b, s->lost.gaps);
	bytes__number(b, s->lost.gils);
	bytes__number(b, s->lost.processes);
	bytes__number(b, s->lost.torn);
}

bool trace_status__get(struct span *s, struct trace_status *status)
{
	memset(status, 0, sizeof(*status));
	status->flags = (__u32)span__number(s);
	status->start_ns = span__number(s);
	status->end_ns = span__number(s);
	status->probe_hits = span__number(s);
	status->usdt_hits = span__number(s);
	status->probe_ns_per_hit = (long)span__signed(s);
	status->exit_status = (int)span__signed(s);
	status->nr_unlisted = span__number(s);
	status->lost.edges = span__number(s);
	status->lost.switches = span__number(s);
	status->lost.handoffs = span__number(s);
	status->lost.events = span__number(s);
	status->lost.requests = span__number(s);
	/* Earlier traces do not have all of these. */
	if (!span__done(s))
		status->lost.gaps = span__number(s);
	if (!span__done(s))
		status->lost.gils = span__number(s);
	if (!span__done(s))
		status->lost.processes = span__number(s);
	if (!span__done(s))
		status->lost.torn = span__number(s);
	return !s->bad;
}
