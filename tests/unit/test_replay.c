// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A replay arrives at the same figures as the model did when the edges happened: for thousands of
 * random runs, however they are cut into frames. Whatever happens to the file, the replay ends with
 * a message, or with the figures that are still known.
 */
#include "core/figures/metric.h"
#include "random.h"
#include "replay_run.h"
#include "test.h"

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

/* The program knows some threads by other names than the kernel. */
static void name_thread(struct gil_thread *t)
{
	strcpy(t->comm, "worker");
	if (t->tid % 3)
		snprintf(t->name, sizeof(t->name), "a longer name, of number %u, with its end: %s",
			 t->tid, t->tid % 2 ? "é" : "-------------------");
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
			name_thread(&wanted->processes[0].gils[0].threads[i]);
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
