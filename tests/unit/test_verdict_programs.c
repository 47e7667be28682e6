// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* More verdicts as in test_verdict_cases.c: about CPUs, processes, sleep, and programs without a GIL. */
#include "core/figures/verdict_steady.h"
#include "verdict_told.h"

/* Threads that release the GIL in each of many small calls need larger ones, not native code. */
TEST(many_small_calls)
{
	struct story st = begin();
	struct told t;

	add_threads(&st, 3, "reader");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 9000; i++) {
		__u32 tid = (__u32)i % 3 + 1, next = tid % 3 + 1;

		story__pass(&st, 5 * US);
		story__wait(&st, next);
		story__pass(&st, 20 * US);
		story__hand_over(&st, tid, next, false);
	}
	t = finish(&st);
	CHECK_STR(t.kind, "shared");
	SAYS(t, "3 threads such as 1 (reader)");
	SAYS(t, "(9,001 acquisitions). Try: fewer and larger calls");
	UNSAID(t, "libraries that release the GIL");
}

/* Four threads that compute wait for the GIL, however few CPUs there are. */
TEST(a_lack_of_cpus_is_no_cause_for_threads_that_compute)
{
	for (int i = 0; i < 2; i++) {
		struct story st = begin();
		struct told t;

		add_threads(&st, 4, "python3");
		compute(&st, 4, 300, i ? 6 * MS : 350 * US);
		t = finish(&st);
		CHECK_STR(t.kind, "shared");
		SAYS(t, "4 threads such as 1 (python3) want the GIL");
		CHECK(!!strstr(t.text, "More CPUs") == i, "%.900s", t.text);
	}
}

/* Nor if they hardly get one, so that a thread does next to nothing in each hold, nor if they began late. */
TEST(threads_that_compute_without_a_cpu)
{
	for (int i = 0; i < 2; i++) {
		struct story st = begin();
		struct told t;

		add_threads(&st, 2, "python3");
		story__pass(&st, i * 400 * MS);
		compute_for(&st, 2, 60, 400 * US, 20 * MS);
		t = finish(&st);
		CHECK_STR(t.kind, "shared");
		SAYS(t, "2 threads such as 1 (python3) want the GIL");
		SAYS(t, "More CPUs");
	}
}

/* Nor if they compute for a short part of the time only. */
TEST(a_lack_of_cpus_is_no_cause_for_threads_that_compute_for_a_while)
{
	struct story st = begin();
	struct told t;

	add_threads(&st, 4, "worker");
	story__pass(&st, 3000 * MS);
	compute(&st, 4, 100, 3 * MS);
	t = finish(&st);
	CHECK_STR(t.kind, "shared");
	SAYS(t, "4 threads such as 1 (worker)");
	UNSAID(t, "mostly for a CPU");
}

/* Threads that serve requests meet only because a holder loses its CPU now and then. */
TEST(a_lack_of_cpus_is_the_cause_for_threads_that_rest)
{
	struct story st = begin();
	struct told t;

	add_threads(&st, 3, "serve");
	for (int i = 0; i < 300; i++) {
		__u32 tid = (__u32)i % 3 + 1, next = tid % 3 + 1;

		story__edge(&st, tid, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 500 * US);
		story__wait(&st, next);
		preempt(&st, tid, 4 * MS);
		story__pass(&st, 500 * US);
		story__hand_over(&st, tid, next, false);
		story__pass(&st, 500 * US);
		story__edge(&st, next, GIL_EDGE_RELEASE, 0);
		story__pass(&st, 5 * MS);
	}
	t = finish(&st);
	CHECK_STR(t.kind, "preempted");
	SAYS(t, "too few CPUs");
	SAYS(t, "most of the waiting ends");
}

/* Threads that compress wait for the GIL only because those that are woken to take it have no CPU.
 * `small`: the GIL is taken again for each piece of the result. The first turn of each thread, which
 * has to be started, is long. */
static struct told tell_compression(int small)
{
	struct story st = begin();

