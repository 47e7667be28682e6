// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The model, rule by rule. test_model_random.c tests its properties. */
#include "model_edges.h"

TEST(uncontended)
{
	begin();
	ACQUIRE(0, 10);
	CHECK_EQ(lock.state, GIL_LOCK_HELD);
	CHECK_EQ(gil_lock_held_until(&lock, -1, START + 25), 15);
	RELEASE(0, 30);
	CHECK_EQ(figures()->acquisitions, 1);
	CHECK_EQ(figures()->contended, 0);
	CHECK_EQ(figures()->releases, 1);
	CHECK_EQ(figures()->requested_releases, 0);
	CHECK_EQ(figures()->hold.sum, 20);
	CHECK_EQ(lock.held_ns, 20);
	CHECK_EQ(gil_lock_held_until(&lock, -1, START + 50), 20);
	CHECK_EQ(lock.handoff.count, 0);
	CHECK_EQ(lock.anomalies, 0);
}

TEST(slices_make_one_wait)
{
	begin();
	ACQUIRE(0, 0);
	WAIT(1, 100);
	WAIT(1, 5100);
	WAIT(1, 10100);
	REQUEST(0, 12000);
	ACQUIRE(1, 12050);
	CHECK_EQ(lock.wait_slices, 3);
	CHECK_EQ(figures()->contended, 1);
	CHECK_EQ(figures()->wait.count, 1);
	CHECK_EQ(figures()->wait.sum, 11950);
	CHECK_EQ(threads[1].fig.wait.sum, 11950);
	CHECK_EQ(lock.waiters, 0);
	CHECK_EQ(lock.contended_ns, 11950);
	CHECK_EQ(lock.waiter_ns, 11950);
}

/* A hold of 40 ms is asked to end after 10, and has no CPU for 12 of the rest. */
TEST(a_hold_is_overdue_after_a_whole_slice)
{
	begin();
	WAIT(1, 1 * 1000000);
	ACQUIRE(0, 3 * 1000000);
	WAIT(1, 6 * 1000000); /* began before the hold, so this is no request */
	CHECK_EQ(lock.asked, 0);
	WAIT(1, 13 * 1000000);
	WAIT(1, 18 * 1000000);
	CHECK_EQ(lock.asked, START + 13 * 1000000);
	PREEMPT(0, 20 * 1000000);
	RUN(0, 32 * 1000000);
	REQUEST(0, 43 * 1000000);
	CHECK_EQ(threads[0].fig.overdue_ns, (43 - 13 - 12) * 1000000);
	CHECK_EQ(threads[0].fig.waited_for_ns, 40 * 1000000);
	CHECK_EQ(threads[0].fig.waited_for_asleep_ns, 0);
}

/* Python code lets go soon after it is asked, and a hold for which nobody waits is not asked. */
TEST(what_is_not_overdue)
{
	begin();
	ACQUIRE(0, 0);
	WAIT(1, 1000);
	WAIT(1, 5001000);
	REQUEST(0, 5050000);
	ACQUIRE(1, 5060000);
	RELEASE(1, 900000000);
	CHECK_EQ(figures()->overdue_ns, 0);
	CHECK_EQ(threads[0].fig.waited_for_ns, 5049000);
	CHECK_EQ(threads[1].fig.waited_for_ns, 0);
}

TEST(sleep_counts_only_while_others_wait)
{
	begin();
	ACQUIRE(0, 0);
	BLOCK(0, 100);
	WAIT(1, 700);
	WAKE(0, 900);
	RUN(0, 950);
	RELEASE(0, 1000);
	CHECK_EQ(threads[0].fig.waited_for_ns, 300);
	CHECK_EQ(threads[0].fig.waited_for_asleep_ns, 300);
	ACQUIRE(1, 1010);
	RELEASE(1, 1050);
	ACQUIRE(0, 1100);
	BLOCK(0, 1200);
	RUN(0, 1900);
	RELEASE(0, 2000);
	CHECK_EQ(threads[0].fig.waited_for_asleep_ns, 300);
}

