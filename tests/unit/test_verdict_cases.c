// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Verdicts about programs that people have asked about in public, each told as a story with the
 * figures that the program itself had. A story that fails is a kind of program about which gilscope
 * says something wrong.
 */
#include "verdict_told.h"

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

/* One thread computes, and the other one interrupts it for moments. For that the interval is good. */
static struct told interrupted(long interval_us, __u64 off)
{
	struct story st = begin();

	st.gil->switch_interval_us = interval_us;
	story__thread(&st, 1, "compute");
	story__thread(&st, 2, "serve");
	st.no_slices = true;
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < 1000; i++) {
		story__pass(&st, 2 * MS);
		story__wait(&st, 2);
		if (off)
			preempt(&st, 1, off);
		story__pass(&st, (__u64)interval_us * US + 50 * US);
		gil_model_wait(&st.gil->lock, &st.gil->threads[1], st.now - 1);
		interrupt(&st, 1, 2, 30 * US, true);
	}
	return finish(&st);
}

TEST(a_short_interval_that_serves_its_purpose)
{
	struct told t = interrupted(10, 0);

	CHECK_STR(t.kind, "one_thread");
	UNSAID(t, "setswitchinterval");
}

/* A thread has the GIL for one long call now and then, so that nobody waits for much of the time, but the one that
 * works in short bits is late. It is no convoy, because Python would have let go. `call`: after the request. */
static struct told late_by_a_call(__u64 call, __u64 rest)
{
	struct story st = begin();

	story__thread(&st, 1, "pin");
	story__thread(&st, 2, "train");
	for (int i = 0; i < 40; i++) {
		story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 1 * MS);
		story__wait(&st, 2);
		story__pass(&st, 5 * MS + 50 * US);
		gil_model_wait(&st.gil->lock, &st.gil->threads[1], st.now - 1);
		story__pass(&st, call);
		story__hand_over(&st, 1, 2, true);
		story__pass(&st, 500 * US);
		story__edge(&st, 2, GIL_EDGE_RELEASE, 0);
		story__pass(&st, rest);
	}
	return finish(&st);
}

TEST(a_long_call_now_and_then)
{
	struct told t = late_by_a_call(5 * MS, 110 * MS);

	CHECK_STR(t.kind, "native");
	SAYS(t, "Partly GIL-bound");
	SAYS(t, "thread 1 (pin)");
	UNSAID(t, "convoy");
	t = late_by_a_call(100 * US, 70 * MS);
	CHECK_STR(t.kind, "convoy");
}

/* A shorter interval would end no wait if the holder has no CPU to see the request. */
TEST(a_convoy_for_lack_of_a_cpu)
{
	struct told t = interrupted(500, 8 * MS);

	CHECK_STR(t.kind, "preempted");
	SAYS(t, "behind thread 1 (compute), but mostly for a CPU");
	t = interrupted(5000, 8 * MS);
	CHECK_STR(t.kind, "convoy");
	SAYS(t, "More CPUs would make the waits shorter");
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

/* The thread behind which others wait is the one that has taken long to start. Nobody waited for that. */
TEST(a_long_start_is_not_what_others_waited_for)
{
	for (int asleep = 0; asleep < 2; asleep++) {
		struct story st = begin();
		struct told t;

		story__thread(&st, 1, "main");
		story__thread(&st, 2, "io");
		story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
		story__pass(&st, 3100 * MS);
		for (int i = 0; i < 40; i++) {
			story__pass(&st, 60 * MS);
			story__edge(&st, 1, GIL_EDGE_RELEASE, 0);
			story__pass(&st, 60 * MS);
			story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
			story__wait(&st, 2);
			if (asleep)
				story__edge(&st, 1, GIL_EDGE_SWITCH_OUT, 0);
			story__pass(&st, 77 * MS);
			if (asleep) {
				story__edge(&st, 1, GIL_EDGE_WAKE, 0);
				story__edge(&st, 1, GIL_EDGE_SWITCH_IN, 0);
			}
			interrupt(&st, 1, 2, 20 * US, true);
		}
		t = finish(&st);
		CHECK_STR(t.kind, asleep ? "asleep" : "native");
		SAYS(t, "in thread 1 (main). The longest wait took 77.0 ms.");
		UNSAID(t, "longest hold");
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

/* Two threads compute, and the process is stopped for 2 s in the middle. Which of them waited meanwhile
 * says nothing about it. */
TEST(a_stop_does_not_tell_equals_apart)
{
	struct story st = begin();
	struct told t;

	add_threads(&st, 2, "python3");
	compute(&st, 2, 101, 0);
	story__edge(&st, 2, GIL_EDGE_SWITCH_OUT, GIL_EDGE_F_STOPPED);
	story__pass(&st, 2000 * MS);
	story__edge(&st, 2, GIL_EDGE_WAKE, 0);
	story__edge(&st, 2, GIL_EDGE_SWITCH_IN, 0);
	story__pass(&st, 5 * MS);
	story__hand_over(&st, 2, 1, true);
	t = finish(&st);
	CHECK_STR(t.kind, "shared");
	SAYS(t, "2 threads such as 1 (python3) want the GIL at the same time");
	SAYS(t, "was stopped for 2.00 s");
}

/* A single thread is stopped for 2 s and then goes on, with the GIL all the time. */
TEST(a_holder_that_goes_on_after_a_stop)
{
	struct story st = begin();
	struct told t;

	add_threads(&st, 1, "python3");
	story__edge(&st, 1, GIL_EDGE_ACQUIRE, 0);
	story__pass(&st, 100 * MS);
	story__edge(&st, 1, GIL_EDGE_SWITCH_OUT, GIL_EDGE_F_STOPPED);
	story__pass(&st, 2000 * MS);
	story__edge(&st, 1, GIL_EDGE_WAKE, 0);
	story__edge(&st, 1, GIL_EDGE_SWITCH_IN, 0);
	story__pass(&st, 300 * MS);
	t = finish(&st);
	SAYS(t, "did nothing for 2.00 s");
	UNSAID(t, "asleep");
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

TEST_MAIN