	add_threads(&st, 8, "zip");
	for (__u32 tid = 2; tid <= 4; tid++)
		story__wait(&st, tid);
	for (int i = 0; i < 300; i++) {
		__u32 tid = (__u32)i % 8 + 1, next = tid % 8 + 1;

		for (int j = 0; j < small; j++) {
			story__edge(&st, tid, GIL_EDGE_ACQUIRE, 0);
			story__pass(&st, 5 * US);
			story__edge(&st, tid, GIL_EDGE_RELEASE, 0);
			story__pass(&st, 5 * US);
		}
		story__edge(&st, tid, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 200 * US);
		story__wait(&st, (tid + 3) % 8 + 1);
		story__pass(&st, i < 8 ? 20 * MS : 100 * US);
		story__edge(&st, tid, GIL_EDGE_RELEASE, i < 8 ? GIL_EDGE_F_REQUESTED : 0);
		story__edge(&st, next, GIL_EDGE_WAKE, 0);
		story__pass(&st, 6 * MS);
		story__edge(&st, next, GIL_EDGE_SWITCH_IN, 0);
		story__edge(&st, next, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 200 * US);
		story__edge(&st, next, GIL_EDGE_RELEASE, 0);
	}
	return finish(&st);
}

TEST(a_lack_of_cpus_for_those_that_get_the_gil_next)
{
	for (int small = 0; small <= 20; small += 20) {
		struct told t = tell_compression(small);

		CHECK_STR(t.kind, "preempted");
		SAYS(t, "mostly for a CPU. Threads that wait have been woken, but have no CPU yet");
		SAYS(t, "too few CPUs");
		UNSAID(t, "off the CPU");
	}
}

/* Moments of sleep, as for a lock, are no cause for waits that the lack of a CPU makes long. */
TEST(moments_of_sleep_where_cpus_are_lacking)
{
	struct story st = begin();
	struct told t;

	add_threads(&st, 2, "python3");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 300; i++) {
		__u32 tid = (__u32)i % 2 + 1, next = 3 - tid;

		story__wait(&st, next);
		story__pass(&st, 200 * US);
		story__edge(&st, tid, GIL_EDGE_SWITCH_OUT, 0);
		story__pass(&st, 200 * US);
		story__edge(&st, tid, GIL_EDGE_WAKE, 0);
		preempt(&st, tid, 5 * MS);
		story__hand_over(&st, tid, next, true);
	}
	t = finish(&st);
	CHECK(strcmp(t.kind, "asleep"), "%.900s", t.text);
	UNSAID(t, "native code sleeps");
}

/* Nor is a single hold asleep, such as one in which a module is read from a slow disk. */
TEST(one_long_sleep_where_cpus_are_lacking)
{
	struct story st = begin();
	struct told t;

	add_threads(&st, 2, "python3");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 100; i++) {
		__u32 tid = (__u32)i % 2 + 1, next = 3 - tid;

		story__wait(&st, next);
		story__pass(&st, 1 * MS);
		if (i == 20) {
			story__edge(&st, tid, GIL_EDGE_SWITCH_OUT, 0);
			story__pass(&st, 90 * MS);
			story__edge(&st, tid, GIL_EDGE_WAKE, 0);
		}
		preempt(&st, tid, 5 * MS);
		story__hand_over(&st, tid, next, true);
	}
	t = finish(&st);
	CHECK(strcmp(t.kind, "asleep"), "%.900s", t.text);
}

/* Threads that take work from a queue, which needs many short holds, and then compute for 4 ms. */
TEST(work_from_a_queue)
{
	struct story st = begin();
	struct told t;

	add_threads(&st, 3, "worker");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 600; i++) {
		__u32 tid = (__u32)i % 3 + 1, next = tid % 3 + 1;

		for (int j = 0; j < 10; j++) {
			story__pass(&st, 10 * US);
			story__edge(&st, tid, GIL_EDGE_RELEASE, 0);
			story__pass(&st, 2 * US);
			story__edge(&st, tid, GIL_EDGE_ACQUIRE, 0);
		}
		story__wait(&st, next);
		story__pass(&st, 4 * MS);
		story__hand_over(&st, tid, next, false);
	}
	t = finish(&st);
	CHECK_STR(t.kind, "shared");
	SAYS(t, "3 threads such as 1 (worker)");
	SAYS(t, "more threads cannot help");
}

/* A server that starts a thread for each request. Two at a time compute for 20 ms, and read and
 * write a little before and after it. One more is under way at the end. */
