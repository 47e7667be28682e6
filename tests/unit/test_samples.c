// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Samples in traces: a replay has the rows of functions that the live run had. */
#include <errno.h>

#include "core/figures/blame_totals.h"
#include "core/history/history.h"
#include "core/trace/trace_encoder_state.h"
#include "fixtures_machine.h"
#include "fixtures_tape.h"
#include "random.h"
#include "test.h"

#define PID 77

static struct run run;
static struct outcome model;
static struct tape tape;
static struct blame *live;
static struct failure failure;
static __u64 nr_samples, since_middle;

static const char *const functions[] = {"f", "Page.render", "\033[2J", "<lambda>", "", NULL};
static const char *const files[] = {"/srv/a.py", "<frozen site>", ""};
static const char *const natives[] = {"", "libm.so.6:sin", "syscall:read", NULL};

static struct blame_sample random_sample(__u64 *r, __u64 ts)
{
	struct blame_sample s = {.ts = ts, .tid = 100 + (__u32)random_below(r, 4)};

	s.kind = random_below(r, 4) ? BLAME_TICK : BLAME_GAP;
	if (s.kind == BLAME_TICK) {
		s.waiters = (__u32)random_below(r, 5);
	} else {
		s.blocked_ns = random_below(r, 1000000);
		s.preempted_ns = random_below(r, 1000);
		s.wait_ns = random_below(r, 3000000);
	}
	s.at.function = functions[random_below(r, 6)];
	s.at.native = natives[random_below(r, 4)];
	if (!s.at.function) {
		s.at.kind = random_below(r, 2) ? BLAME_NO_PYTHON : BLAME_UNREADABLE;
		return s;
	}
	s.at.file = files[random_below(r, 3)];
	s.at.line = (unsigned int)random_below(r, 20);
	return s;
}

static void put_sample(const struct blame_sample *s)
{
	blame__sample(live, s);
	nr_samples++;
	since_middle += s->ts >= run.edges[run.nr / 2].ts;
	if (trace_encoder__sample(tape.encoder, &tape.gil.lock, s))
		abort();
}

/* Writes a random run with random samples between its edges. `look` is called now and then. */
static void record_and(__u64 seed, bool sampled, void (*look)(__u64 now))
{
	__u64 r = random_seed(seed);
	bool told[RUN_THREADS] = {false};

	machine_run(&run, seed);
	memset(&model, 0, sizeof(model));
	live = blame__new();
	nr_samples = since_middle = 0;
	gil_lock_begin(&model.lock, PID, TAPE_ADDRESS, run.start);
	tape__begin(&tape, PID, run.start, false, NULL);
	tape.gil.sampled = sampled;
	tape__tell(&tape, run.start);
	tape.chunk_edges = random_below(&r, 3) * 50;
	for (size_t i = 0; i < run.nr; i++) {
		struct gil_edge *e = &run.edges[i];
		struct gil_thread *t = &model.threads[e->tid];
		__u32 seen = model.lock.gone_seen;

		t->tid = t->tid ?: e->tid + 100;
		if (!told[e->tid]) {
			t->state = run.attached ? GIL_THREAD_UNSEEN : GIL_THREAD_IDLE;
			told[e->tid] = true;
			tape__thread(&tape, e->tid, t->tid, t->state, e->ts);
		}
		gil_model_step(&model.lock, t, e);
		tape__edge(&tape, e->tid, e->kind, (__u8)e->flags,
			   (__u16)(model.lock.gone_seen - seen), e->ts);
		while (sampled && !random_below(&r, 3)) {
			struct blame_sample s = random_sample(&r, e->ts - random_below(&r, 2));

			put_sample(&s);
		}
		if (look && i % 10 == 9 && i + 1 < run.nr && run.edges[i + 1].ts > e->ts)
			look(e->ts);
	}
}

static void record(__u64 seed, bool sampled)
{
	record_and(seed, sampled, NULL);
}

