// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A timeline for Perfetto's viewer. Each GIL has a track that shows its owner, and two counters:
 * how many threads wait, and how much of the time it is held. Each of its threads has a track of
 * waits and holds, with slices within them that show where the thread was; and a track of the
 * handoffs that it gave, from its release to the next thread's acquisition. An arrow leads from a
 * handoff to the hold that it began.
 *
 * A handoff is known only when the next thread has the GIL, and by then the thread that gave it may
 * have gone on. So handoffs have a track of their own, on which time never goes back, and nothing
 * has to be held back.
 *
 * What is still going on at the end of the trace, or where edges are missing, is closed there and
 * marked "unfinished". It is not in any of the report's sums, and neither is a wait that began
 * before the observation.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/export/export.h"
#include "core/export/timeline.h"

/* ---- handoffs ---- */

static int tell_handoffs(struct timeline *x, const struct replay_gil *g,
			 const struct replay_thread *t)
{
	struct thread_tracks *tt = t->follower;
	struct perfetto_track track = {.id = track_id(OF_HANDOFFS, t->number),
				       .parent = thread_id(g, &t->t),
				       .name = "GIL handoffs"};

	if (tt->handoffs)
		return 0;
	tt->handoffs = true;
	return perfetto__track(&x->p, &track);
}

/* Draws a handoff from the last owner, if known, to the thread that has the GIL now. *flow is the
 * arrow's number, or 0 if there is none. */
static int follow_handoff(struct timeline *x, const struct replay_step *s, __u64 *flow)
{
	struct gil_tracks *gt = s->gil->follower;
	const struct replay_thread *from = gt->owner;
	struct perfetto_event e = {.type = PERFETTO_SLICE_BEGIN, .name = PERFETTO_HANDOFF};
	int err;

	*flow = 0;
	/* Without the short holds, many arrows would end nowhere. */
	if (x->min_ns || !s->handoff.count || !from || from->t.tid != s->handoff.from ||
	    !from->follower)
		return 0;
	err = tell_handoffs(x, s->gil, from);
	*flow = ++x->flows;
	e.track = track_id(OF_HANDOFFS, from->number);
	e.ts = s->edge.ts - s->gap_ns;
	e.flow = *flow;
	err = err ?: perfetto__event(&x->p, &e);
	e = (struct perfetto_event){.ts = s->edge.ts, .type = PERFETTO_SLICE_END, .track = e.track};
	return err ?: perfetto__event(&x->p, &e);
}

/* ---- callbacks of the replay ---- */

static int on_step(void *ctx, const struct replay_step *s)
{
	struct timeline *x = ctx;
	__u64 flow;
	int err = 0;

	if (!s->gil->follower)
		err = timeline__new_gil(x, s->gil);
	if (!err && !s->thread->follower)
		err = timeline__new_thread(x, s->gil, s->thread);
	err = err ?: follow_handoff(x, s, &flow);
	err = err ?: timeline__follow_thread(x, s, flow);
	return err ?: timeline__follow_gil(x, s);
}

static int on_sample(void *ctx, struct replay_gil *g, const struct blame_sample *s)
{
	return timeline__sample(ctx, g, s);
}

/* Closes everything, at the end of the trace or of what is known about a GIL. */
static void close_thread(void *ctx, struct replay_gil *g, struct replay_thread *t)
{
	struct timeline *x = ctx;
	struct thread_tracks *tt = t->follower;

	if (!tt || x->err || (x->gil && g != x->gil))
		return;
	forward(&tt->last_ts, x->ts);
	x->err = timeline__end_interval(x, t, "unfinished");
}

static void close_gil(void *ctx, struct replay_gil *g)
{
	struct timeline *x = ctx;

	if (!g->follower || x->err || (x->gil && g != x->gil))
		return;
	x->err = timeline__close_gil(x, g, x->ts);
}

static int close_all(struct timeline *x, const struct replay_gil *only, __u64 ts)
{
	x->gil = only;
	x->ts = ts;
	replay__each(x->replay, close_gil, close_thread, x);
	return x->err;
}

static int on_gap(void *ctx, struct replay_gil *g, __u64 ts)
{
	return close_all(ctx, g, ts);
}

static void on_thread_gone(void *ctx, struct replay_thread *t)
{
	struct timeline *x = ctx;
	struct thread_tracks *tt = t->follower;
	struct gil_tracks *gt = tt ? tt->gil->follower : NULL;

	if (!tt)
		return;
	/* The thread may have got another name since. */
	if (!x->err && strcmp(tt->name.s, snapshot_thread__name(&t->t, false).s) != 0)
		x->err = timeline__tell_thread(x, tt->gil, t);
	if (!x->err)
		x->err = timeline__end_interval(x, t, "unfinished");
	if (gt && gt->owner == t)
		gt->owner = NULL;
	free(tt->code);
	free(tt);
	t->follower = NULL;
}

static void on_gil_gone(void *ctx, struct replay_gil *g)
{
	struct timeline *x = ctx;
	const struct gil_tracks *gt = g->follower;

	/* The process may have got another name since. */
	if (gt && !x->err &&
	    strcmp(gt->process.s, snapshot_process__name(g->process, false).s) != 0)
		x->err = timeline__tell_process(x, g);
	if (gt && !x->err)
		x->err = timeline__end_owner(x, g, "unfinished");
	free(g->follower);
	g->follower = NULL;
}

static void forget_gil(void *ctx, struct replay_gil *g)
{
	on_gil_gone(ctx, g);
}

static void forget_thread(void *ctx, struct replay_gil *g, struct replay_thread *t)
{
	(void)g;
	on_thread_gone(ctx, t);
}

int export_perfetto(FILE *out, struct replay *r, const struct export_part *part, struct failure *f)
{
	const struct replay_follower follower = {.step = on_step,
						 .sample = on_sample,
						 .gap = on_gap,
						 .thread_gone = on_thread_gone,
						 .gil_gone = on_gil_gone};
	const struct trace_header *h = replay__header(r);
	struct timeline x = {
		.replay = r,
		.min_ns = part->min_ns,
		.whole = replay__is_whole(r) && !part->min_ns,
	};
	int err = perfetto__begin(&x.p, out, replay__start(r), h->boottime_ns, h->realtime_ns);

	replay__follow(r, &follower, &x);
	if (!err)
		err = replay__run(r, part->until_ns, f);
	if (err >= 0) /* above 0: there is more, beyond until_ns */
		err = close_all(&x, NULL, replay__now(r));
	replay__each(r, NULL, forget_thread, &x);
	replay__each(r, forget_gil, NULL, &x);
	replay__follow(r, NULL, NULL);
	perfetto__free(&x.p);
	err = err ?: x.err;
	if (!err && (fflush(out) || ferror(out)))
		err = errno ? -errno : -EIO;
	return err;
}