TEST(a_thread_for_each_long_request)
{
	struct story st = begin();
	struct told t;

	story__thread(&st, 1, "accept");
	for (__u32 tid = 2; tid < 102; tid++)
		story__thread(&st, tid, "request");
	for (__u32 tid = 2; tid < 102; tid++) {
		for (int i = 0; i < 20; i++) {
			story__edge(&st, tid, GIL_EDGE_ACQUIRE, 0);
			story__pass(&st, 20 * US);
			story__edge(&st, tid, GIL_EDGE_RELEASE, 0);
			story__pass(&st, 5 * US);
		}
		story__edge(&st, tid, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 6 * MS);
		story__wait(&st, tid == 101 ? 1 : tid + 1);
		story__pass(&st, 5050 * US);
		story__hand_over(&st, tid, tid == 101 ? 1 : tid + 1, true);
		story__wait(&st, tid);
		story__pass(&st, 200 * US);
		story__hand_over(&st, tid == 101 ? 1 : tid + 1, tid, false);
		story__pass(&st, 9 * MS);
		story__edge(&st, tid, GIL_EDGE_RELEASE, 0);
		if (tid < 101)
			story__edge(&st, tid, GIL_EDGE_EXIT, 0);
	}
	t = finish(&st);
	CHECK_STR(t.kind, "shared");
	SAYS(t, "short-lived threads such as 2 (request)");
	UNSAID(t, "small calls");
	UNSAID(t, "the same moments");
}

/* 200 threads of which each waits for 0.1 % of its time. */
TEST(many_threads_that_hardly_wait)
{
	struct story st = begin();
	struct told t;

	add_threads(&st, 200, "client");
	for (int i = 0; i < 6000; i++) {
		__u32 tid = (__u32)i % 200 + 1, next = tid % 200 + 1;

		story__edge(&st, tid, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 30 * US);
		story__wait(&st, next);
		story__pass(&st, 120 * US);
		story__hand_over(&st, tid, next, false);
		story__pass(&st, 30 * US);
		story__edge(&st, next, GIL_EDGE_RELEASE, 0);
		story__pass(&st, 500 * US);
	}
	t = finish(&st);
	CHECK(t.v.contended_ratio > 0.15, "%g", t.v.contended_ratio);
	CHECK_STR(t.kind, "idle");
	SAYS(t, "Not GIL-bound: ");
	SAYS(t, "200 threads such as 1 (client) wait 0.1 % of the time");
	UNSAID(t, "cannot help");
}

/* Processes 1 to n compute, each from its start on. */
static struct told processes(int n, __u64 apart)
{
	struct snapshot *s = snapshot__new();
	struct story st = {0};

	for (int i = 0; i < n; i++) {
		st = story__begin(s, i + 1, "python3");
		story__thread(&st, (__u32)i + 1, "python3");
		st.now += (__u64)i * apart;
		st.gil->lock.start = st.gil->lock.mark = st.process->start_ns = st.now;
		story__edge(&st, (__u32)i + 1, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 1 * S);
		story__edge(&st, (__u32)i + 1, GIL_EDGE_RELEASE, 0);
		if (i + 1 < n)
			story__end(&st, true);
	}
	return finish(&st);
}

TEST(only_processes_at_the_same_time_are_busy_together)
{
	struct told t = processes(4, 10 * MS);

	CHECK_STR(t.kind, "each_its_own");
	SAYS(t, "4 processes are busy at the same time");
	t = processes(4, 1001 * MS);
	CHECK_STR(t.kind, "one_thread");
	SAYS(t, "in process 1 (python3), thread 1");
	UNSAID(t, "4 processes");
	t = processes(4, 450 * MS); /* three at most */
	CHECK_STR(t.kind, "each_its_own");
}

/* One after another, short-lived children compute beside a process that computes all the time. */
TEST(a_child_now_and_then_makes_no_busy_processes)
{
	struct snapshot *s = snapshot__new();
	struct story st = {0};
	struct told t;

	for (int i = 0; i < 5; i++) {
		__u64 begin;

		st = story__begin(s, i + 1, "python3");
		story__thread(&st, (__u32)i + 1, "python3");
		begin = st.now + 200 * MS * (__u64)i;
		st.now = st.gil->lock.start = st.gil->lock.mark = st.process->start_ns = begin;
		story__edge(&st, (__u32)i + 1, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, i ? 60 * MS : 1 * S);
		story__edge(&st, (__u32)i + 1, GIL_EDGE_RELEASE, 0);
		if (i < 4)
			story__end(&st, true);
	}
	t = finish(&st);
	CHECK_STR(t.kind, "one_thread");
	UNSAID(t, "at the same time");
}

