// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/figures/blame_totals.h"
#include "fixtures.h"
static struct snapshot *new_snapshot(void)
{
	struct snapshot *s = snapshot__new();

	s->exit_status = 0;
	s->probe_ns_per_hit = 810;
	return s;
}

/* Prime numbers in one thread, which lets go only for a few prints. */
static void tell_alone(struct story *st, __u32 tid, int turns, __u64 turn)
{
	for (int i = 0; i < turns; i++) {
		story__edge(st, tid, GIL_EDGE_ACQUIRE, 0);
		story__pass(st, turn);
		story__edge(st, tid, GIL_EDGE_RELEASE, 0);
		story__pass(st, 30 * US);
	}
}

static struct snapshot *make_single(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "python3");

	tell_alone(&st, story__thread(&st, 4711, "python3"), 12, 250 * MS);
	story__end(&st, true);
	snapshot__finish(s);
	return s;
}

/* Several threads compute in turns, each for one switch interval. */
static void tell_shared(struct story *st, __u32 first, unsigned int n, int turns)
{
	for (unsigned int i = 1; i < n; i++)
		story__wait(st, first + i);
	story__edge(st, first, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < turns; i++) {
		__u32 from = first + (__u32)i % n, to = first + ((__u32)i + 1) % n;

		story__pass(st, 5050 * US + (__u64)(i % 7) * 11 * US);
		story__hand_over(st, from, to, true);
		story__pass(st, 3 * US);
		story__wait(st, from);
	}
}

static struct snapshot *make_two_threads(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "python3");

	story__thread(&st, 4711, "python3");
	story__thread(&st, 4712, "worker-1");
	story__thread(&st, 4713, "worker-2");
	tell_alone(&st, 4711, 3, 4 * MS);
	tell_shared(&st, 4712, 2, 600);
	story__end(&st, false);
	snapshot__finish(s);
	return s;
}

/* One thread computes, and another serves requests: short holds, each after a whole switch
 * interval. */
static struct snapshot *make_convoy(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "python3");

	story__thread(&st, 4711, "python3");
	story__thread(&st, 4712, "compute");
	story__thread(&st, 4713, "serve");
	story__edge(&st, 4712, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 500; i++) {
		story__pass(&st, (__u64)(i % 5) * 90 * US);
		story__wait(&st, 4713);
		story__pass(&st, 5060 * US + (__u64)(i % 3) * 12 * US);
		story__hand_over(&st, 4712, 4713, true);
		story__wait(&st, 4712);
		story__pass(&st, 40 * US + (__u64)(i % 4) * 10 * US);
		story__hand_over(&st, 4713, 4712, false);
		story__pass(&st, 120 * US);
	}
	story__end(&st, false);
	snapshot__finish(s);
	return s;
}

/* Native code sleeps with the GIL, half a second at a time. */
static struct snapshot *make_blocked(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "python3");

	story__thread(&st, 4711, "python3");
	story__thread(&st, 4712, "driver");
	for (int i = 0; i < 6; i++) {
		story__edge(&st, 4712, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 20 * US);
		story__edge(&st, 4712, GIL_EDGE_SWITCH_OUT, 0);
		story__pass(&st, 1 * MS);
		story__wait(&st, 4711);
		story__pass(&st, 499 * MS);
		story__edge(&st, 4712, GIL_EDGE_WAKE, 0);
		story__pass(&st, 9 * US);
		story__edge(&st, 4712, GIL_EDGE_SWITCH_IN, 0);
		story__pass(&st, 20 * US);
		story__hand_over(&st, 4712, 4711, true);
		story__pass(&st, 40 * MS);
		story__edge(&st, 4711, GIL_EDGE_RELEASE, 0);
		story__pass(&st, 100 * US);
	}
	story__end(&st, true);
	snapshot__finish(s);
	return s;
}

/* Native code computes with the GIL. */
static struct snapshot *make_native(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "python3");

	story__thread(&st, 4711, "python3");
	story__thread(&st, 4712, "matrix");
	for (int i = 0; i < 8; i++) {
		story__edge(&st, 4712, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 1 * MS);
		story__wait(&st, 4711);
		story__pass(&st, 180 * MS);
		story__hand_over(&st, 4712, 4711, true);
		story__pass(&st, 2 * MS);
		story__edge(&st, 4711, GIL_EDGE_RELEASE, 0);
		story__pass(&st, 100 * US);
	}
	story__end(&st, true);
	snapshot__finish(s);
	return s;
}

/* The holder shares its CPU with something else. */
static struct snapshot *make_preempted(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "python3");
	__u32 from = 4712, to = 4713;

	story__thread(&st, 4712, "worker-1");
	story__thread(&st, 4713, "worker-2");
	story__wait(&st, to);
	story__edge(&st, from, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 100; i++) {
		__u32 last = from;

		story__pass(&st, 3 * MS);
		story__edge(&st, from, GIL_EDGE_SWITCH_OUT, GIL_EDGE_F_RUNNABLE);
		story__pass(&st, 12 * MS);
		story__edge(&st, from, GIL_EDGE_SWITCH_IN, 0);
		story__pass(&st, 2050 * US);
		story__hand_over(&st, from, to, true);
		from = to;
		to = last;
		story__wait(&st, to);
	}
	story__end(&st, false);
	snapshot__finish(s);
	return s;
}

