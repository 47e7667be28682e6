// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Verdicts about programs that people have asked about in public, each told as a story with the
 * figures that the program itself had. A story that fails is a kind of program about which gilscope
 * says something wrong.
 */
#include "fixtures.h"
#include "test.h"
#include "core/figures/verdict_steady.h"

/* What a story ends with. */
struct told {
	struct verdict v;
	char kind[32];
	char text[4 * VERDICT_TEXT]; /* the answer, the sentence and what supports it */
};

static struct told finish(struct story *st)
{
	struct verdict_text text;
	struct told t;

	story__end(st, false);
	snapshot__finish(st->snapshot);
	t.v = verdict__of_snapshot(st->snapshot);
	snapshot__free(st->snapshot);
	verdict__tell(&t.v, true, &text);
	snprintf(t.kind, sizeof(t.kind), "%s", verdict_kind__name(t.v.kind));
	snprintf(t.text, sizeof(t.text), "%s: %s %s %s %s", text.answer, text.sentence,
		 text.support[0], text.support[1], text.support[2]);
	return t;
}

#define SAYS(t, words)   CHECK(strstr((t).text, words), "%.900s", (t).text)
#define UNSAID(t, words) CHECK(!strstr((t).text, words), "%.900s", (t).text)

static struct story begin(void)
{
	return story__begin(snapshot__new(), 1, "python3");
}

/* The waiter gets the GIL from the holder, needs it for `brief`, and hands it back. */
static void interrupt(struct story *st, __u32 holder, __u32 waiter, __u64 brief, bool asked)
{
	story__hand_over(st, holder, waiter, asked);
	story__wait(st, holder);
	story__pass(st, brief);
	story__hand_over(st, waiter, holder, false);
}

/* The holder has no CPU for a while. */
static void preempt(struct story *st, __u32 holder, __u64 ns)
{
	story__edge(st, holder, GIL_EDGE_SWITCH_OUT, GIL_EDGE_F_RUNNABLE);
	story__pass(st, ns);
	story__edge(st, holder, GIL_EDGE_SWITCH_IN, 0);
}

/* Threads 1 to n compute in turns of 5 ms, in each of which the holder has no CPU for `off`. */
static void compute(struct story *st, __u32 n, int turns, __u64 off)
{
	for (__u32 tid = 2; tid <= n; tid++)
		story__wait(st, tid);
	story__edge(st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < turns; i++) {
		__u32 holder = (__u32)i % n + 1, next = ((__u32)i + 1) % n + 1;

		story__pass(st, off < 5 * MS ? 5 * MS - off : 2 * MS);
		if (off)
			preempt(st, holder, off);
		story__pass(st, 50 * US);
		story__hand_over(st, holder, next, true);
		story__wait(st, holder);
	}
}

static void add_threads(struct story *st, __u32 n, const char *name)
{
	for (__u32 tid = 1; tid <= n; tid++)
		story__thread(st, tid, name);
}

/* tqdm: a library sets the switch interval to 100 s. A thread computes, another one wants to show
 * the progress ten times a second. */
static struct story tell_switch_interval(int rounds)
{
	struct story st = begin();

	st.gil->switch_interval_us = 100000000;
	story__thread(&st, 1, "compute");
	story__thread(&st, 2, "ui");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 500 * MS);
	for (int i = 0; i < rounds; i++) {
		story__pass(&st, 80 * MS);
		story__wait(&st, 2);
		story__pass(&st, 5900 * MS);
		if (i + 1 == rounds && rounds > 1)
			break;
		interrupt(&st, 1, 2, 20 * US, false);
	}
	return st;
}

TEST(a_switch_interval_of_100_s)
{
	struct story st = tell_switch_interval(1);
	struct told t = finish(&st);

	CHECK_STR(t.kind, "switch_interval");
	SAYS(t, "GIL-bound: the switch interval is 100 s (5 ms by default)");
	SAYS(t, "thread 1 (compute)");
	SAYS(t, "Thread 2 (ui) waits");
	SAYS(t, "sys.setswitchinterval(0.005)");
	UNSAID(t, "native");
}

