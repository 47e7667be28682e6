// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Threads that end, are stopped, or were found with the GIL. */
#include "model_edges.h"

TEST(exit_while_waiting)
{
	begin();
	ACQUIRE(0, 0);
	WAIT(1, 10);
	WAIT(2, 10);
	EXIT(1, 20);
	CHECK_EQ(threads[1].state, GIL_THREAD_GONE);
	CHECK_EQ(gil_lock_waiters(&lock), 1);
	/* It counts until the next edge, for a reader as for the model. */
	CHECK_EQ(gil_lock_waiting_until(&lock, START + 30), 40);
	RELEASE(0, 30);
	CHECK_EQ(lock.waiter_ns, 40);
	CHECK_EQ(lock.waiters, 1);
	ACQUIRE(2, 40);
	CHECK_EQ(lock.waiter_ns, 50);
	CHECK_EQ(lock.waiters, 0);
	CHECK_EQ(figures()->contended, 1);
}

TEST(killed_with_its_waiters)
{
	begin();
	ACQUIRE(0, 0);
	WAIT(1, 100);
	EXIT(1, 1000);
	EXIT(0, 1001);
	CHECK_EQ(gil_lock_held_until(&lock, -1, START + 1001), 1001);
	CHECK_EQ(gil_lock_contended_until(&lock, START + 1001), 901);
	CHECK_EQ(gil_lock_waiters(&lock), 0);
	/* What they did lasted until they died. */
	CHECK_EQ(threads[1].died, GIL_THREAD_WAITING);
	CHECK_EQ(threads[1].mark - threads[1].since, 900);
	CHECK_EQ(threads[0].died, GIL_THREAD_HOLDING);
	CHECK_EQ(threads[0].mark - threads[0].since, 1001);
	CHECK_EQ(figures()->wait.count, 0);
}

TEST(a_killed_sleeper_has_slept_until_then)
{
	begin();
	ACQUIRE(0, 0);
	BLOCK(0, 10);
	WAKE(0, 1000); /* to die */
	RUN(0, 1010);
	EXIT(0, 1020);
	CHECK_EQ(threads[0].part[GIL_PART_ONCPU], 20);
	CHECK_EQ(threads[0].part[GIL_PART_RUNNABLE], 10);
	CHECK_EQ(threads[0].part[GIL_PART_BLOCKED], 990);
	RELEASE(1, 1030);
	CHECK_EQ(gil_thread_last_state(&threads[0]), GIL_THREAD_HOLDING);
	CHECK_EQ(gil_thread_last_state(&threads[1]), GIL_THREAD_IDLE);
}

TEST(a_stopped_holder_does_not_sleep)
{
	begin();
	ACQUIRE(0, 0);
	WAIT(1, 1000);
	edge(0, 2000, GIL_EDGE_SWITCH_OUT, GIL_EDGE_F_STOPPED);
	WAKE(0, 9000000);
	RUN(0, 9000100);
	BLOCK(0, 9000200);
	WAKE(0, 9000300);
	RUN(0, 9000300);
	WAIT(1, 9000400); /* the next slice asks for the release */
	RELEASE(0, 9000500);
	CHECK_EQ(figures()->hold_part[GIL_PART_BLOCKED], 9000000 - 2000 + 100);
	CHECK_EQ(figures()->hold_stopped_ns, 9000000 - 2000);
	CHECK_EQ(figures()->waited_for_asleep_ns, 100);
	CHECK_EQ(figures()->overdue_ns, 0);
	/* It says nothing about the next hold. */
	ACQUIRE(0, 9000600);
	RELEASE(0, 9000700);
	CHECK_EQ(figures()->hold_stopped_ns, 9000000 - 2000);
}

TEST(a_holder_that_was_found)
{
	begin();
	gil_model_found(&threads[0], GIL_PART_BLOCKED, START);
	threads[1].state = GIL_THREAD_UNSEEN;
	lock.state = GIL_LOCK_UNSEEN;
	WAIT(1, 10);
	WAKE(0, 100);
	RUN(0, 110);
	CHECK(gil_model_is_release(&lock, &threads[0]));
	RELEASE(0, 120);
	CHECK_EQ(lock.partial_holds, 1);
	CHECK_EQ(lock.held_ns, 120);
	CHECK_EQ(threads[0].fig.partial_hold_ns, 120);
	CHECK_EQ(threads[0].fig.partial_hold_blocked_ns, 100);
	CHECK_EQ(threads[0].fig.waited_for_ns, 110);
	CHECK_EQ(threads[0].fig.waited_for_asleep_ns, 100);
	CHECK_EQ(figures()->hold.count, 0);
	CHECK_EQ(lock.anomalies, 0);
}

TEST(a_holder_that_was_found_but_is_none)
{
	begin();
	gil_model_found(&threads[0], GIL_PART_ONCPU, START);
	lock.state = GIL_LOCK_UNSEEN;
	threads[1].state = GIL_THREAD_UNSEEN;
	RELEASE(1, 10); /* so this one had it */
	CHECK(!gil_model_is_release(&lock, &threads[0]));
	WAIT(0, 20);
	CHECK_EQ(threads[0].partial, 1);
	ACQUIRE(0, 30);
	CHECK_EQ(lock.partial_waits, 1);
	CHECK_EQ(lock.anomalies, 0);
	CHECK_EQ(figures()->partial_hold_ns, 0);
}

TEST(a_waiter_that_was_found)
{
	begin();
	gil_model_found(&threads[0], GIL_PART_ONCPU, START);
	gil_model_found_waiting(&lock, &threads[1], START);
	lock.state = GIL_LOCK_UNSEEN;
	CHECK_EQ(lock.waiters, 1);
	CHECK(!gil_model_is_release(&lock, &threads[1]));
	RELEASE(0, 100);
	WAKE(1, 100);
	RUN(1, 110);
	ACQUIRE(1, 120);
	CHECK_EQ(lock.waiters, 0);
	CHECK_EQ(lock.contended_ns, 120);
	CHECK_EQ(threads[0].fig.waited_for_ns, 100);
	CHECK_EQ(lock.partial_waits, 1);
	CHECK_EQ(threads[1].fig.partial_wait_ns, 120);
	CHECK_EQ(threads[1].fig.wait.count, 0);
	/* The next one is whole. */
	RELEASE(1, 130);
	ACQUIRE(0, 130);
	WAIT(1, 140);
	RELEASE(0, 150);
	ACQUIRE(1, 160);
	CHECK_EQ(threads[1].fig.wait.count, 1);
	CHECK_EQ(lock.anomalies, 0);
}

/* It had gone on before its edges counted. What it does now is not known. */
TEST(a_waiter_that_was_found_but_waits_no_more)
{
	begin();
	lock.state = GIL_LOCK_UNSEEN;
	gil_model_found_waiting(&lock, &threads[1], START);
	gil_model_found_no_more(&lock, &threads[1]);
	CHECK(gil_model_is_release(&lock, &threads[1]));
	RELEASE(1, 100);
	CHECK_EQ(lock.waiters, 0);
	CHECK_EQ(lock.partial_holds, 1);
	WAIT(1, 200);
	ACQUIRE(1, 300);
	CHECK_EQ(threads[1].fig.wait.count, 1);
	CHECK_EQ(lock.anomalies, 0);
}

TEST(exit_while_holding)
{
	begin();
	ACQUIRE(0, 0);
	EXIT(0, 10);
	CHECK_EQ(lock.gone, 0);
	CHECK_EQ(figures()->releases, 0);
	CHECK_EQ(gil_lock_held_until(&lock, -1, START + 20), 20);
}
