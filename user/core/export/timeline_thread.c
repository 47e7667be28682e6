// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A thread's tracks: its waits and holds, and where it was in them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/format.h"
#include "core/export/timeline.h"

int timeline__tell_thread(struct timeline *x, const struct replay_gil *g,
			  const struct replay_thread *t)
{
	struct format name = snapshot_thread__name(&t->t, false);
	struct perfetto_track track = {.id = thread_id(g, &t->t),
				       .parent = process_id(g),
				       .pid = g->process->pid,
				       .tid = (int)t->t.tid,
				       .comm = name.s};

	return perfetto__track(&x->p, &track);
}

int timeline__new_thread(struct timeline *x, const struct replay_gil *g, struct replay_thread *t)
{
	struct thread_tracks *tt = t->follower = calloc(1, sizeof(*tt));
	struct perfetto_track track = {.id = track_id(OF_INTERVALS, t->number),
				       .parent = thread_id(g, &t->t),
				       .name = g->g.main ? "GIL" : "GIL of a sub-interpreter"};

	if (!tt)
		return -ENOMEM;
	tt->gil = g;
	tt->name = snapshot_thread__name(&t->t, false);
	return timeline__tell_thread(x, g, t) ?: perfetto__track(&x->p, &track);
}

static int begin_slice(struct timeline *x, const struct replay_thread *t, enum perfetto_name name,
		       __u64 flow)
{
	struct thread_tracks *tt = t->follower;
	struct perfetto_event e = {.ts = tt->last_ts,
				   .type = PERFETTO_SLICE_BEGIN,
				   .track = track_id(OF_INTERVALS, t->number),
				   .name = name,
				   .end_of_flow = flow};

	return perfetto__event(&x->p, &e);
}

static int end_slice(struct timeline *x, const struct replay_thread *t)
{
	struct thread_tracks *tt = t->follower;
	struct perfetto_event e = {.ts = tt->last_ts,
				   .type = PERFETTO_SLICE_END,
				   .track = track_id(OF_INTERVALS, t->number)};

	return perfetto__event(&x->p, &e);
}

/* The end of the wait or hold itself. */
static int end_outer(struct timeline *x, const struct replay_thread *t, const char *mark)
{
	struct thread_tracks *tt = t->follower;
	struct perfetto_event e = {.ts = tt->last_ts,
				   .type = PERFETTO_SLICE_END,
				   .track = track_id(OF_INTERVALS, t->number),
				   .mark = mark};

	timeline__take_code(tt, &e);
	return perfetto__event(&x->p, &e);
}

static enum perfetto_name part_name(const struct gil_thread *t)
{
	if (t->cpu == GIL_PART_ONCPU)
		return PERFETTO_ONCPU;
	if (t->cpu == GIL_PART_BLOCKED)
		return PERFETTO_BLOCKED;
	return t->state == GIL_THREAD_HOLDING ? PERFETTO_PREEMPTED : PERFETTO_RUNNABLE;
}

static int begin_interval(struct timeline *x, const struct replay_thread *t, __u64 flow)
{
	struct thread_tracks *tt = t->follower;
	enum perfetto_name name = PERFETTO_HOLD;

	if (t->t.state == GIL_THREAD_WAITING)
		name = t->t.partial ? PERFETTO_WAIT_EARLIER : PERFETTO_WAIT;
	tt->open = true;
	tt->since = t->t.since;
	tt->kind = name;
	if (x->min_ns) /* it is written when its length is known */
		return 0;
	return begin_slice(x, t, name, flow) ?: begin_slice(x, t, part_name(&t->t), 0);
}

/* Writes a whole wait or hold, if it was long enough. */
static int put_long(struct timeline *x, const struct replay_thread *t, const char *mark)
{
	const struct thread_tracks *tt = t->follower;
	struct perfetto_event e = {.ts = tt->since,
				   .type = PERFETTO_SLICE_BEGIN,
				   .track = track_id(OF_INTERVALS, t->number),
				   .name = tt->kind};

	if (gil_elapsed(tt->since, tt->last_ts) < x->min_ns)
		return 0;
	return perfetto__event(&x->p, &e) ?: end_outer(x, t, mark);
}

int timeline__end_interval(struct timeline *x, const struct replay_thread *t, const char *mark)
{
	struct thread_tracks *tt = t->follower;

	if (!tt->open)
		return 0;
	tt->open = false;
	if (x->min_ns)
		return put_long(x, t, mark);
	return end_slice(x, t) ?: end_outer(x, t, mark);
}

static int mark_request(struct timeline *x, const struct replay_thread *t)
{
	struct thread_tracks *tt = t->follower;
	struct perfetto_event e = {.ts = tt->last_ts,
				   .type = PERFETTO_INSTANT,
				   .track = track_id(OF_INTERVALS, t->number),
				   .name = PERFETTO_REQUESTED};

	return perfetto__event(&x->p, &e);
}

/* Closes the hold's slice before the mark, because an instant within a slice would belong to it. */
int timeline__follow_thread(struct timeline *x, const struct replay_step *s, __u64 flow)
{
	const struct replay_thread *t = s->thread;
	struct thread_tracks *tt = t->follower;
	bool timed = gil_thread_is_timed(&t->t);
	bool goes_on = s->edge.kind == GIL_EDGE_WAIT && s->state == GIL_THREAD_WAITING;
	bool begins = timed && s->edge.kind <= GIL_EDGE_ACQUIRE && !goes_on;
	int err = 0;

	forward(&tt->last_ts, s->edge.ts);
	if (tt->open && (begins || !timed))
		err = timeline__end_interval(
			x, t, s->ends_wait || s->ends_hold || s->partial ? NULL : "unfinished");
	/* As many as in the report: none at the end of a hold whose beginning was not seen. */
	if (!err && !x->min_ns && s->ends_hold && s->edge.flags & GIL_EDGE_F_REQUESTED)
		err = mark_request(x, t);
	if (!err && begins)
		return begin_interval(x, t, flow);
	if (!err && !x->min_ns && tt->open && t->t.cpu != s->cpu)
		err = end_slice(x, t) ?: begin_slice(x, t, part_name(&t->t), 0);
	return err;
}
