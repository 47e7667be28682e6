// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Replays of traces that have only what is long (--min-wait, --min-hold). */
#include "core/trace/trace_filter.h"
#include "random.h"
#include "replay_run.h"
#include "test.h"

struct intervals {
	__u64 min_wait_ns, min_hold_ns;
	size_t nr, edges;
	struct interval {
		__u64 since, ns, part[GIL_PARTS];
		__u32 tid;
		bool is_wait;
	} all[RUN_EDGES];
};

static int note_interval(void *ctx, const struct replay_step *s)
{
	struct intervals *to = ctx;
	struct interval *i = &to->all[to->nr];

	to->edges++;
	if (!s->ends_wait && !s->ends_hold)
		return 0;
	if (s->ns < (s->ends_wait ? to->min_wait_ns : to->min_hold_ns))
		return 0;
	to->nr++;
	memset(i, 0, sizeof(*i));
	i->since = s->since;
	i->ns = s->ns;
	memcpy(i->part, s->part, sizeof(i->part));
	i->tid = s->thread->t.tid;
	i->is_wait = s->ends_wait;
	return 0;
}

static int by_thread_and_time(const void *a, const void *b)
{
	const struct interval *x = a, *y = b;

	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	if (x->since != y->since)
		return x->since < y->since ? -1 : 1;
	return y->is_wait - x->is_wait; /* a wait of length 0 may begin where a hold begins */
}

/* Ends the tape, replays it, and frees it. */
static struct snapshot *intervals_of_tape(struct intervals *out, const struct snapshot *wanted)
{
	const struct replay_follower follower = {.step = note_interval};
	struct replay *r;
	struct snapshot *s;

	out->nr = out->edges = 0;
	tape__end(&tape, wanted, true);
	r = tape__replay(&tape, tape.file.size, &failure);
	replay__follow(r, &follower, out);
	s = replayed(r, ~0ULL);
	qsort(out->all, out->nr, sizeof(*out->all), by_thread_and_time);
	replay__free(r);
	tape__free(&tape);
	return s;
}

/* Only the longest waits and holds: each one as in a complete trace, and no others. The report is
 * made from the kernel's figures. */
TEST(filtered_traces_keep_what_is_long)
{
	static struct intervals kept, wanted_kept;
	struct shape all = {.chunk_edges = 50}, shape;
	size_t waits = 0, holds = 0;

	for (__u64 seed = 1; seed <= RUNS && !test_failure[0]; seed++) {
		struct snapshot *s, *wanted;

		all.loses = seed % 2;
		shape = all;
		shape.options.min_wait_ns = seed % 7 ? 1 << 14 : 0;
		shape.options.min_hold_ns = seed % 5 ? 1 << 15 : 0;
		wanted_kept.min_wait_ns = shape.options.min_wait_ns ?: ~0ULL;
		wanted_kept.min_hold_ns = shape.options.min_hold_ns ?: ~0ULL;
		if (!shape.options.min_wait_ns && !shape.options.min_hold_ns)
			continue;

		record(seed, &all);
		wanted = live();
		snapshot__free(intervals_of_tape(&wanted_kept, wanted));
		snapshot__free(wanted);

		record(seed, &shape);
		wanted = live();
		s = intervals_of_tape(&kept, wanted);
		CHECK(s, "%s", failure.what);
		check_gil(&s->processes[0].gils[0], &wanted->processes[0].gils[0], seed);
		CHECK(kept.nr == wanted_kept.nr, "seed %llu: %zu of %zu", seed, kept.nr,
		      wanted_kept.nr);
		CHECK(!memcmp(kept.all, wanted_kept.all, kept.nr * sizeof(*kept.all)), "seed %llu",
		      seed);
		for (size_t i = 0; i < kept.nr; i++)
			*(kept.all[i].is_wait ? &waits : &holds) += 1;
		snapshot__free(s);
		snapshot__free(wanted);
	}
	CHECK(waits > RUNS && holds > RUNS, "%zu waits, %zu holds: too few to tell", waits, holds);
}

