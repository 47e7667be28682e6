// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A replay arrives at the same figures as the model did when the edges happened: for thousands of
 * random runs, however they are cut into frames. Whatever happens to the file, the replay ends with
 * a message, or with the figures that are still known.
 */
#include "fixtures_machine.h"
#include "core/figures/metric.h"
#include "random.h"
#include "core/report/render.h"
#include "fixtures_tape.h"
#include "core/trace/trace_filter.h"
#include "test.h"

#define RUNS 1000
#define PID  77

static struct run run;
static struct outcome model;
static struct gil_sum pairs[RUN_THREADS][RUN_THREADS];
static struct tape tape;
static struct failure failure;

static void count_handoff(struct gil_handoff h)
{
	struct gil_sum *sum;

	if (!h.count)
		return;
	sum = &pairs[h.from - 100][h.to - 100];
	sum->key = gil_pair(h.from, h.to);
	sum->count++;
	sum->ns += h.wait_ns;
}

struct shape {
	size_t chunk_edges;
	bool late;  /* the process is reported only in the middle */
	bool loses; /* the ring was full: the edges of the second third are missing */
	struct trace_encoder_options options;
};

/* Runs the edges through the model and writes them to the tape. */
static void record(__u64 seed, const struct shape *shape)
{
	bool told[RUN_THREADS] = {false};
	size_t from, to;

	machine_run(&run, seed);
	from = shape->loses ? run.nr / 3 : run.nr;
	to = shape->loses ? 2 * run.nr / 3 : run.nr;
	memset(&model, 0, sizeof(model));
	memset(pairs, 0, sizeof(pairs));
	gil_lock_begin(&model.lock, PID, TAPE_ADDRESS, run.start);
	tape__begin(&tape, PID, run.start, !shape->late, &shape->options);
	tape.chunk_edges = shape->chunk_edges;
	for (size_t i = 0; i < run.nr; i++) {
		struct gil_edge *e = &run.edges[i];
		struct gil_thread *t = &model.threads[e->tid];
		__u32 seen = model.lock.gone_seen;

		bool is_lost = i >= from && i < to;

		if (shape->late && i == run.nr / 2)
			tape__tell(&tape, e->ts);
		if (shape->loses && i == to)
			tape__lost(&tape, to - from, run.edges[from].ts, e->ts);
		if (!t->tid) {
			t->tid = e->tid + 100;
			t->state = run.attached ? GIL_THREAD_UNSEEN : GIL_THREAD_IDLE;
		}
		if (!told[e->tid] && !is_lost) {
			told[e->tid] = true;
			tape__thread(&tape, e->tid, t->tid, i < to ? t->state : GIL_THREAD_UNSEEN,
				     e->ts);
		}
		count_handoff(gil_model_step(&model.lock, t, e));
		if (!is_lost)
			tape__edge(&tape, e->tid, e->kind, (__u8)e->flags,
				   shape->loses ? 0 : (__u16)(model.lock.gone_seen - seen), e->ts);
	}
}

/* The snapshot that the live run would have shown. */
static struct snapshot *live(void)
{
	struct snapshot *s = snapshot__new();
	struct snapshot_process *p = snapshot__add_process(s);
	struct snapshot_gil *g;

	*p = tape.process;
	p->gils = NULL;
	p->nr_gils = 0;
	p->end_ns = s->end_ns = run.end;
	g = snapshot_process__add_gil(p);
	*g = tape.gil;
	g->lock = model.lock;
	for (__u32 i = 0; i < run.threads; i++)
		if (model.threads[i].tid)
			*snapshot_gil__add_thread(g) = model.threads[i];
	for (__u32 i = 0; i < RUN_THREADS; i++)
		for (__u32 j = 0; j < RUN_THREADS; j++)
			if (pairs[i][j].count)
				*snapshot_gil__add_sum(g) = pairs[i][j];
	s->start_ns = run.start;
	s->exit_status = -1;
	s->probe_ns_per_hit = 100;
	s->probe_hits = run.nr;
	snapshot__finish(s);
	return s;
}