TEST(a_switch_interval_of_100_s_in_an_open_hold)
{
	struct story st = begin();
	struct told t;

	st.gil->switch_interval_us = 100000000;
	story__thread(&st, 1, "compute");
	story__thread(&st, 2, "ui");
	story__pass(&st, 500 * MS);
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 20 * MS);
	story__wait(&st, 2);
	story__pass(&st, 3460 * MS);
	t = finish(&st);
	CHECK_STR(t.kind, "switch_interval");
	SAYS(t, "GIL-bound: the switch interval is 100 s");
	SAYS(t, "Thread 1 (compute) has had it for 3.48 s, and 1 thread waited");
	UNSAID(t, "native");
}

/* The same hold with the usual interval is native code. */
TEST(an_open_hold_that_was_asked_to_end)
{
	struct story st = begin();
	struct told t;

	story__thread(&st, 1, "compute");
	story__thread(&st, 2, "ui");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 20 * MS);
	story__wait(&st, 2);
	story__pass(&st, 3460 * MS);
	t = finish(&st);
	CHECK_STR(t.kind, "stuck");
	SAYS(t, "native code");
}

/* Two threads compute, and take the GIL from each other all the time. */
TEST(a_switch_interval_of_1_us)
{
	struct story st = begin();
	struct told t;

	st.gil->switch_interval_us = 1;
	add_threads(&st, 2, "python3");
	st.no_slices = true; /* there would be too many */
	story__wait(&st, 2);
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 3000; i++) {
		__u32 holder = (__u32)i % 2 + 1, next = 3 - holder;

		story__pass(&st, i % 20 ? 150 * US : 4 * MS);
		gil_model_wait(&st.gil->lock, &st.gil->threads[next - 1], st.now - 1);
		story__hand_over(&st, holder, next, true);
		story__wait(&st, holder);
	}
	t = finish(&st);
	CHECK_STR(t.kind, "switch_interval");
	SAYS(t, "the switch interval is 1 us, ");
	SAYS(t, "sys.setswitchinterval(0.005)");
	UNSAID(t, "native");
}

/* Two threads that compute do so just as fast with turns of 100 ms. */
TEST(long_turns_of_equals_are_shared)
{
	struct story st = begin();
	struct told t;

	st.gil->switch_interval_us = 100000;
	add_threads(&st, 2, "python3");
	story__wait(&st, 2);
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 40; i++) {
		story__pass(&st, 100 * MS);
		story__hand_over(&st, (__u32)i % 2 + 1, 2 - (__u32)i % 2, true);
		story__wait(&st, (__u32)i % 2 + 1);
	}
	t = finish(&st);
	CHECK_STR(t.kind, "shared");
}

/* PyTorch: a thread frees large tensors, each in one call that keeps the GIL for 31 ms. The main
 * thread has taken longer to start, but then nobody waited. `off`: the CPU is lacking for so long
 * in each call. */
static struct story tell_destructor(__u64 off, bool slices)
{
	struct story st = begin();

	st.no_slices = !slices;
	story__thread(&st, 1, "train");
	story__thread(&st, 2, "pin");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 160 * MS);
	story__edge(&st, 1, GIL_EDGE_RELEASE, 0);
	for (int i = 0; i < 39; i++) {
		for (int j = 0; j < 20; j++) {
			story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
			story__pass(&st, 1 * MS);
			story__edge(&st, 1, GIL_EDGE_RELEASE, 0);
			story__pass(&st, 4 * MS);
		}
		story__edge(&st, 2, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 2 * MS);
		story__wait(&st, 1);
		story__pass(&st, 15 * MS);
		if (off)
			preempt(&st, 2, off);
		story__pass(&st, 14 * MS);
		story__hand_over(&st, 2, 1, true);
		story__pass(&st, 1 * MS);
		story__edge(&st, 1, GIL_EDGE_RELEASE, 0);
		story__pass(&st, 4 * MS);
	}
	return st;
}

TEST(the_thread_behind_which_others_waited_is_named)
{
	for (int i = 0; i < 3; i++) {
		/* quiet, on a loaded machine, and with probes that do not show each slice */
		struct story st = tell_destructor(i == 1 ? 40 * MS : 0, i < 2);
		struct told t = finish(&st);

		CHECK_STR(t.kind, "native");
		SAYS(t, "It runs in thread 2 (pin)");
		SAYS(t, "Thread 1 (train) waits");
		UNSAID(t, "160 ms");
	}
}

/* pybind11: threads of a C++ program call into Python, while Python computes in the main thread. In
 * one program a new thread makes each call, in another the same ones do. */
static struct told callbacks(__u32 threads, int calls, __u64 off)
{
	struct story st = begin();