/* A flight recorder is written out while edges are lost, and continues. */
TEST(what_is_lost_is_counted_once)
{
	struct snapshot *s = snapshot__new();
	struct snapshot_process *p = snapshot__add_process(s);
	struct snapshot_gil *g;

	tape__begin(&tape, PID, 1000, true, NULL);
	tape__thread(&tape, 0, 100, GIL_THREAD_IDLE, 1000);
	tape__edge(&tape, 0, GIL_EDGE_ACQUIRE, 0, 0, 2000);
	*p = tape.process;
	p->gils = NULL;
	p->nr_gils = 0;
	g = snapshot_process__add_gil(p);
	*g = tape.gil;
	g->lock.bpf.lost = 5;
	g->lock.bpf.lost_since = 3000;
	s->end_ns = 4000;
	for (int i = 0; i < 2; i++)
		CHECK(!trace_encoder__finish(tape.encoder, s, false));
	CHECK_EQ(trace_encoder__lost(tape.encoder), 5);
	tape__lost(&tape, 7, 3000, 5000);
	tape__edge(&tape, 0, GIL_EDGE_RELEASE, 0, 0, 5000);
	CHECK_EQ(trace_encoder__lost(tape.encoder), 7);
	tape__lost(&tape, 2, 6000, 7000);
	tape__edge(&tape, 0, GIL_EDGE_ACQUIRE, 0, 0, 7000);
	CHECK_EQ(trace_encoder__lost(tape.encoder), 9);
	snapshot__free(s);
	tape__free(&tape);
}

/* A long wait is recorded with its end, and so is a long hold, even if the trace ends within it. */
TEST(filtered_traces_tell_of_what_goes_on_at_their_end)
{
	static const struct {
		__u64 waited, held;
		size_t edges, waits;
	} cases[] = {{100, 100, 0, 0}, {1000, 100, 2, 1}, {100, 1000, 1, 0}, {1000, 1000, 2, 1}};
	static struct intervals kept = {.min_wait_ns = 1000, .min_hold_ns = 1000};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const struct trace_encoder_options o = {.min_wait_ns = 1000, .min_hold_ns = 1000};
		struct snapshot *s = snapshot__new();
		struct snapshot_process *p = snapshot__add_process(s);
		__u64 now = 5000;

		tape__begin(&tape, PID, now, true, &o);
		tape__thread(&tape, 0, 100, GIL_THREAD_IDLE, now);
		tape__edge(&tape, 0, GIL_EDGE_WAIT, 0, 0, now);
		tape__edge(&tape, 0, GIL_EDGE_ACQUIRE, 0, 0, now += cases[i].waited);
		*p = tape.process;
		p->gils = NULL;
		p->nr_gils = 0;
		*snapshot_process__add_gil(p) = tape.gil;
		s->end_ns = now + cases[i].held;
		snapshot__free(intervals_of_tape(&kept, s));
		CHECK(kept.edges == cases[i].edges, "case %zu: %zu edges", i, kept.edges);
		CHECK(kept.nr == cases[i].waits, "case %zu: %zu waits", i, kept.nr);
		snapshot__free(s);
	}
}

static int count_put(void *ctx, const struct gil_edge *e, bool only)
{
	(void)e;
	(void)only;
	++*(size_t *)ctx;
	return 0;
}

/* However long a wait that is not kept lasts, only its beginning is held back. */
TEST(the_filter_holds_back_only_what_may_be_kept)
{
	const struct trace_filter_limits limits = {.min_hold_ns = 1000000};
	struct trace_filter f = {.state = GIL_THREAD_IDLE};
	struct gil_edge e = {.ts = 1, .tid = 100, .kind = GIL_EDGE_WAIT};
	size_t put = 0;

	CHECK(!trace_filter__edge(&f, &limits, &e, count_put, &put));
	for (int i = 0; i < 1000; i++) {
		e.ts += 1000000;
		e.kind = i % 2 ? GIL_EDGE_SWITCH_IN : GIL_EDGE_SWITCH_OUT;
		CHECK(!trace_filter__edge(&f, &limits, &e, count_put, &put));
	}
	CHECK_EQ(put, 0);
	CHECK_EQ(f.nr, 1);
	trace_filter__free(&f);
}

/* Its records end before the counters that were added later. */