/* Fills every field that a report shows. */
static void decorate(struct snapshot *s)
{
	struct snapshot_unobserved *u = snapshot__add_unobserved(s);

	s->usdt_hits = 3;
	s->exit_status = 42;
	s->nr_unlisted = 7;
	s->lost = (struct snapshot_lost){
		.edges = 1, .switches = 2, .handoffs = 3, .events = 4, .requests = 5, .gaps = 6};
	u->pid = 12;
	strcpy(u->comm, "unseen");
	strcpy(u->why, "it was not to be");
	tape.process.late_ns = 1234;
	tape.process.free_threaded = model.lock.state != GIL_LOCK_UNSEEN;
	tape.process.free_threaded_build = true;
	tape.process.gil_turned_on = true;
	tape.gil.interpreter = 3;
	strcpy(tape.process.note, "a note");
	strcpy(tape.process.source_why, "because");
	strcpy(tape.process.comm, "renamed");
	tape.gil.locked_at_start = 1;
	tape.gil.switch_interval_us = 1000;
	tape.gil.requests_unknown = true;
}

static char *as_json(const struct snapshot *s)
{
	const struct render_options o = {.version = "test"};
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	render_json(out, s, &o);
	fclose(out);
	return text;
}

static struct snapshot *replayed(struct replay *r, __u64 until)
{
	return replay__run(r, until, &failure) < 0 ? NULL : replay__snapshot(r);
}

static void check_gil(const struct snapshot_gil *g, const struct snapshot_gil *wanted, __u64 seed)
{
	const struct gil_lock *a = &g->lock, *b = &wanted->lock;

	CHECK(!memcmp(&g->fig, &wanted->fig, sizeof(g->fig)), "seed %llu", seed);
	CHECK(g->nr_threads == wanted->nr_threads, "seed %llu", seed);
	for (size_t i = 0; i < g->nr_threads; i++) {
		const struct gil_thread *t = snapshot_gil__thread(g, wanted->threads[i].tid);

		CHECK(t && !memcmp(&t->fig, &wanted->threads[i].fig, sizeof(t->fig)), "seed %llu",
		      seed);
	}
	CHECK(!memcmp(&a->handoff, &b->handoff, sizeof(a->handoff)), "seed %llu", seed);
	CHECK(!memcmp(&a->chain, &b->chain, sizeof(a->chain)), "seed %llu", seed);
	CHECK(a->start == b->start && a->state == b->state && a->since == b->since &&
		      a->held_ns == b->held_ns && a->contended_ns == b->contended_ns &&
		      a->waiter_ns == b->waiter_ns && a->chain_len == b->chain_len &&
		      !memcmp(a->counter, b->counter, sizeof(a->counter)),
	      "seed %llu", seed);
	CHECK(gil_lock_waiters(a) == gil_lock_waiters(b), "seed %llu", seed);
}

TEST(replay_equals_the_model)
{
	for (__u64 seed = 1; seed <= RUNS && !test_failure[0]; seed++) {
		struct snapshot *wanted, *s;
		struct replay *r;

		record(seed, &(struct shape){.chunk_edges = seed % 3 ? seed % 50 : 0,
					     .late = seed % 5 == 0});
		wanted = live();
		tape__end(&tape, wanted, true);
		r = tape__replay(&tape, tape.file.size, &failure);
		CHECK(r, "%s", failure.what);
		s = replayed(r, ~0ULL);
		CHECK(s, "%s", failure.what);
		CHECK(s->nr_processes == 1 && s->processes[0].nr_gils == 1, "seed %llu", seed);
		CHECK(s->end_ns == run.end && s->start_ns == run.start, "seed %llu", seed);
		CHECK(replay__condition(r)->whole && replay__condition(r)->edges == run.nr,
		      "seed %llu", seed);
		check_gil(&s->processes[0].gils[0], &wanted->processes[0].gils[0], seed);
		/* So are the kernel's figures, which are in the trace, too. */
		CHECK(replay__kernel_figures(r), "seed %llu", seed);
		check_gil(&replay__kernel_figures(r)->processes[0].gils[0],
			  &wanted->processes[0].gils[0], seed);
		snapshot__free(s);
		snapshot__free(wanted);
		replay__free(r);
		tape__free(&tape);
	}
}

