// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Properties of the model, tested with thousands of random sequences of edges.
 *
 * Valid sequences come from a small machine of threads, CPUs and one GIL, which may be observed
 * from its beginning or from some moment on. The model's result is compared, to the nanosecond,
 * with the reference in fixtures_reference.h, which has all edges at once and does not need to be
 * fast. Invalid sequences are any edges at any time, with clocks that step back.
 */
#include "random.h"
#include "fixtures_machine.h"
#include "core/figures/snapshot.h"
#include "test.h"

#define VALID_RUNS   4000
#define INVALID_RUNS 4000

/* Runs the edges through the model. */
static void run_model(const struct run *run, struct outcome *o)
{
	memset(o, 0, sizeof(*o));
	gil_lock_begin(&o->lock, 1, 0x1234, run->start);
	for (__u32 i = 0; i < run->threads; i++) {
		o->threads[i].tid = i;
		o->threads[i].state = run->attached ? GIL_THREAD_UNSEEN : GIL_THREAD_IDLE;
	}
	for (size_t i = 0; i < run->nr; i++) {
		const struct gil_edge *e = &run->edges[i];
		struct gil_handoff h;

		o->given_up += e->kind == GIL_EDGE_RELEASE &&
			       o->threads[e->tid].state == GIL_THREAD_WAITING;
		h = gil_model_step(&o->lock, &o->threads[e->tid], e);
		if (h.count) {
			o->pairs[h.from][h.to]++;
			o->pair_wait_ns += h.wait_ns;
		}
	}
	gil_figures__sum(&o->fig, o->threads, run->threads);
	o->held_ns = gil_lock_held_until(&o->lock, run->locked_at_start, run->end);
	o->contended_ns = gil_lock_contended_until(&o->lock, run->end);
	o->waiter_ns = gil_lock_waiting_until(&o->lock, run->end);
	o->free_wait_ns = gil_lock_free_waiting_until(&o->lock, run->end);
	o->unseen_wait_ns = gil_lock_unseen_waiting_until(&o->lock, run->end);
}

static __u64 sum_of(const __u64 *part)
{
	return part[0] + part[1] + part[2];
}

static __u64 slots_of(const struct gil_hist *h)
{
	__u64 n = 0;

	for (__u32 i = 0; i < GIL_HIST_SLOTS; i++)
		n += h->slot[i];
	return n;
}

static __u64 edges_of(const struct run *run, enum gil_edge_kind kind)
{
	__u64 n = 0;

	for (size_t i = 0; i < run->nr; i++)
		n += run->edges[i].kind == kind;
	return n;
}

/* What is true for any edges. */
static void check_sums(const struct run *run, const struct outcome *o, __u64 seed)
{
	const struct gil_figures *f = &o->fig;
	__u64 releases, pairs = 0;

	for (__u32 i = 0; i < run->threads; i++)
		for (__u32 j = 0; j < run->threads; j++)
			pairs += o->pairs[i][j];
	CHECK(f->acquisitions == edges_of(run, GIL_EDGE_ACQUIRE), "seed %llu", seed);
	CHECK(o->lock.wait_slices == edges_of(run, GIL_EDGE_WAIT), "seed %llu", seed);
	releases = f->releases + o->lock.partial_holds + o->given_up;
	CHECK(releases <= edges_of(run, GIL_EDGE_RELEASE), "seed %llu", seed);
	CHECK(releases + o->lock.anomalies >= edges_of(run, GIL_EDGE_RELEASE), "seed %llu", seed);
	CHECK(sum_of(f->hold_part) == f->hold.sum, "seed %llu", seed);
	CHECK(sum_of(f->wait_part) == f->wait.sum, "seed %llu", seed);
	CHECK(f->hold.count == f->releases, "seed %llu", seed);
	CHECK(f->wait.count == f->contended, "seed %llu", seed);
	CHECK(slots_of(&f->hold) == f->hold.count, "seed %llu", seed);
	CHECK(slots_of(&f->wait) == f->wait.count, "seed %llu", seed);
	CHECK(pairs == o->lock.handoff.count, "seed %llu", seed);
	CHECK(o->lock.chain.sum + o->lock.chain_len == pairs, "seed %llu", seed);
	CHECK(f->contended <= f->acquisitions, "seed %llu", seed);
	CHECK(f->requested_releases <= f->releases, "seed %llu", seed);
	CHECK(f->releases <= f->acquisitions, "seed %llu", seed);
}

static void check_valid(const struct run *run, const struct outcome *o, __u64 seed)
{
	const struct gil_lock *l = &o->lock;
	__u64 wall = run->end - run->start;

	CHECK(!l->anomalies, "seed %llu", seed);
	CHECK(o->fig.acquisitions - o->fig.releases <= 1, "seed %llu", seed);
	CHECK(o->held_ns <= wall, "seed %llu", seed);
	CHECK(o->contended_ns <= wall, "seed %llu", seed);
	CHECK(o->contended_ns <= o->waiter_ns, "seed %llu", seed);
	CHECK(o->waiter_ns <= wall * run->threads, "seed %llu", seed);
	CHECK(o->fig.hold.sum <= l->held_ns, "seed %llu", seed);
}

