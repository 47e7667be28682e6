// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Applies the records of a trace to the state of a replay. Records that make no sense, or refer to
 * something unknown, are skipped: the file may be damaged, or its beginning missing. */
#include <errno.h>
#include <stdlib.h>

#include "core/replay/replay_state.h"

static int apply_process(struct replay *r, struct span *body)
{
	struct snapshot_process p;
	__u32 *places;
	__u64 number;
	int err = 0;

	if (trace_process__get(body, &number, &p, &places))
		err = replay__tell_program(r, number, &p, places);
	else if (!body->bad)
		err = -ENOMEM;
	free(p.gils);
	free(places);
	return err;
}

static struct gil *read_gil(struct replay *r, struct span *body)
{
	__u64 process = span__number(body);

	return replay__gil(r, process, (__u32)span__number(body));
}

/* Adds the frame's next slot. */
static int add_slot(struct replay *r, struct row *row)
{
	if (r->nr_slots == r->slots_room) {
		size_t room = r->slots_room ? 2 * r->slots_room : 64;
		struct row **grown = reallocarray(r->slots, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		r->slots = grown;
		r->slots_room = room;
	}
	r->slots[r->nr_slots++] = row;
	return 0;
}

struct row *replay__row(struct replay *r, __u64 number)
{
	struct row *row = r->rows[number % REPLAY_BUCKETS];

	while (row && row->public.number != number)
		row = row->in_bucket;
	return row;
}

static int apply_thread(struct replay *r, struct span *body)
{
	struct trace_thread t;
	struct row *row = NULL;
	struct gil *g;

	if (trace_thread__get(body, &t)) {
		g = replay__gil(r, t.process, t.gil);
		row = replay__row(r, t.number);
		if (!row && g) {
			row = replay__add_row(r, g, &t);
			if (!row)
				return -ENOMEM;
		}
	}
	return add_slot(r, row);
}

static void apply_name(struct replay *r, struct span *body)
{
	struct row *row = replay__row(r, span__number(body));
	char comm[16], name[GIL_THREAD_NAME];

	trace_names__get(body, comm, name);
	if (!row || body->bad)
		return;
	memcpy(row->public.t.comm, comm, sizeof(comm));
	memcpy(row->public.t.name, name, sizeof(name));
}

static int apply_folded(struct replay *r, struct span *body)
{
	struct row *row = replay__row(r, span__number(body));

	return row && !body->bad ? replay__fold_row(r, row) : 0;
}

static void apply_settled(struct replay *r, struct span *body)
{
	struct gil *g = read_gil(r, body);
	__u64 n = span__number(body);

	if (!g || body->bad)
		return;
	g->public.g.lock.gone += (__u32)n;
	g->died -= (__s64)n;
}

static int apply_lost(struct replay *r, struct span *body, __u64 ts)
{
	struct trace_lost l;
	struct gil *g;

	if (!trace_lost__get(body, &l))
		return 0;
	g = replay__gil(r, l.process, l.gil);
	if (!g)
		return 0;
	g->lost_edges += l.count;
	r->lost_edges += l.count;
	return replay__gap(r, g, l.since, ts);
}

static int apply_unobserved(struct replay *r, struct span *body)
{
	struct snapshot_unobserved u, *added;

	if (!trace_unobserved__get(body, &u) || (r->only_pid && u.pid != r->only_pid))
		return 0;
	if (!replay__has_room(r, sizeof(u)))
		return -ENOMEM;
	added = snapshot__add_unobserved(r->rest);
	if (!added)
		return -ENOMEM;
	r->memory += sizeof(u);
	r->found_pid = true;
	*added = u;
	return 0;
}

/* The sum is that of the whole recording. */
static int apply_folded_gil(struct replay *r, struct span *body)
{
	if (r->ranged || r->only_pid || r->only_tid)
		return 0;
	if (!replay__has_room(r, sizeof(struct gil_thread) + sizeof(struct snapshot_gil)))
		return -ENOMEM;
	return trace_figures__get_folded(body, r->rest) || body->bad || r->rest->nr_folded
		       ? 0
		       : -ENOMEM;
}

static void apply_folded_thread(struct replay *r, struct span *body)
{
	struct snapshot_gil *g = r->rest->folded.gils;

	if (g && !trace_figures__get_thread(body, g, g->threads))
		memset(g->threads, 0, sizeof(*g->threads));
}

static void apply_status(struct replay *r, struct span *body)
{
	struct trace_status status;

	if (trace_status__get(body, &status))
		r->status = status;
}

void replay__apply_window(struct replay *r, __u64 ts)
{
	r->window = ts;
	if (r->start < ts)
		r->start = r->now = ts;
}

static void apply_gil_end(struct replay *r, struct span *body)
{
	struct gil *g = read_gil(r, body);
	__u64 died = span__number(body);
	char call[SNAPSHOT_CALL_SIZE] = "";

	if (!g || body->bad)
		return;
	g->died = (__s64)(__u32)died;
	if (span__done(body))
		return; /* an earlier version did not write the rest */
	span__string(body, call, sizeof(call));
	if (!body->bad && !call[strspn(call, "abcdefghijklmnopqrstuvwxyz_0123456789")])
		memcpy(g->public.g.holder_call, call, sizeof(call));
}

/* Whether a record has the kernel's own figures, in a trace that has only what is long. */
static bool has_figures(const struct trace_record *record)
{
	return record->type == TRACE_RECORD_FIGURES_GIL ||
	       record->type == TRACE_RECORD_FIGURES_FUNCTIONS ||
	       record->type == TRACE_RECORD_FIGURES_THREAD ||
	       trace_figures__sums_kind(record->type) != GIL_SUM_KINDS;
}

int replay__apply_record(struct replay *r, struct trace_record *record)
{
	struct span *body = &record->body;
	struct program *pg;

	switch (record->type) {
	case TRACE_RECORD_PROCESS:
		return apply_process(r, body);
	case TRACE_RECORD_ENDED:
	case TRACE_RECORD_DROPPED:
	case TRACE_RECORD_LISTED:
		pg = replay__program(r, span__number(body));
		if (pg && record->type == TRACE_RECORD_ENDED)
			replay__end_program(r, pg);
		else if (pg && record->type == TRACE_RECORD_DROPPED)
			replay__drop_program(r, pg);
		else if (pg)
			replay__relist_program(r, pg);
		return 0;
	case TRACE_RECORD_THREAD:
		return apply_thread(r, body);
	case TRACE_RECORD_NAME:
		apply_name(r, body);
		return 0;
	case TRACE_RECORD_FOLDED:
		return apply_folded(r, body);
	case TRACE_RECORD_FOLDED_GIL:
		return apply_folded_gil(r, body);
	case TRACE_RECORD_FOLDED_THREAD:
		apply_folded_thread(r, body);
		return 0;
	case TRACE_RECORD_SETTLED:
		apply_settled(r, body);
		return 0;
	case TRACE_RECORD_LOST:
		return apply_lost(r, body, record->ts);
	case TRACE_RECORD_UNOBSERVED:
		return apply_unobserved(r, body);
	case TRACE_RECORD_STATUS:
		apply_status(r, body);
		return 0;
	case TRACE_RECORD_WINDOW:
		replay__apply_window(r, record->ts);
		return 0;
	case TRACE_RECORD_GIL_END:
		apply_gil_end(r, body);
		return 0;
	case TRACE_RECORD_CODE:
	case TRACE_RECORD_PLACE:
	case TRACE_RECORD_SAMPLES:
		return replay__apply_samples(r, record);
	default:
		return has_figures(record) ? replay__tell_figures(r, record->type, body) : 0;
	}
}
