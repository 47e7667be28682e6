// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>

#include "gil_model.h"
#include "core/trace/trace_filter.h"

static int hold_back(struct trace_filter *f, const struct gil_edge *e)
{
	if (f->nr == f->room) {
		size_t room = f->room ? 2 * f->room : 16;
		struct gil_edge *grown = reallocarray(f->held, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		f->held = grown;
		f->room = room;
	}
	f->held[f->nr++] = *e;
	return 0;
}

static int let_through(struct trace_filter *f, trace_filter_put *put, void *ctx)
{
	int err = 0;

	for (size_t i = 0; i < f->nr && !err; i++)
		err = put(ctx, &f->held[i], false);
	f->nr = 0;
	f->owes_acquire = false;
	return err;
}

/* The length from which the current wait or hold is kept. 0: never, or there is none. */
static __u64 limit(const struct trace_filter *f, const struct trace_filter_limits *limits)
{
	if (f->state == GIL_THREAD_WAITING)
		return limits->min_wait_ns;
	return f->state == GIL_THREAD_HOLDING ? limits->min_hold_ns : 0;
}

static bool is_long(const struct trace_filter *f, const struct trace_filter_limits *limits,
		    __u64 ts)
{
	__u64 least = limit(f, limits);

	return f->passing || (least && gil_elapsed(f->since, ts) >= least);
}

static void set_state(struct trace_filter *f, __u8 state)
{
	f->state = state;
	f->passing = f->owes_acquire = false;
	f->nr = 0;
}

static int begin(struct trace_filter *f, __u8 state, const struct gil_edge *e)
{
	set_state(f, state);
	f->since = e->ts;
	return hold_back(f, e);
}

/* As in the model, the thread may have waited before it was seen, and every slice gives this
 * edge. */
static int wait(struct trace_filter *f, const struct gil_edge *e)
{
	struct gil_edge first = *e;

	if (f->state == GIL_THREAD_WAITING)
		return 0;
	if (f->state == GIL_THREAD_UNSEEN)
		first.flags |= GIL_EDGE_F_UNSEEN;
	return begin(f, GIL_THREAD_WAITING, &first);
}

static int acquire(struct trace_filter *f, const struct trace_filter_limits *limits,
		   const struct gil_edge *e, trace_filter_put *put, void *ctx)
{
	bool kept = f->state == GIL_THREAD_WAITING && is_long(f, limits, e->ts);
	int err = kept ? let_through(f, put, ctx) : 0;

	err = err ?: begin(f, GIL_THREAD_HOLDING, e);
	f->owes_acquire = kept;
	return err;
}

static int put_owed(struct trace_filter *f, trace_filter_put *put, void *ctx)
{
	bool owed = f->owes_acquire;

	f->owes_acquire = false;
	return owed ? put(ctx, &f->held[0], true) : 0;
}

/* The end of a hold, or of a wait that was given up. The latter passes only if its wait has
 * passed. */
static int release(struct trace_filter *f, const struct trace_filter_limits *limits,
		   const struct gil_edge *e, trace_filter_put *put, void *ctx)
{
	int err;

	if (f->passing || (f->state != GIL_THREAD_WAITING && is_long(f, limits, e->ts))) {
		err = let_through(f, put, ctx);
		err = err ?: put(ctx, e, false);
	} else {
		err = put_owed(f, put, ctx);
	}
	set_state(f, GIL_THREAD_IDLE);
	return err;
}

/* An edge of the scheduler. */
static int within(struct trace_filter *f, const struct trace_filter_limits *limits,
		  const struct gil_edge *e, trace_filter_put *put, void *ctx)
{
	int err = 0;

	if (!limit(f, limits))
		return 0;
	if (!is_long(f, limits, e->ts))
		return hold_back(f, e);
	if (!f->passing)
		err = let_through(f, put, ctx);
	f->passing = true;
	return err ?: put(ctx, e, false);
}

int trace_filter__so_far(struct trace_filter *f, const struct trace_filter_limits *limits, __u64 ts,
			 trace_filter_put *put, void *ctx)
{
	int err;

	if (f->passing || !is_long(f, limits, ts))
		return put_owed(f, put, ctx);
	err = let_through(f, put, ctx);
	f->passing = true;
	return err;
}

int trace_filter__lost(struct trace_filter *f, const struct trace_filter_limits *limits,
		       __u64 since, trace_filter_put *put, void *ctx)
{
	int err = trace_filter__so_far(f, limits, since, put, ctx);

	set_state(f, GIL_THREAD_UNSEEN);
	return err;
}

int trace_filter__edge(struct trace_filter *f, const struct trace_filter_limits *limits,
		       const struct gil_edge *e, trace_filter_put *put, void *ctx)
{
	int err;

	switch (e->kind) {
	case GIL_EDGE_WAIT:
		return wait(f, e);
	case GIL_EDGE_ACQUIRE:
		return acquire(f, limits, e, put, ctx);
	case GIL_EDGE_RELEASE:
		return release(f, limits, e, put, ctx);
	case GIL_EDGE_EXIT:
		err = trace_filter__so_far(f, limits, e->ts, put, ctx);
		set_state(f, GIL_THREAD_GONE);
		return err ?: put(ctx, e, false);
	default:
		return within(f, limits, e, put, ctx);
	}
}

void trace_filter__free(struct trace_filter *f)
{
	free(f->held);
	*f = (struct trace_filter){0};
}
