// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Applies what the reader delivers. Each edge goes through gil_model_step, as it did in the kernel.
 * Everything else on which the kernel's records depended is in the trace as records, each at its
 * place between the edges: a thread's initial state, when dead waiters were taken off a GIL's
 * account, which threads' rows were folded into one, and where edges are missing.
 *
 * A trace with only the long waits and holds describes single intervals, not the GIL as a whole.
 * Its replay does not connect releases with acquisitions, and the report is made from the figures
 * at its end.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/format.h"
#include "core/replay/replay_state.h"

#define MEMORY_LIMIT (1UL << 30)

/* ---- edges ---- */

/* Notes the state of the thread before the edge, for a follower. */
static void note_before(struct replay_step *s, const struct gil_thread *t)
{
	s->state = t->state;
	s->cpu = t->cpu;
	s->partial = t->partial;
	s->since = t->since;
	memcpy(s->part, s->edge.kind == GIL_EDGE_ACQUIRE ? t->fig.wait_part : t->fig.hold_part,
	       sizeof(s->part));
}

/* Notes what the edge has ended, from the difference it made to the figures. */
static void note_after(struct replay_step *s, const struct gil_thread *t, __u64 waits, __u64 holds)
{
	const __u64 *part = s->edge.kind == GIL_EDGE_ACQUIRE ? t->fig.wait_part : t->fig.hold_part;

	s->ends_wait = t->fig.contended != waits;
	s->ends_hold = t->fig.releases != holds;
	s->ns = 0;
	for (int i = 0; i < GIL_PARTS; i++) {
		s->part[i] = part[i] - s->part[i];
		s->ns += s->part[i];
	}
}

static int tell_step(struct replay *r, struct gil *g, struct row *row, struct replay_step *s,
		     const __u64 *before)
{
	s->gil = &g->public;
	s->thread = &row->public;
	if (s->edge.kind == GIL_EDGE_ACQUIRE || s->edge.kind == GIL_EDGE_RELEASE)
		note_after(s, &row->public.t, before[0], before[1]);
	if (r->only_tid && (pid_t)row->public.t.tid != r->only_tid)
		return 0;
	return r->follower->step(r->follower_ctx, s);
}

static void exit_thread(struct gil *g, struct gil_thread *t, __u64 ts)
{
	/* A SETTLED record says when the GIL's record took the thread off its waiters. */
	if (t->state == GIL_THREAD_WAITING)
		g->died++;
	gil_thread_exit(t, ts);
}

static struct gil_handoff step(struct gil *g, struct gil_thread *t, const struct gil_edge *e)
{
	struct gil_handoff none = {0};

	if (__builtin_expect(e->kind != GIL_EDGE_EXIT, 1))
		return gil_model_step(&g->public.g.lock, t, e);
	exit_thread(g, t, e->ts);
	return none;
}

/* In a filtered trace, the thread's previous edges are missing, so its state means nothing. */
static void begin_wait(struct gil_thread *t, enum trace_code code)
{
	t->state = code == TRACE_CODE_WAIT_UNSEEN ? GIL_THREAD_UNSEEN : GIL_THREAD_IDLE;
}

static int apply_edge(struct replay *r, const struct trace_item *item)
{
	struct row *row = item->slot < r->nr_slots ? r->slots[item->slot] : NULL;
	struct replay_step s;
	struct gil_thread *t;
	struct gil *g;
	__u64 before[2] = {0}, free_since;

	r->hits += trace_edge_of[item->code].kind <= GIL_EDGE_RELEASE;
	if (!row)
		return 0; /* its process or thread was not asked for */
	g = row->gil;
	t = &row->public.t;
	row->listed = true;
	s.edge = (struct gil_edge){.ts = item->ts,
				   .tid = t->tid,
				   .kind = trace_edge_of[item->code].kind,
				   .flags = trace_edge_of[item->code].flags};
	if (s.edge.kind == GIL_EDGE_WAIT && __builtin_expect(r->filtered, 0))
		begin_wait(t, item->code);
	if (r->follower) {
		note_before(&s, t);
		before[0] = t->fig.contended;
		before[1] = t->fig.releases;
		s.ends_wait = s.ends_hold = false;
	}
	free_since = g->public.g.lock.since;
	s.handoff = step(g, t, &s.edge);
	if (item->ts > g->last_ts)
		g->last_ts = item->ts;
	if (__builtin_expect(s.handoff.count, 0)) {
		s.gap_ns = gil_elapsed(free_since, item->ts);
		if (replay__count_sum(r, g, GIL_SUM_HANDOFFS,
				      gil_pair(s.handoff.from, s.handoff.to), s.handoff.wait_ns))
			return -ENOMEM;
	}
	if (__builtin_expect(r->filtered, 0) && s.edge.kind <= GIL_EDGE_RELEASE) {
		g->public.g.lock.state = GIL_LOCK_UNSEEN;
		g->public.g.lock.since = item->ts;
		if (item->code == TRACE_CODE_ACQUIRE_ONLY)
			t->state = GIL_THREAD_IDLE;
	}
	return r->follower ? tell_step(r, g, row, &s, before) : 0;
}