TEST(a_wait_that_ends_without_a_slice_is_whole)
{
	begin();
	ACQUIRE(0, 0);
	WAIT(1, 10);
	RELEASE(0, 20);
	ACQUIRE(1, 25);
	CHECK_EQ(threads[1].fig.wait.max, 15);
	CHECK_EQ(threads[1].fig.contended, 1);
}

TEST(requested_is_told_from_voluntary)
{
	begin();
	ACQUIRE(0, 0);
	REQUEST(0, 10);
	ACQUIRE(0, 20);
	RELEASE(0, 30);
	CHECK_EQ(figures()->releases, 2);
	CHECK_EQ(figures()->requested_releases, 1);
	CHECK_EQ(threads[0].fig.requested_releases, 1);
}

TEST(waiters_integrate)
{
	begin();
	ACQUIRE(0, 0);
	WAIT(1, 10);
	WAIT(2, 30);
	CHECK_EQ(gil_lock_waiters(&lock), 2);
	CHECK_EQ(gil_lock_contended_until(&lock, START + 40), 30);
	CHECK_EQ(gil_lock_waiting_until(&lock, START + 40), 20 + 2 * 10);
	RELEASE(0, 50);
	ACQUIRE(2, 60);
	RELEASE(2, 70);
	ACQUIRE(1, 80);
	CHECK_EQ(lock.contended_ns, 70);
	CHECK_EQ(lock.waiter_ns, 70 + 30);
}

TEST(attached_while_a_thread_waits)
{
	begin();
	threads[1].state = GIL_THREAD_UNSEEN;
	WAIT(1, 100); /* a slice of a wait, or its beginning; this is not known */
	CHECK_EQ(gil_lock_waiters(&lock), 1);
	RELEASE(0, 200);
	ACQUIRE(1, 210);
	CHECK_EQ(lock.partial_waits, 1);
	CHECK_EQ(figures()->contended, 0);
	CHECK_EQ(figures()->wait.count, 0);
	CHECK_EQ(figures()->wait_part[GIL_PART_ONCPU], 0);
	CHECK_EQ(lock.contended_ns, 110);
	CHECK_EQ(lock.anomalies, 0);
	/* Its next wait is seen from its beginning. */
	RELEASE(1, 220);
	ACQUIRE(0, 230);
	WAIT(1, 240);
	RELEASE(0, 250);
	ACQUIRE(1, 260);
	CHECK_EQ(lock.partial_waits, 1);
	CHECK_EQ(figures()->wait.sum, 20);
}

TEST(attached_while_a_thread_holds)
{
	begin();
	threads[0].state = GIL_THREAD_UNSEEN;
	CHECK_EQ(gil_lock_held_until(&lock, 1, START + 70), 70);
	CHECK_EQ(gil_lock_held_until(&lock, 0, START + 70), 0);
	CHECK_EQ(gil_lock_held_until(&lock, -1, START + 70), 0);
	REQUEST(0, 100);
	CHECK_EQ(lock.partial_holds, 1);
	CHECK_EQ(figures()->releases, 0);
	CHECK_EQ(figures()->requested_releases, 0);
	CHECK_EQ(figures()->hold.count, 0);
	CHECK_EQ(lock.held_ns, 100);
	CHECK_EQ(lock.anomalies, 0);
	CHECK_EQ(gil_lock_held_until(&lock, 1, START + 200), 100);
}

TEST(handoff_to_a_waiter)
{
	struct gil_handoff h;

	begin();
	ACQUIRE(0, 0);
	WAIT(1, 10);
	RELEASE(0, 50);
	h = ACQUIRE(1, 58);
	CHECK_EQ(h.count, 1);
	CHECK_EQ(h.from, 100);
	CHECK_EQ(h.to, 101);
	CHECK_EQ(h.wait_ns, 48);
	CHECK_EQ(lock.handoff.count, 1);
	CHECK_EQ(lock.handoff.sum, 8);
	CHECK_EQ(lock.chain_len, 1);
}

