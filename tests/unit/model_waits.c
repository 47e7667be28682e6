// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Where waits alone are seen: gil_waits.h. */
#include "model_edges.h"

#define WOKEN(t, at)  edge(t, at, GIL_EDGE_WOKEN, 0)
#define GOT(t, at)    edge(t, at, GIL_EDGE_GOT, 0)
#define LET_GO(t, at) edge(t, at, GIL_EDGE_LET_GO, GIL_EDGE_F_REQUESTED)

/* A slice: asleep from `from` to `woken`, and on a CPU from `on` on. */
static void slice(int t, __u64 from, __u64 woken, __u64 on)
{
	WAIT(t, from);
	BLOCK(t, from);
	WAKE(t, woken);
	RUN(t, on);
	WOKEN(t, on);
}

TEST(a_wait_ends_when_it_was_woken)
{
	struct gil_handoff h;

	begin();
	slice(1, 100, 5000, 5010);
	CHECK_EQ(lock.waiters, 0);
	CHECK_EQ(figures()->wait.count, 0);
	h = GOT(1, 9000);
	CHECK_EQ(h.count, 0); /* nobody was seen to let it go */
	CHECK_EQ(figures()->wait.count, 1);
	CHECK_EQ(figures()->wait.sum, 4910);
	PARTS(figures()->wait_part, 0, 10, 4900);
	CHECK_EQ(lock.waiter_ns, 4910);
	CHECK_EQ(lock.contended_ns, 4910);
	CHECK_EQ(lock.state, GIL_LOCK_UNSEEN);
	CHECK_EQ(lock.unseen_wait_ns, lock.waiter_ns);
	CHECK_EQ(threads[1].state, GIL_THREAD_IDLE);
}

TEST(a_thread_that_did_not_get_it_waits_on)
{
	begin();
	slice(1, 100, 5100, 5110);
	slice(1, 5120, 10120, 10130);
	GOT(1, 20000);
	CHECK_EQ(lock.wait_slices, 2);
	CHECK_EQ(figures()->wait.count, 1);
	CHECK_EQ(figures()->wait.sum, 10030);
	PARTS(figures()->wait_part, 10, 20, 10000);
	CHECK_EQ(lock.waiter_ns, 10030);
	CHECK_EQ(lock.contended_ns, 10030);
}

TEST(others_wait_meanwhile)
{
	begin();
	slice(1, 100, 5100, 5100); /* off the waiters at 5100... */
	WAIT(2, 5105);
	BLOCK(2, 5105);
	WAIT(1, 5110); /* ...and on again: somebody waited all the time */
	BLOCK(1, 5110);
	CHECK_EQ(lock.waiters, 2);
	CHECK_EQ(lock.contended_ns, 5010);
	CHECK_EQ(lock.waiter_ns, 5010 + 5);
}

TEST(a_handoff_has_both_ends)
{
	struct gil_handoff h;

	begin();
	WAIT(1, 100);
	BLOCK(1, 100);
	LET_GO(0, 5000);
	WAKE(1, 5001);
	RUN(1, 5020);
	WOKEN(1, 5020);
	h = GOT(1, 6000);
	CHECK_EQ(h.count, 1);
	CHECK_EQ(h.from, threads[0].tid);
	CHECK_EQ(h.to, threads[1].tid);
	CHECK_EQ(h.wait_ns, 4920);
	CHECK_EQ(lock.handoff.sum, 20);
	CHECK_EQ(figures()->requested_releases, 1);
	CHECK_EQ(figures()->releases, 0);
	CHECK_EQ(figures()->acquisitions, 0);
	CHECK_EQ(lock.anomalies, 0);
}

/* It was let go before this wait began, so the wait did not end by that. */
TEST(an_earlier_release_is_no_handoff)
{
	begin();
	LET_GO(0, 50);
	slice(1, 100, 5000, 5010);
	CHECK_EQ(GOT(1, 6000).count, 0);
}

TEST(woken_is_told_late)
{
	begin();
	WAIT(1, 100);
	WAIT(2, 100);
	BLOCK(1, 100);
	LET_GO(0, 5000); /* brings the integrals up to here */
	RUN(1, 4900);
	WOKEN(1, 4900);
	CHECK_EQ(lock.waiter_ns, 4800 + 4900);
	CHECK_EQ(lock.waiters, 1);
}

TEST(it_ends_before_it_is_known)
{
	begin();
	slice(1, 100, 5000, 5010);
	EXIT(1, 9000);
	CHECK_EQ(figures()->wait.count, 1);
	CHECK_EQ(figures()->wait.sum, 4910);
	CHECK_EQ(lock.waiters, 0);
}

/* Edges that are not expected change nothing. */
TEST(out_of_order)
{
	begin();
	GOT(1, 100);
	WOKEN(1, 200);
	GOT(1, 300);
	CHECK_EQ(figures()->contended, 0);
	CHECK_EQ(lock.waiters, 0);
}