int replay__gap(struct replay *r, struct gil *g, __u64 since, __u64 ts)
{
	since = gil__gap(g, since, ts);
	return r->follower && r->follower->gap
		       ? r->follower->gap(r->follower_ctx, &g->public, since)
		       : 0;
}

/* Frames are missing. Between the last edges before them and the next ones, anything may have
 * happened to any GIL. */
static int apply_gap(struct replay *r, __u64 ts)
{
	int err = 0;

	r->gap = false;
	for (struct program *pg = r->alive; pg && !err; pg = pg->next)
		for (size_t i = 0; i < pg->nr_gils && !err; i++)
			err = replay__gap(r, pg->gils[i], 0, ts);
	return err;
}

/* ---- running ---- */

static int apply(struct replay *r, struct trace_item *item)
{
	switch (item->kind) {
	case TRACE_ITEM_EDGE:
		return apply_edge(r, item);
	case TRACE_ITEM_RECORD:
		return replay__apply_record(r, &item->record);
	case TRACE_ITEM_CHUNK:
		r->nr_slots = 0;
		return r->gap ? apply_gap(r, item->ts) : 0;
	case TRACE_ITEM_GAP:
		r->gap = true; /* until the next edges */
		return 0;
	default:
		return 0;
	}
}

static int finish(struct replay *r)
{
	int err = 0;

	r->finished = true;
	if (r->status.flags & TRACE_STATUS_FINAL)
		r->now = r->status.end_ns;
	if (r->gap)
		err = apply_gap(r, r->now);
	r->finished_at = r->now;
	return err ?: replay__finish_figures(r);
}

static int out_of_memory(const struct replay *r, struct failure *f)
{
	if (!r->over_limit) {
		failure__what(f, "out of memory");
		return -ENOMEM;
	}
	failure__what(f, "the trace has more processes and threads than fit into %zu MiB",
		      r->memory_limit >> 20);
	failure__cause(f, "few programs have that many: the file may be damaged");
	return -ENOMEM;
}

/* In a filtered trace, edges of long waits and holds come late, and earlier ones may follow. So
 * each is compared with the requested range by itself. */
static bool is_beside(const struct replay *r, const struct trace_item *item, __u64 until_ns)
{
	if (item->kind != TRACE_ITEM_EDGE || !r->filtered)
		return false;
	return item->ts > until_ns || (r->ranged && item->ts < r->start);
}

/* True if the item is after until_ns. A record of lost edges counts from where the gap begins,
 * though it is read at its end. */
static bool is_later(const struct replay *r, const struct trace_item *item, __u64 until_ns)
{
	struct span body = item->record.body;
	struct trace_lost lost;

	if (r->filtered)
		return false;
	if (item->kind == TRACE_ITEM_EDGE)
		return item->ts > until_ns;
	if (item->kind == TRACE_ITEM_RECORD && item->record.type == TRACE_RECORD_SAMPLES)
		return item->ts > until_ns;
	return item->kind == TRACE_ITEM_RECORD && item->record.type == TRACE_RECORD_LOST &&
	       trace_lost__get(&body, &lost) && lost.since > until_ns;
}

int replay__run(struct replay *r, __u64 until_ns, struct failure *f)
{
	while (!r->finished) {
		struct trace_item *item = &r->item;
		int err = 0;

		if (!r->have_item)
			err = trace_reader__next(r->reader, item, f);
		if (err)
			return err;
		r->have_item = item->kind != TRACE_ITEM_END;
		if (!r->have_item) {
			err = finish(r);
			if (err)
				return err == -ENOMEM ? out_of_memory(r, f) : err;
			break;
		}
		if (is_later(r, item, until_ns)) {
			r->now = until_ns;
			return 1;
		}
		r->have_item = false;
		if (is_beside(r, item, until_ns))
			continue;
		err = apply(r, item);
		if (err)
			return err == -ENOMEM ? out_of_memory(r, f) : err;
		if (item->kind == TRACE_ITEM_EDGE && item->ts > r->now)
			r->now = item->ts;
	}
	r->ends_before = r->finished_at > until_ns;
	r->now = r->ends_before ? until_ns : r->finished_at;
	return 0;
}

int replay__begin(struct replay *r, __u64 from_ns, struct failure *f)
{
	const struct replay_follower *follower = r->follower;
	int more;

	if (!r->read_all)
		trace_reader__skip_until(r->reader, from_ns);
	if (r->filtered) {
		replay__reset(r, from_ns);
		return 1;
	}
	r->follower = NULL;
	r->from = from_ns;
	more = replay__run(r, from_ns, f);
	r->follower = follower;
	r->from = 0;
	if (!more && r->now < from_ns) {
		failure__what(f, "--from is past the end of the trace (%s)",
			      format_ns(gil_elapsed(r->start, r->now), false).s);
		return -EINVAL;
	}
	if (more >= 0)
		replay__reset(r, from_ns);
	return more;
}

void replay__read_all(struct replay *r)
{
	r->read_all = true;
}