TEST(a_report_of_the_replay_is_the_live_one)
{
	for (__u64 seed = 1; seed <= 50 && !test_failure[0]; seed++) {
		struct snapshot *wanted, *s;
		char *a, *b, *c;
		struct replay *r;

		record(seed, &(struct shape){.chunk_edges = 30});
		wanted = live();
		decorate(wanted);
		snapshot__free(wanted);
		wanted = live();
		decorate(wanted);
		for (size_t i = 0; i < wanted->processes[0].gils[0].nr_threads; i++)
			strcpy(wanted->processes[0].gils[0].threads[i].comm, "worker");
		CHECK(!trace_encoder__unobserved(tape.encoder, &wanted->unobserved[0], run.end));
		tape__end(&tape, wanted, true);
		r = tape__replay(&tape, tape.file.size, &failure);
		s = replayed(r, ~0ULL);
		a = as_json(wanted);
		b = as_json(s);
		c = as_json(replay__kernel_figures(r));
		CHECK_STR(b, a);
		CHECK_STR(c, a);
		free(a);
		free(b);
		free(c);
		snapshot__free(s);
		snapshot__free(wanted);
		replay__free(r);
		tape__free(&tape);
	}
}

TEST(replay_goes_step_by_step)
{
	struct snapshot *s, *wanted;
	struct replay *r;
	__u64 step;

	record(7, &(struct shape){.chunk_edges = 13});
	wanted = live();
	tape__end(&tape, wanted, true);
	step = (run.end - run.start) / 20 + 1;
	r = tape__replay(&tape, tape.file.size, &failure);
	for (__u64 t = run.start; t < run.end; t += step) {
		__u64 seen = 0;

		CHECK(replay__run(r, t, &failure) >= 0, "%s", failure.what);
		CHECK_EQ(replay__now(r), t);
		s = replay__snapshot(r);
		CHECK_EQ(s->end_ns, t);
		for (size_t i = 0; i < run.nr; i++)
			seen += run.edges[i].ts <= t && run.edges[i].kind == GIL_EDGE_ACQUIRE;
		CHECK_EQ(s->processes[0].gils[0].fig.acquisitions, seen);
		snapshot__free(s);
	}
	CHECK_EQ(replay__run(r, ~0ULL, &failure), 0);
	s = replay__snapshot(r);
	check_gil(&s->processes[0].gils[0], &wanted->processes[0].gils[0], 7);
	snapshot__free(s);
	snapshot__free(wanted);
	replay__free(r);
	tape__free(&tape);
}

TEST(a_range_is_an_observation_of_its_own)
{
	struct snapshot *s, *wanted;
	struct replay *r;
	__u64 from, acquired = 0;

	record(11, &(struct shape){.chunk_edges = 13});
	wanted = live();
	tape__end(&tape, wanted, true);
	from = run.edges[run.nr / 2].ts;
	r = tape__replay(&tape, tape.file.size, &failure);
	CHECK(replay__begin(r, from, &failure) >= 0, "%s", failure.what);
	s = replayed(r, ~0ULL);
	for (size_t i = 0; i < run.nr; i++)
		acquired += run.edges[i].ts > from && run.edges[i].kind == GIL_EDGE_ACQUIRE;
	CHECK_EQ(s->processes[0].gils[0].fig.acquisitions, acquired);
	CHECK_EQ(s->processes[0].gils[0].lock.anomalies, 0);
	CHECK_EQ(s->start_ns, from);
	CHECK_EQ(s->processes[0].start_ns, from);
	snapshot__free(s);
	snapshot__free(wanted);
	replay__free(r);
	tape__free(&tape);
}

TEST(a_file_cut_anywhere_is_read_up_to_there)
{
	struct snapshot *wanted;
	__u64 edges = 0;

	record(3, &(struct shape){.chunk_edges = 20});
	wanted = live();
	tape__end(&tape, wanted, true);
	for (size_t n = 0; n < tape.file.size && !test_failure[0]; n++) {
		struct replay *r = tape__replay(&tape, n, &failure);
		struct snapshot *s;

		if (!r) {
			CHECK(failure.what[0], "%zu bytes", n);
			CHECK(n < 200, "%zu bytes: %s", n, failure.what);
			continue;
		}
		s = replayed(r, ~0ULL);
		CHECK(s, "%zu bytes: %s", n, failure.what);
		CHECK(!replay__condition(r)->whole, "%zu bytes", n);
		CHECK(!replay__condition(r)->damaged && !replay__condition(r)->missing, "%zu bytes",
		      n);
		CHECK(replay__condition(r)->edges >= edges, "%zu bytes", n);
		edges = replay__condition(r)->edges;
		CHECK(!s->nr_processes || !s->processes[0].nr_gils ||
			      !s->processes[0].gils[0].lock.anomalies,
		      "%zu bytes", n);
		snapshot__free(s);
		replay__free(r);
	}
	CHECK_EQ(edges, run.nr);
	snapshot__free(wanted);
	tape__free(&tape);
}