	story__thread(&st, 1, "main");
	for (__u32 tid = 2; tid < 2 + threads; tid++)
		story__thread(&st, tid, "io");
	for (int i = 0; i < 1800; i++) { /* its start */
		story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 1 * US);
		story__edge(&st, 1, GIL_EDGE_RELEASE, 0);
	}
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < calls; i++) {
		__u32 caller = (__u32)i % threads + 2;

		story__pass(&st, 3 * MS);
		story__wait(&st, caller);
		if (off)
			preempt(&st, 1, off);
		story__pass(&st, 5050 * US);
		interrupt(&st, 1, caller, 20 * US, true);
		if (threads == (__u32)calls)
			story__edge(&st, caller, GIL_EDGE_EXIT, 0);
	}
	return finish(&st);
}

TEST(a_thread_for_each_call)
{
	struct told t = callbacks(396, 396, 0);

	CHECK_STR(t.kind, "convoy");
	SAYS(t, "GIL-bound: 396 short-lived threads such as 2 (io) do only short bits of Python");
	SAYS(t, "Thread 1 (main) runs Python nonstop");
	SAYS(t, "the convoy effect");
	UNSAID(t, "at the same time");
	t = callbacks(396, 396, 12 * MS);
	CHECK_STR(t.kind, "convoy");
	SAYS(t, "Thread 1 (main) runs Python nonstop");
	SAYS(t, "More CPUs would make the waits shorter, but not end them");
}

TEST(the_same_threads_for_all_calls)
{
	struct told t = callbacks(2, 400, 0);

	CHECK_STR(t.kind, "convoy");
	SAYS(t, "2 threads such as 2 (io) do only short bits");
	SAYS(t, "typically wait 5.");
}

/* Twenty threads that each wait behind one, with a different one served last each time. */
TEST(equal_victims_are_one_group)
{
	for (int i = 0; i < 10; i++) {
		struct story st = begin();
		struct told t;

		story__thread(&st, 1, "main");
		for (__u32 tid = 2; tid < 22; tid++)
			story__thread(&st, tid, "io");
		story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
		for (int j = 0; j < 600 + 7 * i; j++) {
			if (j % 20 == 0)
				story__pass(&st, 1 * MS);
			for (__u32 tid = 2; j % 20 == 0 && tid < 22; tid++)
				story__wait(&st, tid);
			story__pass(&st, 5050 * US);
			interrupt(&st, 1, (__u32)(j + j / 20) % 20 + 2, 20 * US, true);
		}
		t = finish(&st);

		CHECK_STR(t.kind, "convoy");
		SAYS(t, "20 threads such as 2 (io) do");
	}
}

/* gunicorn: eight threads answer requests that compute for 50 ms each, and one accepts connections.
 * The acceptor waits for its turn like all, but it is not what matters. */
TEST(an_acceptor_does_not_hide_eight_threads)
{
	struct story st = begin();
	struct told t;
	__u32 holder = 1;

	add_threads(&st, 8, "worker");
	story__thread(&st, 9, "gunicorn");
	for (__u32 tid = 2; tid <= 5; tid++)
		story__wait(&st, tid);
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 800; i++) {
		__u32 next = holder % 8 + 1, joins = (holder + 3) % 8 + 1;

		if (i % 10 == 0)
			story__wait(&st, 9);
		story__pass(&st, 5050 * US);
		if (i % 10 == 0)
			interrupt(&st, holder, 9, 80 * US, true);
		story__hand_over(&st, holder, next, true);
		if (i < 796)
			story__wait(&st, joins);
		holder = next;
	}
	t = finish(&st);
	CHECK_STR(t.kind, "shared");
	SAYS(t, "8 threads such as 1 (worker)");
	SAYS(t, "Thread 9 (gunicorn) needs the GIL only briefly");
	SAYS(t, "more threads cannot help");
}

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

/* A file of an earlier version lacks the counters of what others waited for. */
TEST(without_the_counters_the_distributions_decide)
{
	struct story st = tell_destructor(0, true);
	struct told t;

	st.gil->missing_thread_counters = GIL_NR_THREAD_COUNTERS - GIL_FIRST_COUNTERS;
	t = finish(&st);
	CHECK_STR(t.kind, "native");
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

		CHECK(is == (now < 63 ? VERDICT_SHARED : VERDICT_CONVOY), "at %llu s", now);
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
	CHECK_STR(text.sentence, "no CPython was seen, so nothing was observed.");
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