/* The snapshot of the live run. */
static struct snapshot *snapshot_at(const struct blame *samples, __u64 now)
{
	struct snapshot *s = snapshot__new();
	struct snapshot_process *p = snapshot__add_process(s);
	struct snapshot_gil *g;

	*p = tape.process;
	p->gils = NULL;
	p->nr_gils = 0;
	p->end_ns = s->end_ns = now;
	g = snapshot_process__add_gil(p);
	*g = tape.gil;
	g->lock = model.lock;
	for (__u32 i = 0; i < run.threads; i++)
		if (model.threads[i].tid)
			*snapshot_gil__add_thread(g) = model.threads[i];
	g->samples = blame__copy(samples);
	if (blame_totals__functions(p, g))
		abort();
	s->start_ns = run.start;
	s->exit_status = -1;
	snapshot__finish(s);
	return s;
}

static struct snapshot *snapshot_of(const struct blame *samples)
{
	return snapshot_at(samples, run.end);
}

static struct snapshot *replayed(struct replay *r)
{
	if (!r || replay__run(r, ~0ULL, &failure) < 0)
		return NULL;
	return replay__snapshot(r);
}

static const struct snapshot_gil *gil_of(const struct snapshot *s)
{
	return s && s->nr_processes && s->processes[0].nr_gils ? s->processes[0].gils : NULL;
}

static void check_same(const struct snapshot_gil *g, const struct snapshot_gil *wanted, __u64 seed)
{
	struct trace_functions_check a, b;

	CHECK(g && wanted->functions, "seed %llu: %s", seed, failure.what);
	if (test_failure[0])
		return;
	CHECK(g->functions, "seed %llu: no functions", seed);
	a = trace_functions__check(g->functions, g->nr_functions);
	b = trace_functions__check(wanted->functions, wanted->nr_functions);
	CHECK(a.nr == b.nr && a.crc == b.crc, "seed %llu: %llu rows, not %llu", seed, a.nr, b.nr);
}

static void clean(struct replay *r, struct snapshot *s)
{
	snapshot__free(s);
	replay__free(r);
	blame__free(live);
	tape__free(&tape);
}

TEST(a_replay_has_the_functions_of_the_live_run)
{
	for (__u64 seed = 0; seed < 300 && !test_failure[0]; seed++) {
		struct snapshot *wanted, *s;
		struct replay *r;

		record(seed, true);
		wanted = snapshot_of(live);
		tape__end(&tape, wanted, true);
		r = tape__replay(&tape, tape.file.size, &failure);
		s = replayed(r);
		check_same(gil_of(s), gil_of(wanted), seed);
		if (r)
			check_same(gil_of(replay__kernel_figures(r)), gil_of(wanted), seed);
		snapshot__free(wanted);
		clean(r, s);
	}
}

/* A gap that has not ended at the end counts; one of an earlier look, which has ended since, does
 * not. */
TEST(the_gap_at_the_end)
{
	struct blame_sample open = {.kind = BLAME_OPEN_GAP,
				    .tid = 100,
				    .blocked_ns = 5000,
				    .wait_ns = 300,
				    .at = {.function = "sleeper", .file = "/a.py", .line = 3}};
	struct snapshot *wanted, *s;
	struct blame *with_open;
	struct replay *r;

	record(1, true);
	open.ts = run.end;
	if (trace_encoder__sample(tape.encoder, &tape.gil.lock, &open))
		abort();
	open.kind = BLAME_GAP;
	put_sample(&open);
	open.kind = BLAME_OPEN_GAP;
	for (int i = 0; i < 2; i++)
		if (trace_encoder__sample(tape.encoder, &tape.gil.lock, &open))
			abort();
	with_open = blame__copy(live);
	blame__sample(with_open, &open);
	wanted = snapshot_of(with_open);
	tape__end(&tape, wanted, true);
	r = tape__replay(&tape, tape.file.size, &failure);
	s = replayed(r);
	check_same(gil_of(s), gil_of(wanted), 1);
	blame__free(with_open);
	snapshot__free(wanted);
	clean(r, s);
}

