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

#include "core/export/export.h"
#include "core/base/format.h"
#include "core/export/perfetto.h"

/* The time that one value of the held counter covers. */
#define WINDOW_NS 10000000ULL

/* A track's number consists of its kind, and the number of its subject. */
enum track_of {
	OF_PROCESS = 1,
	OF_THREAD,
	OF_INTERVALS,
	OF_HANDOFFS,
	OF_OWNER,
	OF_WAITERS,
	OF_HELD,
};

struct thread_tracks {
	const struct replay_gil *gil;
	__u64 last_ts; /* time does not go back on a track */
	bool open; /* two slices are open: the wait or hold, and within it where the thread is */
	bool handoffs; /* the track of handoffs has been described */
	char comm[16]; /* the name under which the thread was described */
};

struct gil_tracks {
	__u64 last_ts;
	bool owned;                        /* a slice for the owner is open */
	const struct replay_thread *owner; /* the last one; NULL: unknown, or forgotten */
	__u32 waiters;
	bool held;
	__u64 window;  /* number of the window that is being added up */
	__u64 held_ns; /* time held in it, up to last_ts */
	__s64 percent; /* the last value written; -1: none yet */
};

struct export
{
	struct perfetto p;
	struct replay *replay;
	bool whole; /* the replay reports all edges, not only some threads' or intervals' */
	__u64 flows;
	/* Used while iterating over all threads or GILs: */
	int err;
	__u64 ts;
	const struct replay_gil *gil; /* only this GIL's; NULL: all */
};

static __u64 track_id(enum track_of what, __u64 number)
{
	return (__u64)what << 56 | number;
}

/* A thread's own track is shared by all of its GILs. */
static __u64 thread_id(const struct replay_gil *g, const struct gil_thread *t)
{
	return track_id(OF_THREAD, (__u64)(__u32)g->process->pid << 24 ^ t->tid);
}

static __u64 process_id(const struct replay_gil *g)
{
	return track_id(OF_PROCESS, (__u32)g->process->pid);
}

/* ---- tracks ---- */

static int tell_thread(struct export *x, const struct replay_gil *g, const struct replay_thread *t)
{
	struct format name = format_name(t->t.comm, sizeof(t->t.comm), false);
	struct perfetto_track track = {.id = thread_id(g, &t->t),
				       .parent = process_id(g),
				       .pid = g->process->pid,
				       .tid = (int)t->t.tid,
				       .comm = name.s};

	return perfetto__track(&x->p, &track);
}

static int new_thread(struct export *x, const struct replay_gil *g, struct replay_thread *t)
{
	struct thread_tracks *tt = t->follower = calloc(1, sizeof(*tt));
	struct perfetto_track track = {.id = track_id(OF_INTERVALS, t->number),
				       .parent = thread_id(g, &t->t),
				       .name = g->g.main ? "GIL" : "GIL of a sub-interpreter"};

	if (!tt)
		return -ENOMEM;
	tt->gil = g;
	memcpy(tt->comm, t->t.comm, sizeof(tt->comm));
	return tell_thread(x, g, t) ?: perfetto__track(&x->p, &track);
}