TEST(no_handoff_to_one_who_came_later)
{
	begin();
	ACQUIRE(0, 0);
	RELEASE(0, 50);
	WAIT(1, 51); /* as if another thread had had it for a moment that was not seen */
	CHECK_EQ(ACQUIRE(1, 58).count, 0);
	CHECK_EQ(lock.handoff.count, 0);
}

TEST(no_handoff_to_oneself)
{
	begin();
	ACQUIRE(0, 0);
	RELEASE(0, 10);
	WAIT(0, 10);
	CHECK_EQ(ACQUIRE(0, 12).count, 0);
}

TEST(no_handoff_to_one_who_did_not_wait)
{
	begin();
	ACQUIRE(0, 0);
	RELEASE(0, 10);
	CHECK_EQ(ACQUIRE(1, 12).count, 0);
	CHECK_EQ(figures()->contended, 0);
}

TEST(a_chain_ends_when_nobody_waits)
{
	begin();
	ACQUIRE(0, 0);
	WAIT(1, 1);
	RELEASE(0, 10);
	ACQUIRE(1, 11);
	WAIT(0, 12);
	RELEASE(1, 20);
	ACQUIRE(0, 21);
	CHECK_EQ(lock.chain_len, 2);
	CHECK_EQ(lock.chain.count, 0);
	RELEASE(0, 30);
	CHECK_EQ(lock.chain_len, 0);
	CHECK_EQ(lock.chain.count, 1);
	CHECK_EQ(lock.chain.max, 2);
}

TEST(a_chain_ends_when_it_is_taken_back)
{
	begin();
	ACQUIRE(0, 0);
	WAIT(1, 1);
	WAIT(2, 2);
	RELEASE(0, 10);
	ACQUIRE(1, 11);
	RELEASE(1, 20);
	CHECK_EQ(lock.chain.count, 0); /* 2 still waits */
	ACQUIRE(1, 21);
	CHECK_EQ(lock.chain.count, 1);
	CHECK_EQ(lock.chain.sum, 1);
	RELEASE(1, 30);
	ACQUIRE(2, 31);
	CHECK_EQ(lock.chain_len, 1);
}

TEST(a_hold_is_split)
{
	begin();
	ACQUIRE(0, 0);
	PREEMPT(0, 10);
	RUN(0, 40);
	BLOCK(0, 45);
	WAKE(0, 145);
	RUN(0, 150);
	RELEASE(0, 151);
	PARTS(figures()->hold_part, 10 + 5 + 1, 30 + 5, 100);
	PARTS(threads[0].fig.hold_part, 16, 35, 100);
	CHECK_EQ(figures()->hold.sum, 151);
}

TEST(a_wait_is_split)
{
	begin();
	ACQUIRE(0, 0);
	WAIT(1, 10);
	BLOCK(1, 12);
	WAKE(1, 5012);
	RUN(1, 5020);
	WAIT(1, 5022);
	BLOCK(1, 5025);
	RELEASE(0, 6000);
	WAKE(1, 6001);
	RUN(1, 6010);
	ACQUIRE(1, 6011);
	PARTS(figures()->wait_part, 2 + 5 + 1, 8 + 9, 5000 + 976);
	CHECK_EQ(figures()->wait.sum, 6001);
}

TEST(scheduler_edges_in_odd_orders)
{
	begin();
	ACQUIRE(0, 0);
	WAKE(0, 10); /* it does not sleep yet, so nothing happens */
	RUN(0, 20);  /* it is on its CPU already, so nothing happens */
	BLOCK(0, 30);
	WAKE(0, 40);
	WAKE(0, 50);    /* a second wake-up changes nothing */
	PREEMPT(0, 60); /* off the CPU twice */
	BLOCK(0, 70);
	RUN(0, 80); /* there was no wake-up, so it slept until now */
	RELEASE(0, 90);
	PARTS(figures()->hold_part, 30 + 10, 20 + 10, 10 + 10);
}