/* The same, computed by the reference. */
static void check_reference(const struct outcome *o, const struct outcome *r, const struct run *run,
			    __u64 seed)
{
	const struct gil_lock *a = &o->lock, *b = &r->lock;

	CHECK(!memcmp(&o->fig, &r->fig, sizeof(o->fig)), "seed %llu: figures of the GIL", seed);
	for (__u32 i = 0; i < run->threads; i++)
		CHECK(!memcmp(&o->threads[i].fig, &r->threads[i].fig, sizeof(o->fig)),
		      "seed %llu: figures of thread %u", seed, i);
	CHECK(!memcmp(&a->handoff, &b->handoff, sizeof(a->handoff)), "seed %llu", seed);
	CHECK(!memcmp(&a->chain, &b->chain, sizeof(a->chain)), "seed %llu", seed);
	CHECK(!memcmp(o->pairs, r->pairs, sizeof(o->pairs)), "seed %llu", seed);
	CHECK(o->pair_wait_ns == r->pair_wait_ns, "seed %llu", seed);
	CHECK(a->chain_len == b->chain_len, "seed %llu", seed);
	CHECK(a->wait_slices == b->wait_slices, "seed %llu", seed);
	CHECK(a->partial_waits == b->partial_waits, "seed %llu", seed);
	CHECK(a->partial_holds == b->partial_holds, "seed %llu", seed);
	CHECK(a->held_ns == b->held_ns, "seed %llu", seed);
	CHECK(o->held_ns == r->held_ns, "seed %llu: held %llu, reference %llu", seed, o->held_ns,
	      r->held_ns);
	CHECK(o->contended_ns == r->contended_ns, "seed %llu: contended %llu, reference %llu", seed,
	      o->contended_ns, r->contended_ns);
	CHECK(o->waiter_ns == r->waiter_ns, "seed %llu: waiting %llu, reference %llu", seed,
	      o->waiter_ns, r->waiter_ns);
	CHECK(o->free_wait_ns == r->free_wait_ns, "seed %llu: %llu, reference %llu", seed,
	      o->free_wait_ns, r->free_wait_ns);
	CHECK(o->unseen_wait_ns == r->unseen_wait_ns, "seed %llu: %llu, reference %llu", seed,
	      o->unseen_wait_ns, r->unseen_wait_ns);
}

static struct run run;
static struct outcome model, reference;

TEST(valid_edges_agree_with_the_reference)
{
	__u64 handoffs = 0, partial = 0, gone = 0;

	for (__u64 seed = 1; seed <= VALID_RUNS && !test_failure[0]; seed++) {
		machine_run(&run, seed);
		run_model(&run, &model);
		reference_run(&run, &reference);
		check_sums(&run, &model, seed);
		check_valid(&run, &model, seed);
		check_reference(&model, &reference, &run, seed);
		handoffs += model.lock.handoff.count;
		partial += model.lock.partial_waits + model.lock.partial_holds;
		gone += model.lock.gone;
	}
	if (test_failure[0])
		return;
	/* The runs must reach the cases that they are meant for. */
	CHECK(handoffs > 10000 && partial > 1000 && gone > 1000, "%llu %llu %llu", handoffs,
	      partial, gone);
}

static void make_invalid(struct run *run, __u64 seed)
{
	__u64 r = random_seed(seed), now = 1000000;

	memset(run, 0, sizeof(*run));
	run->start = now;
	run->threads = 1 + (__u32)random_below(&r, RUN_THREADS);
	run->attached = random_below(&r, 2);
	run->locked_at_start = (int)random_below(&r, 3) - 1;
	run->nr = 20 + seed % (RUN_EDGES - 20);
	for (size_t i = 0; i < run->nr; i++) {
		now += random_below(&r, 3) ? random_size(&r, 20) : 0;
		run->edges[i] = (struct gil_edge){
			.ts = now - random_below(&r, 1000),
			.tid = (__u32)random_below(&r, run->threads),
			.kind = (__u16)random_below(&r, GIL_EDGE_EXIT + 1), /* also 0 */
			.flags = (__u16)random_below(&r, 4),
		};
	}
	run->end = now;
}

TEST(any_edges_keep_the_sums)
{
	for (__u64 seed = 1; seed <= INVALID_RUNS && !test_failure[0]; seed++) {
		__u64 wall;

		make_invalid(&run, seed);
		run_model(&run, &model);
		check_sums(&run, &model, seed);
		wall = run.end - run.start;
		/* Had anything become negative, it would be huge. Clocks that step back may
		 * count the same nanosecond again, once for each edge at most. */
		CHECK(model.lock.waiters <= run.nr, "seed %llu", seed);
		CHECK(model.contended_ns <= wall, "seed %llu", seed);
		CHECK(model.waiter_ns <= wall * run.nr, "seed %llu", seed);
		CHECK(model.held_ns <= (wall + 1000 * run.nr) * run.threads, "seed %llu", seed);
		CHECK(model.fig.wait.sum <= (wall + 1000 * run.nr) * run.threads, "seed %llu",
		      seed);
		CHECK(model.lock.handoff.sum <= wall + 1000 * run.nr, "seed %llu", seed);
	}
}

/* These edges are in order, but impossible for a GIL, as if some were missed. Time must still be
 * counted only once. */
TEST(missed_edges_count_no_time_twice)
{
	for (__u64 seed = 1; seed <= VALID_RUNS && !test_failure[0]; seed++) {
		__u64 r = random_seed(seed), wall;
		size_t kept = 0;

		machine_run(&run, seed);
		for (size_t i = 0; i < run.nr; i++) {
			if (random_below(&r, 10))
				run.edges[kept++] = run.edges[i];
		}
		run.nr = kept;
		run_model(&run, &model);
		check_sums(&run, &model, seed);
		wall = run.end - run.start;
		CHECK(model.contended_ns <= wall, "seed %llu", seed);
		for (__u32 i = 0; i < run.threads; i++) {
			const struct gil_figures *f = &model.threads[i].fig;

			CHECK(f->hold.sum + f->wait.sum <= wall, "seed %llu", seed);
		}
	}
}

TEST_MAIN