static __u64 count(const struct snapshot_gil *g)
{
	__u64 n = 0;

	for (size_t i = 0; g && i < g->nr_functions; i++)
		n += g->functions[i].samples;
	return n;
}

TEST(a_range_has_its_own_samples)
{
	__u64 parts = 0;

	for (__u64 seed = 0; seed < 100 && !test_failure[0]; seed++) {
		struct snapshot *wanted, *s = NULL;
		struct replay *r;

		record(seed, true);
		wanted = snapshot_of(live);
		tape__end(&tape, wanted, true);
		r = tape__replay(&tape, tape.file.size, &failure);
		if (r && replay__begin(r, run.edges[run.nr / 2].ts, &failure) >= 0)
			s = replayed(r);
		parts += since_middle && since_middle < nr_samples;
		CHECK_EQ(count(gil_of(wanted)), nr_samples);
		CHECK(s, "%s", failure.what);
		CHECK_EQ(count(gil_of(s)), since_middle);
		snapshot__free(wanted);
		clean(r, s);
	}
	CHECK(parts > 50, "%llu", parts);
}

TEST(a_trace_without_samples_has_no_functions)
{
	struct snapshot *s;
	struct replay *r;

	record(3, false);
	tape__end(&tape, NULL, false);
	r = tape__replay(&tape, tape.file.size, &failure);
	s = replayed(r);
	CHECK(gil_of(s) && !gil_of(s)->functions && !gil_of(s)->samples, "functions");
	clean(r, s);
}

/* Figures whose rows the samples do not give are not shown as if they were the live run's. */
TEST(functions_that_do_not_match_are_left_out)
{
	struct snapshot *wanted;
	struct replay *r;

	record(4, true);
	wanted = snapshot_of(live);
	wanted->processes[0].gils[0].functions[0].samples++;
	tape__end(&tape, wanted, true);
	r = tape__replay(&tape, tape.file.size, &failure);
	CHECK(r && replay__run(r, ~0ULL, &failure) >= 0, "%s", failure.what);
	if (!test_failure[0]) {
		const struct snapshot_gil *g = gil_of(replay__kernel_figures(r));

		CHECK(g && !g->functions && g->lock.start, "functions");
	}
	snapshot__free(wanted);
	clean(r, NULL);
}

static int count_sample(void *ctx, struct replay_gil *g, const struct blame_sample *s)
{
	__u64 *n = ctx;

	return g->process->pid == PID && s->at.function && s->at.line == (*n)++ % 20000 ? 0
											: -EINVAL;
}

static int no_step(void *ctx, const struct replay_step *s)
{
	(void)ctx, (void)s;
	return 0;
}

/* More names than a frame has numbers for, twice, and all without an edge. */
TEST(many_names)
{
	const struct replay_follower follower = {.step = no_step, .sample = count_sample};
	struct blame_sample s = {.kind = BLAME_TICK, .tid = 1, .waiters = 1};
	struct replay *r;
	__u64 n = 0;

	record(5, true);
	tape__free(&tape);
	tape__begin(&tape, PID, run.start, false, NULL);
	tape.gil.sampled = true;
	tape__tell(&tape, run.start);
	for (unsigned int i = 0; i < 40000; i++) {
		char function[300];

		snprintf(function, sizeof(function), "%u.%0*u", i % 20000, (int)(i % 200), 0);
		s.ts = run.start + i;
		s.at = (struct blame_place){
			.function = function, .file = "/a.py", .line = i % 20000};
		put_sample(&s);
	}
	tape__end(&tape, NULL, false);
	r = tape__replay(&tape, tape.file.size, &failure);
	if (r)
		replay__follow(r, &follower, &n);
	CHECK(r && replay__run(r, ~0ULL, &failure) >= 0, "%s", failure.what);
	CHECK_EQ(n, 40000);
	clean(r, NULL);
}