TEST(scheduler_edges_of_idle_threads_are_nothing)
{
	begin();
	BLOCK(0, 10);
	WAKE(0, 20);
	RUN(0, 30);
	ACQUIRE(0, 40);
	RELEASE(0, 50);
	BLOCK(0, 55);
	PARTS(figures()->hold_part, 10, 0, 0);
}

TEST(clocks_may_step_back)
{
	begin();
	ACQUIRE(0, 100);
	WAIT(1, 90);
	BLOCK(1, 85);
	RELEASE(0, 95);
	ACQUIRE(1, 80);
	RELEASE(1, 70);
	CHECK_EQ(figures()->hold.sum, 0);
	CHECK_EQ(figures()->wait.sum, 0);
	CHECK_EQ(lock.held_ns, 0);
	CHECK_EQ(lock.contended_ns, 0);
}

TEST(what_cannot_be_is_an_anomaly)
{
	begin();
	ACQUIRE(0, 0);
	ACQUIRE(0, 10); /* its release was missed */
	CHECK_EQ(lock.anomalies, 1);
	ACQUIRE(1, 20); /* so was this one's */
	CHECK_EQ(lock.anomalies, 2);
	RELEASE(2, 30); /* this one never had it */
	CHECK_EQ(lock.anomalies, 3);
	CHECK_EQ(lock.state, GIL_LOCK_FREE);
	RELEASE(0, 35); /* the thread's record has a hold, but the GIL's has another holder */
	WAIT(0, 40);
	ACQUIRE(0, 50);
	WAIT(0, 60); /* waits while it holds */
	CHECK(lock.anomalies >= 4, "%llu", lock.anomalies);
	CHECK_EQ(lock.waiters, 1);
}

TEST(a_waiters_own_signal_is_no_release)
{
	begin();
	threads[2].state = GIL_THREAD_UNSEEN;
	CHECK(gil_model_is_release(&lock, &threads[2]), "it may have held since before");
	ACQUIRE(0, 10);
	WAIT(1, 20);
	CHECK(gil_model_is_release(&lock, &threads[0]));
	CHECK(!gil_model_is_release(&lock, &threads[1]), "it waits");
	CHECK(!gil_model_is_release(&lock, &threads[2]), "another thread is known to hold");
}

/* The GIL of a free-threaded build is turned off: its holder lets go, and its waiters give up. */
TEST(a_wait_that_is_given_up)
{
	begin();
	ACQUIRE(0, 10);
	WAIT(1, 20);
	WAIT(2, 30);
	RELEASE(0, 50);
	RELEASE(1, 60);
	CHECK_EQ(lock.waiters, 1);
	RELEASE(2, 70);
	CHECK_EQ(lock.waiters, 0);
	CHECK_EQ(lock.anomalies, 0);
	CHECK_EQ(lock.state, GIL_LOCK_FREE);
	CHECK_EQ(lock.last_tid, threads[0].tid);
	CHECK_EQ(lock.contended_ns, 50);
	CHECK_EQ(lock.waiter_ns, 80);
	CHECK_EQ(threads[1].fig.contended + threads[2].fig.contended, 0);
	WAIT(1, 100); /* on again */
	ACQUIRE(1, 130);
	CHECK_EQ(threads[1].fig.contended, 1);
	CHECK_EQ(threads[1].fig.wait.sum, 30);
	CHECK_EQ(threads[1].fig.releases, 0);
}

TEST(an_unknown_edge_is_nothing)
{
	struct gil_lock before;

	begin();
	before = lock;
	edge(0, 10, (enum gil_edge_kind)99, 0);
	edge(0, 10, (enum gil_edge_kind)0, 0);
	CHECK(!memcmp(&before, &lock, sizeof(lock)), "the state has changed");
}

TEST_MAIN