static int new_gil(struct export *x, struct replay_gil *g)
{
	struct gil_tracks *gt = g->follower = calloc(1, sizeof(*gt));
	struct format comm = format_name(g->process->comm, sizeof(g->process->comm), false);
	char owner[64], waiters[64], held[64];
	struct perfetto_track tracks[] = {
		{.id = process_id(g), .pid = g->process->pid, .comm = comm.s},
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
	size_t n = x->whole ? 4 : 2; /* otherwise the counters' data is not in the trace */
	int err = 0;

	if (!gt)
		return -ENOMEM;
	gt->percent = -1;
	snprintf(owner, sizeof(owner), "GIL %#llx owner", g->g.lock.address);
	snprintf(waiters, sizeof(waiters), "GIL %#llx waiting", g->g.lock.address);
	snprintf(held, sizeof(held), "GIL %#llx held", g->g.lock.address);
	for (size_t i = 0; i < n && !err; i++)
		err = perfetto__track(&x->p, &tracks[i]);
	return err;
}

/* ---- a thread's intervals ---- */

static __u64 forward(__u64 *last, __u64 ts)
{
	if (ts > *last)
		*last = ts;
	return *last;
}

static int begin_slice(struct export *x, const struct replay_thread *t, enum perfetto_name name,
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

static int end_slice(struct export *x, const struct replay_thread *t, const char *mark)
{
	struct thread_tracks *tt = t->follower;
	struct perfetto_event e = {.ts = tt->last_ts,
				   .type = PERFETTO_SLICE_END,
				   .track = track_id(OF_INTERVALS, t->number),
				   .mark = mark};

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

static int begin_interval(struct export *x, const struct replay_thread *t, __u64 flow)
{
	struct thread_tracks *tt = t->follower;
	enum perfetto_name name = PERFETTO_HOLD;

	if (t->t.state == GIL_THREAD_WAITING)
		name = t->t.partial ? PERFETTO_WAIT_EARLIER : PERFETTO_WAIT;
	tt->open = true;
	return begin_slice(x, t, name, flow) ?: begin_slice(x, t, part_name(&t->t), 0);
}

static int end_interval(struct export *x, const struct replay_thread *t, const char *mark)
{
	struct thread_tracks *tt = t->follower;

	if (!tt->open)
		return 0;
	tt->open = false;
	return end_slice(x, t, NULL) ?: end_slice(x, t, mark);
}

static int mark_request(struct export *x, const struct replay_thread *t)
{
	struct thread_tracks *tt = t->follower;
	struct perfetto_event e = {.ts = tt->last_ts,
				   .type = PERFETTO_INSTANT,
				   .track = track_id(OF_INTERVALS, t->number),
				   .name = PERFETTO_REQUESTED};

	return perfetto__event(&x->p, &e);
}

/* Closes the hold's slice before the mark, because an instant within a slice would belong to it. */
static int follow_thread(struct export *x, const struct replay_step *s, __u64 flow)
{
	const struct replay_thread *t = s->thread;
	struct thread_tracks *tt = t->follower;
	bool timed = gil_thread_is_timed(&t->t);
	bool goes_on = s->edge.kind == GIL_EDGE_WAIT && s->state == GIL_THREAD_WAITING;
	bool begins = timed && s->edge.kind <= GIL_EDGE_ACQUIRE && !goes_on;
	int err = 0;

	forward(&tt->last_ts, s->edge.ts);
	if (tt->open && (begins || !timed))
		err = end_interval(
			x, t, s->ends_wait || s->ends_hold || s->partial ? NULL : "unfinished");
	/* As many as in the report: none at the end of a hold whose beginning was not seen. */
	if (!err && s->ends_hold && s->edge.flags & GIL_EDGE_F_REQUESTED)
		err = mark_request(x, t);
	if (!err && begins)
		return begin_interval(x, t, flow);
	if (!err && tt->open && t->t.cpu != s->cpu)
		err = end_slice(x, t, NULL) ?: begin_slice(x, t, part_name(&t->t), 0);
	return err;
}

/* ---- a GIL's owner and its counters ---- */

static int count_event(struct export *x, __u64 track, __u64 ts, __s64 value)
{
	struct perfetto_event e = {
		.ts = ts, .type = PERFETTO_COUNTER, .track = track, .value = value};

	return perfetto__event(&x->p, &e);
}

static int put_percent(struct export *x, const struct replay_gil *g, __u64 window, __u64 held_ns)
{
	struct gil_tracks *gt = g->follower;
	__s64 percent = (__s64)((held_ns * 100 + WINDOW_NS / 2) / WINDOW_NS);

	if (percent == gt->percent)
		return 0;
	gt->percent = percent;
	return count_event(x, track_id(OF_HELD, g->number), window * WINDOW_NS, percent);
}

/* Adds the time up to ts to the windows that it belongs to. */
static int follow_held(struct export *x, const struct replay_gil *g, __u64 ts)
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

static int end_owner(struct export *x, const struct replay_gil *g, const char *mark)
{
	struct gil_tracks *gt = g->follower;
	struct perfetto_event e = {.ts = gt->last_ts,
				   .type = PERFETTO_SLICE_END,
				   .track = track_id(OF_OWNER, g->number),
				   .mark = mark};

	if (!gt->owned)
		return 0;
	gt->owned = false;
	return perfetto__event(&x->p, &e);
}

static int begin_owner(struct export *x, const struct replay_gil *g, const struct replay_thread *t)
{
	struct gil_tracks *gt = g->follower;
	struct format name = format_name(t->t.comm, sizeof(t->t.comm), false);
	char text[48];
	struct perfetto_event e = {.ts = gt->last_ts,
				   .type = PERFETTO_SLICE_BEGIN,
				   .track = track_id(OF_OWNER, g->number),
				   .text = text};

	snprintf(text, sizeof(text), "%.32s %u", name.s, t->t.tid);
	gt->owned = true;
	gt->owner = t;
	return perfetto__event(&x->p, &e);
}

static int follow_owner(struct export *x, const struct replay_step *s)
{
	struct gil_tracks *gt = s->gil->follower;
	int err;

	if (s->edge.kind == GIL_EDGE_RELEASE) {
		gt->owner = s->thread; /* the owner may have been unknown */
		return end_owner(x, s->gil, NULL);
	}
	if (s->edge.kind == GIL_EDGE_EXIT && gt->owned && gt->owner == s->thread)
		return end_owner(x, s->gil, "unfinished");
	if (s->edge.kind != GIL_EDGE_ACQUIRE || s->thread->t.state != GIL_THREAD_HOLDING)
		return 0;
	err = end_owner(x, s->gil, "unfinished");
	return err ?: begin_owner(x, s->gil, s->thread);
}

static int follow_gil(struct export *x, const struct replay_step *s)
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

/* ---- handoffs ---- */

static int tell_handoffs(struct export *x, const struct replay_gil *g,
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
static int follow_handoff(struct export *x, const struct replay_step *s, __u64 *flow)
{
	struct gil_tracks *gt = s->gil->follower;
	const struct replay_thread *from = gt->owner;
	struct perfetto_event e = {.type = PERFETTO_SLICE_BEGIN, .name = PERFETTO_HANDOFF};
	int err;

	*flow = 0;
	if (!s->handoff.count || !from || from->t.tid != s->handoff.from || !from->follower)
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
	struct export *x = ctx;
	__u64 flow;
	int err = 0;

	if (!s->gil->follower)
		err = new_gil(x, s->gil);
	if (!err && !s->thread->follower)
		err = new_thread(x, s->gil, s->thread);
	err = err ?: follow_handoff(x, s, &flow);
	err = err ?: follow_thread(x, s, flow);
	return err ?: follow_gil(x, s);
}

/* Closes everything, at the end of the trace or of what is known about a GIL. */
static void close_thread(void *ctx, struct replay_gil *g, struct replay_thread *t)
{
	struct export *x = ctx;
	struct thread_tracks *tt = t->follower;

	if (!tt || x->err || (x->gil && g != x->gil))
		return;
	forward(&tt->last_ts, x->ts);
	x->err = end_interval(x, t, "unfinished");
}

static void close_gil(void *ctx, struct replay_gil *g)
{
	struct export *x = ctx;
	struct gil_tracks *gt = g->follower;

	if (!gt || x->err || (x->gil && g != x->gil))
		return;
	if (x->whole)
		x->err = follow_held(x, g, x->ts > gt->last_ts ? x->ts : gt->last_ts);
	forward(&gt->last_ts, x->ts);
	gt->held = false;
	if (!x->err)
		x->err = end_owner(x, g, "unfinished");
	if (!x->err && x->whole && gt->waiters)
		x->err = count_event(x, track_id(OF_WAITERS, g->number), gt->last_ts, 0);
	gt->waiters = 0;
	gt->owner = NULL;
}

static int close_all(struct export *x, const struct replay_gil *only, __u64 ts)
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
	struct export *x = ctx;
	struct thread_tracks *tt = t->follower;
	struct gil_tracks *gt = tt ? tt->gil->follower : NULL;

	if (!tt)
		return;
	/* The thread may have got another name since. */
	if (!x->err && memcmp(tt->comm, t->t.comm, sizeof(tt->comm)))
		x->err = tell_thread(x, tt->gil, t);
	if (!x->err)
		x->err = end_interval(x, t, "unfinished");
	if (gt && gt->owner == t)
		gt->owner = NULL;
	free(tt);
	t->follower = NULL;
}

static void on_gil_gone(void *ctx, struct replay_gil *g)
{
	struct export *x = ctx;

	if (g->follower && !x->err)
		x->err = end_owner(x, g, "unfinished");
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

int export_perfetto(FILE *out, struct replay *r, __u64 until_ns, struct failure *f)
{
	const struct replay_follower follower = {.step = on_step,
						 .gap = on_gap,
						 .thread_gone = on_thread_gone,
						 .gil_gone = on_gil_gone};
	const struct trace_header *h = replay__header(r);
	struct export x = {.replay = r, .whole = replay__is_whole(r)};
	int err = perfetto__begin(&x.p, out, replay__start(r), h->boottime_ns, h->realtime_ns);

	replay__follow(r, &follower, &x);
	if (!err)
		err = replay__run(r, until_ns, f);
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
