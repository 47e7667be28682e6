// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A GIL's tracks: its owner, how many threads wait for it, and how much of the time it is held. */
#include <errno.h>
#include <stdlib.h>

#include "core/base/format.h"
#include "core/export/timeline.h"

/* The time that one value of the held counter covers. */
#define WINDOW_NS 10000000ULL

int timeline__tell_process(struct timeline *x, const struct replay_gil *g)
{
	struct gil_tracks *gt = g->follower;
	const struct perfetto_track track = {
		.id = process_id(g), .pid = g->process->pid, .comm = gt->process.s};

	gt->process = snapshot_process__name(g->process, false);
	return perfetto__track(&x->p, &track);
}

int timeline__new_gil(struct timeline *x, struct replay_gil *g)
{
	struct gil_tracks *gt = g->follower = calloc(1, sizeof(*gt));
	char owner[64], waiters[64], held[64];
	struct perfetto_track tracks[] = {
		{.id = track_id(OF_OWNER, g->number), .parent = process_id(g), .name = owner},
		{.id = track_id(OF_WAITERS, g->number),
		 .parent = process_id(g),
		 .name = waiters,
		 .unit = "threads"},
		{.id = track_id(OF_HELD, g->number),
		 .parent = process_id(g),
		 .name = held,
		 .unit = "%"},
	};
	size_t n = x->whole ? 3 : 1; /* otherwise the counters' data is not in the trace */
	int err = 0;

	if (!gt)
		return -ENOMEM;
	gt->percent = -1;
	snprintf(owner, sizeof(owner), "GIL %#llx owner", g->g.lock.address);
	snprintf(waiters, sizeof(waiters), "GIL %#llx waiting", g->g.lock.address);
	snprintf(held, sizeof(held), "GIL %#llx held", g->g.lock.address);
	err = timeline__tell_process(x, g);
	for (size_t i = 0; i < n && !err; i++)
		err = perfetto__track(&x->p, &tracks[i]);
	return err;
}

static int count_event(struct timeline *x, __u64 track, __u64 ts, __s64 value)
{
	struct perfetto_event e = {
		.ts = ts, .type = PERFETTO_COUNTER, .track = track, .value = value};

	return perfetto__event(&x->p, &e);
}

static int put_percent(struct timeline *x, const struct replay_gil *g, __u64 window, __u64 held_ns)
{
	struct gil_tracks *gt = g->follower;
	__s64 percent = (__s64)((held_ns * 100 + WINDOW_NS / 2) / WINDOW_NS);

	if (percent == gt->percent)
		return 0;
	gt->percent = percent;
	return count_event(x, track_id(OF_HELD, g->number), window * WINDOW_NS, percent);
}

/* Adds the time up to ts to the windows that it belongs to. */
static int follow_held(struct timeline *x, const struct replay_gil *g, __u64 ts)
{
	struct gil_tracks *gt = g->follower;
	__u64 window = ts / WINDOW_NS, from = gt->last_ts;
	int err = 0;

	if (gt->percent < 0 && !gt->window) {
		gt->window = window;
		from = ts;
	}
	if (window > gt->window) {
		__u64 end = (gt->window + 1) * WINDOW_NS;

		gt->held_ns += gt->held ? end - from : 0;
		err = put_percent(x, g, gt->window, gt->held_ns);
		if (!err && window > gt->window + 1)
			err = put_percent(x, g, gt->window + 1, gt->held ? WINDOW_NS : 0);
		from = window * WINDOW_NS;
		gt->window = window;
		gt->held_ns = 0;
	}
	gt->held_ns += gt->held && ts > from ? ts - from : 0;
	return err;
}

/* Begins the slice of an owner. */
static int put_owner(struct timeline *x, const struct replay_gil *g, const struct replay_thread *t,
		     __u64 since)
{
	struct format name = snapshot_thread__name(&t->t, false);
	char text[48];
	struct perfetto_event e = {.ts = since,
				   .type = PERFETTO_SLICE_BEGIN,
				   .track = track_id(OF_OWNER, g->number),
				   .text = text};

	snprintf(text, sizeof(text), "%.32s %u", name.s, t->t.tid);
	return perfetto__event(&x->p, &e);
}

int timeline__end_owner(struct timeline *x, const struct replay_gil *g, const char *mark)
{
	struct gil_tracks *gt = g->follower;
	struct perfetto_event e = {.ts = gt->last_ts,
				   .type = PERFETTO_SLICE_END,
				   .track = track_id(OF_OWNER, g->number),
				   .mark = mark};

	if (!gt->owned)
		return 0;
	gt->owned = false;
	if (!x->min_ns)
		return perfetto__event(&x->p, &e);
	if (!gt->owner || gil_elapsed(gt->since, gt->last_ts) < x->min_ns)
		return 0;
	return put_owner(x, g, gt->owner, gt->since) ?: perfetto__event(&x->p, &e);
}

static int begin_owner(struct timeline *x, const struct replay_gil *g,
		       const struct replay_thread *t)
{
	struct gil_tracks *gt = g->follower;

	gt->owned = true;
	gt->owner = t;
	gt->since = gt->last_ts;
	return x->min_ns ? 0 : put_owner(x, g, t, gt->since);
}

static int follow_owner(struct timeline *x, const struct replay_step *s)
{
	struct gil_tracks *gt = s->gil->follower;
	int err;

	if (s->edge.kind == GIL_EDGE_RELEASE) {
		gt->owner = s->thread; /* the owner may have been unknown */
		return timeline__end_owner(x, s->gil, NULL);
	}
	if (s->edge.kind == GIL_EDGE_EXIT && gt->owned && gt->owner == s->thread)
		return timeline__end_owner(x, s->gil, "unfinished");
	if (s->edge.kind != GIL_EDGE_ACQUIRE || s->thread->t.state != GIL_THREAD_HOLDING)
		return 0;
	err = timeline__end_owner(x, s->gil, "unfinished");
	return err ?: begin_owner(x, s->gil, s->thread);
}

int timeline__follow_gil(struct timeline *x, const struct replay_step *s)
{
	struct replay_gil *g = s->gil;
	struct gil_tracks *gt = g->follower;
	__u32 waiters = gil_lock_waiters(&g->g.lock);
	int err = 0;

	if (s->edge.kind > GIL_EDGE_RELEASE && s->edge.kind != GIL_EDGE_EXIT)
		return 0;
	if (x->whole)
		err = follow_held(x, g, s->edge.ts > gt->last_ts ? s->edge.ts : gt->last_ts);
	forward(&gt->last_ts, s->edge.ts);
	gt->held = g->g.lock.state == GIL_LOCK_HELD;
	err = err ?: follow_owner(x, s);
	if (err || !x->whole || waiters == gt->waiters)
		return err;
	gt->waiters = waiters;
	return count_event(x, track_id(OF_WAITERS, g->number), gt->last_ts, waiters);
}

int timeline__close_gil(struct timeline *x, const struct replay_gil *g, __u64 ts)
{
	struct gil_tracks *gt = g->follower;
	int err = 0;

	if (x->whole)
		err = follow_held(x, g, ts > gt->last_ts ? ts : gt->last_ts);
	forward(&gt->last_ts, ts);
	gt->held = false;
	err = err ?: timeline__end_owner(x, g, "unfinished");
	if (!err && x->whole && gt->waiters)
		err = count_event(x, track_id(OF_WAITERS, g->number), gt->last_ts, 0);
	gt->waiters = 0;
	gt->owner = NULL;
	return err;
}