/* Around a damaged frame, nothing is counted that did not happen. */
TEST(a_flipped_bit_is_a_gap)
{
	struct snapshot *wanted;
	__u64 missed = 0;

	record(5, &(struct shape){.chunk_edges = 20});
	wanted = live();
	tape__end(&tape, wanted, true);
	for (size_t i = 0; i < tape.file.size && !test_failure[0]; i++) {
		const struct gil_figures *all = &wanted->processes[0].gils[0].fig;
		struct snapshot *s = NULL;
		struct replay *r;

		tape.file.data[i] ^= (unsigned char)(1 << i % 8);
		r = tape__replay(&tape, tape.file.size, &failure);
		if (r)
			s = replayed(r, ~0ULL);
		CHECK(s || failure.what[0], "byte %zu", i);
		if (s && s->nr_processes && s->processes[0].nr_gils) {
			const struct gil_figures *f = &s->processes[0].gils[0].fig;

			missed += replay__condition(r)->missing != 0;
			CHECK(f->acquisitions <= all->acquisitions, "byte %zu", i);
			CHECK(f->hold.max <= all->hold.max && f->wait.max <= all->wait.max,
			      "byte %zu", i);
			CHECK(f->hold.sum <= all->hold.sum && f->wait.sum <= all->wait.sum,
			      "byte %zu", i);
		}
		snapshot__free(s);
		replay__free(r);
		tape.file.data[i] ^= (unsigned char)(1 << i % 8);
	}
	CHECK(missed > 100, "%llu", missed);
	snapshot__free(wanted);
	tape__free(&tape);
}

/* The ring was full: some of the run's edges are missing, and the snapshot says so. */
TEST(lost_edges_make_a_gap)
{
	for (__u64 seed = 1; seed <= RUNS && !test_failure[0]; seed++) {
		struct snapshot *s, *wanted;
		struct replay *r;
		const struct gil_figures *f, *all;
		size_t lost;

		record(seed, &(struct shape){.loses = true});
		lost = 2 * run.nr / 3 - run.nr / 3;
		wanted = live();
		tape__end(&tape, wanted, false);
		r = tape__replay(&tape, tape.file.size, &failure);
		s = replayed(r, ~0ULL);
		CHECK(s, "%s", failure.what);
		f = &s->processes[0].gils[0].fig;
		all = &wanted->processes[0].gils[0].fig;
		CHECK(f->hold.max <= all->hold.max && f->wait.max <= all->wait.max, "seed %llu",
		      seed);
		CHECK(f->hold.count <= all->hold.count && f->wait.count <= all->wait.count,
		      "seed %llu", seed);
		CHECK(s->processes[0].gils[0].lock.held_ns <=
			      run.end - s->processes[0].gils[0].lock.start,
		      "seed %llu", seed);
		CHECK(s->lost.recording == lost, "seed %llu", seed);
		CHECK(s->processes[0].gils[0].gaps == 1, "seed %llu", seed);
		CHECK(s->processes[0].gils[0].lost_edges == lost, "seed %llu", seed);
		snapshot__free(s);
		snapshot__free(wanted);
		replay__free(r);
		tape__free(&tape);
	}
}

/* A part of the trace that begins or ends where edges are missing. Only the portion of the gap
 * inside the part reduces the observed time. */