/* A free-threaded build whose GIL is on says so first, before what follows from it. */
TEST(the_gil_of_a_free_threaded_build)
{
	for (int i = 0; i < 2; i++) {
		struct story st = begin();
		struct told t;

		st.process->free_threaded_build = true;
		st.process->gil_turned_on = i;
		add_threads(&st, 2, "python3");
		compute(&st, 2, 200, 0);
		t = finish(&st);
		CHECK_STR(t.kind, "shared");
		SAYS(t, "GIL-bound: this Python could run without a GIL (a free-threaded build), "
			"but its GIL ");
		SAYS(t, i ? "was turned on while it ran" : "is turned on");
		SAYS(t, "PYTHON_GIL=0");
	}
}

/* A hold asleep for which nobody waited does not count. */
TEST(sleep_that_nobody_waits_for_is_no_cause)
{
	struct story st = begin();
	struct told t;

	story__thread(&st, 1, "main");
	story__thread(&st, 2, "serve");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	story__edge(&st, 1, GIL_EDGE_SWITCH_OUT, 0);
	story__pass(&st, 3 * S);
	story__edge(&st, 1, GIL_EDGE_SWITCH_IN, 0);
	for (int i = 0; i < 400; i++) {
		story__wait(&st, 2);
		story__pass(&st, 5050 * US);
		interrupt(&st, 1, 2, 50 * US, true);
	}
	t = finish(&st);
	CHECK_STR(t.kind, "convoy");
}

/* PostgreSQL: a server process sleeps with the GIL, and nobody waits for it. */
TEST(idling_with_the_gil)
{
	struct story st = begin();
	struct told t;

	story__thread(&st, 1, "postgres");
	for (int i = 0; i < 10; i++) {
		story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
		story__edge(&st, 1, GIL_EDGE_SWITCH_OUT, 0);
		story__pass(&st, 300 * MS);
		story__edge(&st, 1, GIL_EDGE_SWITCH_IN, 0);
		story__pass(&st, 1 * MS);
		story__edge(&st, 1, GIL_EDGE_RELEASE, 0);
	}
	t = finish(&st);
	CHECK_STR(t.kind, "idle");
	SAYS(t, "the program idles with the GIL");
}

/* A dashboard shows another verdict only when it has held for some seconds. */
TEST(a_shown_verdict_does_not_flicker)
{
	struct verdict_steady steady = {0};
	struct verdict shared = {.kind = VERDICT_SHARED, .answer = VERDICT_YES};
	struct verdict convoy = {.kind = VERDICT_CONVOY, .answer = VERDICT_YES};

	for (__u64 now = 1; now < 60; now++) {
		/* at its start a program soon does something else */
		bool other = now == 2 || (now > 3 && now % 3 == 0);
		const struct verdict *v =
			verdict_steady__next(&steady, other ? &convoy : &shared, 5, now * S);

		CHECK(v->kind == (now == 2 ? VERDICT_CONVOY : VERDICT_SHARED), "at %llu s", now);
	}
	for (__u64 now = 60; now < 70; now++) {
		enum verdict_kind is = verdict_steady__next(&steady, &convoy, 5, now * S)->kind;

		CHECK(is == (now < 66 ? VERDICT_SHARED : VERDICT_CONVOY), "at %llu s", now);
	}
	/* figures are those of now, and another GIL has its own verdict */
	convoy.contended_ratio = 0.5;
	CHECK(verdict_steady__next(&steady, &convoy, 5, 70 * S)->contended_ratio == 0.5, "figures");
	CHECK(verdict_steady__next(&steady, &shared, 6, 71 * S)->kind == VERDICT_SHARED, "GIL 6");
}

/* Where nothing was seen, the cause comes first. */
TEST(nothing_was_seen)
{
	struct snapshot *s = snapshot__new();
	struct snapshot_unobserved *u;
	struct verdict_text text;
	struct verdict v = verdict__of_snapshot(s);

	verdict__tell(&v, true, &text);
	CHECK_STR(text.sentence, "no CPython was seen.");
	u = snapshot__add_unobserved(s);
	u->pid = 7;
	strcpy(u->comm, "python");
	strcpy(u->why, "it is CPython 3.6, which is not supported.");
	v = verdict__of_snapshot(s);
	snapshot__free(s);
	verdict__tell(&v, true, &text);
	CHECK_STR(text.sentence, "process 7 (python) was not observed: it is CPython 3.6, which is "
				 "not supported.");
}

TEST_MAIN