/* A thread has the GIL and does not let go. */
static struct snapshot *make_stuck(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "python3");

	story__thread(&st, 4711, "python3");
	story__thread(&st, 4712, "dead\x01lock");
	story__thread(&st, 4713, "worker");
	tell_alone(&st, 4711, 20, 10 * MS);
	story__edge(&st, 4712, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 20 * US);
	story__edge(&st, 4712, GIL_EDGE_SWITCH_OUT, 0);
	story__pass(&st, 200 * MS);
	story__wait(&st, 4711);
	story__pass(&st, 100 * MS);
	story__wait(&st, 4713);
	story__pass(&st, 9 * S);
	story__end(&st, false);
	snapshot__finish(s);
	return s;
}

/* multiprocessing: a parent that does little, and children that compute, each with its own GIL. */
static struct snapshot *make_multiprocess(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "python3");

	strcpy(st.process->command, "app.py");
	story__thread(&st, 4711, "python3");
	tell_alone(&st, 4711, 25, 2 * MS);
	story__pass(&st, 3 * S);
	tell_alone(&st, 4711, 2, 1 * MS);
	story__end(&st, true);
	for (int i = 0; i < 4; i++) {
		__u32 pid = 4712 + (__u32)i;

		st = story__begin(s, (pid_t)pid, "python3");
		story__thread(&st, pid, "python3");
		snprintf(st.process->command, sizeof(st.process->command), "app: worker %d", i + 1);
		st.now += 60 * MS;
		st.gil->lock.start = st.gil->lock.mark = st.process->start_ns = st.now;
		st.process->late_ns = i == 3 ? 4200 * US : 0;
		tell_alone(&st, pid, 10, 290 * MS + (__u64)i * MS);
		story__end(&st, true);
	}
	snapshot__finish(s);
	return s;
}

static struct snapshot *make_free_threaded(void)
{
	struct snapshot *s = new_snapshot();
	struct snapshot_process *p = snapshot__add_process(s);

	p->pid = 4711;
	strcpy(p->comm, "python3.14t");
	strcpy(p->python, "3.14.0");
	p->free_threaded = p->free_threaded_build = true;
	p->start_ns = s->start_ns = FIXTURE_START;
	p->end_ns = s->end_ns = FIXTURE_START + 2 * S;
	snapshot__finish(s);
	return s;
}

static struct snapshot *make_gil_on_for_moments(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "python3.14t");

	st.process->free_threaded = st.process->free_threaded_build = true;
	tell_alone(&st, story__thread(&st, 4711, "python3.14t"), 2, 300 * US);
	story__pass(&st, 200 * MS);
	story__end(&st, true);
	snapshot__finish(s);
	return s;
}

static struct snapshot *make_gil_turned_on(void)
{
	struct snapshot *s = make_two_threads();

	s->processes[0].free_threaded_build = s->processes[0].gil_turned_on = true;
	return s;
}

void fixture__tick(struct blame *b, __u32 tid, const struct blame_place *at, __u32 waiters)
{
	const struct blame_sample s = {
		.kind = BLAME_TICK, .tid = tid, .waiters = waiters, .at = *at};

	blame__sample(b, &s);
}

void fixture__gap(struct blame *b, __u32 tid, const struct blame_place *at, __u64 blocked_ns,
		  __u64 preempted_ns, __u64 wait_ns)
{
	const struct blame_sample s = {
		.kind = BLAME_GAP,
		.tid = tid,
		.blocked_ns = blocked_ns,
		.preempted_ns = preempted_ns,
		.wait_ns = wait_ns,
		.at = *at,
	};

	blame__sample(b, &s);
}

/* The same with samples of the code that has the GIL: the first worker renders, the second one does the
 * rest. */
static struct snapshot *make_blamed(void)
{
	static const struct blame_place render = {.function = "Page.render",
						  .file = "/srv/app/views.py",
						  .line = 212},
					hash = {.function = "digest",
						.file = "/srv/app/auth.py",
						.line = 40,
						.native = "libcrypto.so.3:EVP_DigestUpdate"},
					fetch = {.function = "fetch\033[1m",
						 .file = "/srv/app/<script>.py",
						 .line = 7,
						 .native = "syscall:clock_nanosleep"},
					unknown = {.kind = BLAME_UNREADABLE};
	struct snapshot *s = make_two_threads();
	struct snapshot_process *p = &s->processes[0];
	struct snapshot_gil *g = &p->gils[0];
	struct blame_totals t = blame_totals__of(p, g);
	struct blame *b = blame__new();

	for (int i = 0; i < 1000; i++) {
		struct blame_place line = render;

		line.line += i % 5 == 0;
		fixture__tick(b, i % 10 < 7 ? 4712 : 4713,
			      i % 10 < 7      ? &line
			      : i % 100 == 99 ? &unknown
					      : &hash,
			      1);
	}
	fixture__gap(b, 4713, &fetch, t.blocked_ns / 2, 0, t.wait_ns / 20);
	g->functions = blame__rows(b, &t, &g->nr_functions);
	g->samples = b;
	g->sampled = true;
	return s;
}