static void look_if_unseen(void *ctx, struct replay_gil *g)
{
	bool *unseen = ctx;

	*unseen |= g->g.lock.state == GIL_LOCK_UNSEEN && g->g.locked_at_start < 0;
}

bool replay__has_skipped(struct replay *r)
{
	bool unseen = false;

	if (r->ranged && !r->read_all && !r->filtered)
		replay__each(r, look_if_unseen, NULL, &unseen);
	return unseen;
}

/* ---- opening, and queries ---- */

/* A flight recorder's trace begins with a record that says where its window begins. */
static int look_for_window(struct replay *r, struct failure *f)
{
	int err = trace_reader__next(r->reader, &r->item, f);

	if (err)
		return err;
	r->have_item = r->item.kind != TRACE_ITEM_END;
	if (r->item.kind == TRACE_ITEM_RECORD && r->item.record.type == TRACE_RECORD_WINDOW)
		replay__apply_window(r, r->item.record.ts);
	return 0;
}

int replay__open_stream(struct replay **out, FILE *in, const char *name, struct failure *f)
{
	struct replay *r = calloc(1, sizeof(*r));
	const struct trace_header *header;
	int err;

	*out = NULL;
	if (!r || !(r->rest = snapshot__new())) {
		failure__what(f, "out of memory");
		fclose(in);
		free(r);
		return -ENOMEM;
	}
	r->memory_limit = MEMORY_LIMIT;
	r->alive_end = &r->alive;
	r->past_end = &r->past;
	r->status.exit_status = -1;
	r->status.probe_ns_per_hit = -1;
	err = trace_reader__open(&r->reader, in, name, f);
	if (err) {
		replay__free(r);
		return err;
	}
	header = trace_reader__header(r->reader);
	r->filtered = header->min_wait_ns || header->min_hold_ns;
	r->start = r->now = header->start_ns;
	r->end = trace_reader__last_ns(r->reader);
	err = look_for_window(r, f);
	if (err)
		replay__free(r);
	else
		*out = r;
	return err;
}

int replay__open(struct replay **out, const char *path, struct failure *f)
{
	FILE *in = strcmp(path, "-") ? fopen(path, "re") : fdopen(dup(STDIN_FILENO), "r");
	int err = -errno;

	*out = NULL;
	if (in)
		return replay__open_stream(out, in, strcmp(path, "-") ? path : "standard input", f);
	failure__what(f, "cannot open %s: %s", path, strerror(-err));
	if (err == -ENOENT)
		failure__command(f, "gilscope record -o %s -- python3 ...", path);
	else
		failure__command(f, "ls -l %s", path);
	return err;
}

void replay__free(struct replay *r)
{
	if (!r)
		return;
	replay__free_state(r);
	trace_reader__free(r->reader);
	free(r);
}

__u64 replay__start(const struct replay *r)
{
	return r->start;
}

__u64 replay__now(const struct replay *r)
{
	return r->now;
}

__u64 replay__end(const struct replay *r)
{
	return r->end;
}

const struct trace_header *replay__header(const struct replay *r)
{
	return trace_reader__header(r->reader);
}

const struct trace_condition *replay__condition(const struct replay *r)
{
	return trace_reader__condition(r->reader);
}

void replay__only(struct replay *r, pid_t pid, pid_t tid)
{
	r->only_pid = pid;
	r->only_tid = tid;
}

int replay__need_found(const struct replay *r, const char *path, struct failure *f)
{
	bool no_process = r->only_pid && !r->found_pid;
	const char *where =
		r->ranged || !r->finished || r->ends_before ? ", at least not in this part" : "";

	if (!no_process && (!r->only_tid || r->found_tid))
		return 0;
	if (no_process)
		failure__what(f, "%s has no process %d%s", path, r->only_pid, where);
	else if (r->only_pid)
		failure__what(f, "%s has no thread %d of process %d%s", path, r->only_tid,
			      r->only_pid, where);
	else
		failure__what(f, "%s has no thread %d that used the GIL%s", path, r->only_tid,
			      where);
	failure__command(f, "gilscope report %s", path);
	return -ENOENT;
}

void replay__limit_memory(struct replay *r, size_t bytes)
{
	r->memory_limit = bytes;
}

void replay__follow(struct replay *r, const struct replay_follower *follower, void *ctx)
{
	r->follower = follower;
	r->follower_ctx = ctx;
}

bool replay__is_whole(const struct replay *r)
{
	return !r->only_tid && !r->filtered;
}

void replay__each(struct replay *r, void (*gil)(void *ctx, struct replay_gil *g),
		  void (*thread)(void *ctx, struct replay_gil *g, struct replay_thread *t),
		  void *ctx)
{
	struct program *lists[] = {r->past, r->alive};

	for (int i = 0; i < 2; i++)
		for (struct program *pg = lists[i]; pg; pg = pg->next)
			for (size_t j = 0; j < pg->nr_gils; j++) {
				struct gil *g = pg->gils[j];

				if (gil)
					gil(ctx, &g->public);
				for (struct row *row = g->rows; thread && row; row = row->next)
					thread(ctx, &g->public, &row->public);
			}
}