TEST(a_part_may_begin_or_end_in_a_gap)
{
	for (__u64 seed = 1; seed <= RUNS && !test_failure[0]; seed++) {
		for (int begins = 0; begins < 2; begins++) {
			struct snapshot *s, *wanted;
			struct replay *r;
			const struct snapshot_gil *g;
			__u64 since, ts, middle;

			record(seed, &(struct shape){.loses = true});
			since = run.edges[run.nr / 3].ts;
			ts = run.edges[2 * run.nr / 3].ts;
			middle = since + (ts - since) / 2;
			wanted = live();
			tape__end(&tape, wanted, false);
			r = tape__replay(&tape, tape.file.size, &failure);
			if (begins)
				CHECK(replay__begin(r, middle, &failure) >= 0, "%s", failure.what);
			s = replayed(r, begins ? ~0ULL : middle);
			CHECK(s, "%s", failure.what);
			g = &s->processes[0].gils[0];
			CHECK(g->gaps == 1, "seed %llu", seed);
			CHECK_EQ(g->gap_ns, begins ? ts - middle : middle - since);
			CHECK_EQ(gil__observed(&s->processes[0], g),
				 begins ? run.end - ts : since - run.start);
			snapshot__free(s);
			snapshot__free(wanted);
			replay__free(r);
			tape__free(&tape);
		}
	}
}

/* The gap is read together with the first edge after it. */
TEST(a_part_may_end_before_a_gap)
{
	struct snapshot *s = NULL;
	struct replay *r;

	tape__begin(&tape, PID, 1000, true, NULL);
	tape__thread(&tape, 0, 100, GIL_THREAD_IDLE, 2000);
	tape__edge(&tape, 0, GIL_EDGE_ACQUIRE, 0, 0, 2000);
	tape__lost(&tape, 5, 8000, 9000);
	tape__edge(&tape, 0, GIL_EDGE_ACQUIRE, 0, 0, 9000);
	tape__end(&tape, NULL, false);
	r = tape__replay(&tape, tape.file.size, &failure);
	for (__u64 until = 5000; until <= 10000; until += 5000) {
		const struct snapshot_gil *g;

		snapshot__free(s);
		s = replayed(r, until);
		CHECK(s, "%s", failure.what);
		g = &s->processes[0].gils[0];
		CHECK_EQ(g->gaps, until > 8000);
		CHECK_EQ(g->gap_ns, until > 8000 ? 1000 : 0);
		CHECK_EQ(g->lock.start, until > 8000 ? 2000 : 1000);
		CHECK_EQ(gil_lock_held_until(&g->lock, g->locked_at_start, s->end_ns),
			 until > 8000 ? 6000 : 3000);
	}
	snapshot__free(s);
	replay__free(r);
	tape__free(&tape);
}

/* The waits and holds of at least some length whose beginning and end the replay has seen. */
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
TEST(figures_of_an_earlier_version)
{
	const unsigned int later = GIL_NR_THREAD_COUNTERS - GIL_FIRST_COUNTERS;
	const struct metric *last = metric__find("requested_releases");
	struct gil_thread t = {.tid = 1}, read = {0};
	struct snapshot_gil g = {0};
	struct bytes body = {0};
	struct span span;

	for (int i = 0; i < GIL_NR_THREAD_COUNTERS; i++)
		t.fig.counter[i] = i + 1;
	trace_figures__put_thread(&body, &t);
	span = span_of(body.data, body.size);
	CHECK(trace_figures__get_thread(&span, &g, &read), "whole");
	CHECK_EQ(g.missing_thread_counters, 0);
	CHECK(!memcmp(&read.fig, &t.fig, sizeof(t.fig)), "whole");

	span = span_of(body.data, body.size - later); /* a small number takes a byte */
	CHECK(trace_figures__get_thread(&span, &g, &read), "without the later ones");
	CHECK_EQ(g.missing_thread_counters, later);
	CHECK_EQ(metric__thread_value(last, &g, &read).integer, GIL_FIRST_COUNTERS);
	bytes__free(&body);

	/* If one more was missing, it is unknown. */
	g.missing_thread_counters++;
	if (!later)
		CHECK(!metric__thread_value(last, &g, &read).known, "unknown");
}

TEST(what_is_no_trace_is_refused)
{
	static const char *const texts[] = {"",
					    "x",
					    "\211GI",
					    "#!/bin/sh\necho nothing of ours\n",
					    "\211GIL\r\n\032\n",
					    "\211GIL\n\032\n and more"};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct tape t = {
			.file = {.data = (unsigned char *)texts[i], .size = strlen(texts[i])}};

		failure.what[0] = '\0';
		CHECK(!tape__replay(&t, t.file.size, &failure), "text %zu", i);
		CHECK(failure.what[0], "text %zu", i);
	}
}

TEST_MAIN