/* Names that try to affect the terminal or the JSON, and everything that can be missed. */
static struct snapshot *make_hostile(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "py\033[31m\"\\\n");
	struct snapshot_unobserved *u = snapshot__add_unobserved(s);

	story__thread(&st, 4711,
		      "\xff\xfe\x80"
		      "bad");
	story__thread(&st, 4712, "cut\xe2\x82");
	story__thread(&st, 4713, "\xe2\x80\xaeright-to-left");
	story__thread(&st, 4714, "0123456789abcdef"); /* does not end in a zero byte */
	story__thread(&st, 4715, "gr\xc3\xbc\xc3\x9f \xe4\xb8\xad\xe6\x96\x87");
	tell_shared(&st, 4711, 5, 50);
	st.gil->lock.partial_waits = 2;
	st.gil->lock.partial_holds = 1;
	st.gil->lock.anomalies = 1;
	st.gil->requests_unknown = true;
	st.gil->switch_interval_us = -1;
	st.process->late_ns = 1234567;
	strcpy(st.process->note,
	       "its sub-interpreters\tbegan before\033]0;x\a they could be seen.");
	u->pid = 4720;
	strcpy(u->comm, "a\rb");
	strcpy(u->why, "its interpreter is not known.");
	s->lost = (struct snapshot_lost){.edges = 1,
					 .switches = 2,
					 .handoffs = 3000,
					 .events = 4,
					 .requests = 5,
					 .gaps = 6,
					 .gils = 7,
					 .processes = 8,
					 .torn = 9};
	s->probe_ns_per_hit = -1;
	s->exit_status = 139;
	story__end(&st, false);
	snapshot__finish(s);
	return s;
}

/* Attached to one thread that computes and never lets go: no edge is seen. */
static struct snapshot *make_unseen(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "python3");

	st.gil->locked_at_start = 1;
	story__pass(&st, 5 * S);
	story__end(&st, false);
	s->exit_status = -1;
	snapshot__finish(s);
	return s;
}

/* A thread for each request: their records are folded into one row. */
static struct snapshot *make_folded(void)
{
	struct snapshot *s = new_snapshot();
	struct story st = story__begin(s, 4711, "python3");

	story__thread(&st, 1, "x");
	story__thread(&st, 2, "y");
	tell_shared(&st, 1, 2, 100);
	gil_figures__add(&st.gil->threads[0].fig, &st.gil->threads[1].fig);
	st.gil->nr_threads = 1;
	st.gil->threads[0].tid = 0;
	st.gil->threads[0].state = GIL_THREAD_GONE;
	strcpy(st.gil->threads[0].comm, "(exited)");
	st.gil->nr_folded = 40;
	st.gil->nr_sums = 0;
	story__end(&st, false);
	snapshot__finish(s);
	return s;
}

/* More of everything than is shown: processes, threads, pairs; and a sub-interpreter. */
static struct snapshot *make_many(void)
{
	struct snapshot *s = new_snapshot();

	for (int i = 0; i < 30; i++) {
		__u32 pid = 5000 + (__u32)i * 20;
		unsigned int threads = i % 10 ? 1 : 14 - (unsigned int)i / 5;
		struct story st = story__begin(s, (pid_t)pid, "worker");

		for (unsigned int j = 0; j < threads && i < 26; j++)
			story__thread(&st, pid + j, "pool");
		if (i >= 26)
			story__pass(&st, 10 * MS);
		else if (threads > 1)
			tell_shared(&st, pid, threads, 150);
		else
			tell_alone(&st, pid, 4 + i, 20 * MS);
		st.gil->main = i != 20;
		story__end(&st, i >= 26);
	}
	s->exit_status = -1;
	snapshot__finish(s);
	return s;
}

static struct snapshot *make_empty(void)
{
	struct snapshot *s = new_snapshot();

	s->start_ns = s->end_ns = FIXTURE_START;
	s->exit_status = -1;
	s->probe_ns_per_hit = -1;
	snapshot__finish(s);
	return s;
}

const struct fixture fixture_table[] = {
	{"single", make_single},
	{"two_threads", make_two_threads},
	{"blamed", make_blamed},
	{"multiprocess", make_multiprocess},
	{"convoy", make_convoy},
	{"blocked", make_blocked},
	{"native", make_native},
	{"preempted", make_preempted},
	{"stuck", make_stuck},
	{"free_threaded", make_free_threaded},
	{"gil_on_for_moments", make_gil_on_for_moments},
	{"gil_turned_on", make_gil_turned_on},
	{"hostile", make_hostile},
	{"unseen", make_unseen},
	{"folded", make_folded},
	{"many", make_many},
	{"empty", make_empty},
	{.name = NULL},
};

struct snapshot *fixture__make(const char *name)
{
	for (const struct fixture *f = fixture_table; f->name; f++) {
		if (!strcmp(f->name, name))
			return f->make();
	}
	return NULL;
}