/* ---- windows ---- */

static struct history *history;
static __u64 looks, window_begins, in_window, counted;

/* The window is as long as the run's last third: what is counted since then is in it. */
static void look(__u64 now)
{
	struct snapshot *s = snapshot_at(live, now);

	if (history__add(history, s))
		abort();
	snapshot__free(s);
	looks++;
	if (now <= window_begins)
		in_window = nr_samples;
}

static void check_span(enum history_span span, __u64 samples)
{
	const struct snapshot *s = history__span(history, span);
	struct blame_totals t = blame_totals__of(&s->processes[0], &s->processes[0].gils[0]);
	const struct snapshot_gil *g = gil_of(s);
	__u64 hold = 0, wait = 0;

	for (size_t i = 0; i < g->nr_functions; i++) {
		hold += g->functions[i].hold_ns;
		wait += g->functions[i].wait_ns;
	}
	CHECK_EQ(count(g), samples);
	CHECK_EQ(wait, t.wait_ns);
	CHECK_EQ(hold, t.oncpu_ns + t.blocked_ns + t.preempted_ns + t.unknown_hold_ns);
}

/* The rows of all, and of the last seconds, add up to the exact figures of these. */
TEST(a_window_has_its_own_samples)
{
	for (__u64 seed = 0; seed < 100 && !test_failure[0]; seed++) {
		struct snapshot *copy;

		machine_run(&run, seed);
		looks = in_window = 0;
		window_begins = run.start + (run.end - run.start) / 3 * 2;
		history = history__new(run.end - window_begins);
		record_and(seed, true, look);
		window_begins = 0;
		look(run.end);
		check_span(HISTORY_ALL, nr_samples);
		if (looks > 1 && !test_failure[0])
			check_span(HISTORY_WINDOW, nr_samples - in_window);
		counted += in_window;
		copy = history__copy(history, HISTORY_ALL);
		CHECK(copy && count(gil_of(copy)) == nr_samples, "a copy");
		snapshot__free(copy);
		history__reset(history);
		look(run.end + 1);
		check_span(HISTORY_ALL, 0);
		history__free(history);
		blame__free(live);
		tape__free(&tape);
	}
	CHECK(counted > 100, "%llu", counted);
}

/* Whatever a place is said to be: no name of another frame, and nothing beyond the lists. */
TEST(samples_that_make_no_sense)
{
	static const __u64 numbers[] = {0, 1, 63, 64, 4095, 4096, 1ULL << 32, ~0ULL};
	struct bytes b = {0}, body = {0};
	struct trace_last_sample last = {0};
	struct blame_sample s = {.kind = BLAME_GAP, .blocked_ns = ~0ULL}, got;
	__u32 place;

	trace_sample__put(&b, &s, 5, &last);
	CHECK(!trace_sample__get(&(struct span){b.data, b.data + b.size, false}, &got, &place,
				 &(struct trace_last_sample){0}),
	      "a gap of 600 years");
	record(6, true);
	for (int type = TRACE_RECORD_CODE; type <= TRACE_RECORD_FIGURES_FUNCTIONS; type++)
		for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
			body.size = 0;
			for (int k = 0; k < 8; k++)
				bytes__number(&body, k % 2 ? numbers[i] : (__u64)k);
			trace_record__put(&tape.encoder->meta, (unsigned int)type,
					  tape.encoder->edge_count, run.start, &body);
			tape.encoder->meta_count++;
		}
	tape__end(&tape, NULL, false);
	{
		struct replay *r = tape__replay(&tape, tape.file.size, &failure);
		struct snapshot *sn = replayed(r);

		CHECK(sn, "%s", failure.what);
		clean(r, sn);
	}
	bytes__free(&b);
	bytes__free(&body);
}

TEST_MAIN
