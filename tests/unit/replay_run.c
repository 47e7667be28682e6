// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "core/report/render.h"
#include "replay_run.h"
#include "test.h"

struct run run;
struct outcome model;
static struct gil_sum pairs[RUN_THREADS][RUN_THREADS];
struct tape tape;
struct failure failure;

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

/* Runs the edges through the model and writes them to the tape. */
void record(__u64 seed, const struct shape *shape)
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
struct snapshot *live(void)
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
void decorate(struct snapshot *s)
{
	struct snapshot_unobserved *u = snapshot__add_unobserved(s);

	s->usdt_hits = 3;
	s->exit_status = 42;
	s->nr_unlisted = 7;
	CHECK(!snapshot__fold(s, &s->processes[0], 5), "memory");
	snapshot__finish(s);
	s->lost = (struct snapshot_lost){.edges = 1,
					 .switches = 2,
					 .handoffs = 3,
					 .events = 4,
					 .requests = 5,
					 .gaps = 6,
					 .gils = 7,
					 .processes = 8,
					 .torn = 9};
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
	strcpy(tape.process.command, "app: title");
	tape.gil.locked_at_start = 1;
	tape.gil.switch_interval_us = 1000;
	tape.gil.requests_unknown = true;
}

char *as_json(const struct snapshot *s)
{
	const struct render_options o = {.version = "test"};
	char *text;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	render_json(out, s, &o);
	fclose(out);
	return text;
}

struct snapshot *replayed(struct replay *r, __u64 until)
{
	return replay__run(r, until, &failure) < 0 ? NULL : replay__snapshot(r);
}

void check_gil(const struct snapshot_gil *g, const struct snapshot_gil *wanted, __u64 seed)
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
