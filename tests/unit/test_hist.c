// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "gil_hist.h"
#include "random.h"
#include "test.h"

TEST(slots_are_contiguous)
{
	CHECK_EQ(gil_hist_lo(0), 0);
	for (__u32 i = 0; i < GIL_HIST_SLOTS; i++) {
		__u64 lo = gil_hist_lo(i), hi = gil_hist_lo(i + 1);

		CHECK(lo < hi, "slot %u", i);
		CHECK_EQ(gil_hist_slot(lo), i);
		CHECK_EQ(gil_hist_slot(hi - 1), i);
	}
	CHECK_EQ(gil_hist_lo(GIL_HIST_SLOTS), 1ULL << 36);
}

TEST(slots_are_narrow)
{
	for (__u32 i = GIL_HIST_SUB; i < GIL_HIST_SLOTS; i++) {
		__u64 lo = gil_hist_lo(i), hi = gil_hist_lo(i + 1);

		CHECK((hi - lo) * 16 <= lo, "slot %u is [%llu, %llu)", i, lo, hi);
	}
}

TEST(last_slot_takes_the_rest)
{
	CHECK_EQ(gil_hist_slot(1ULL << 36), GIL_HIST_SLOTS - 1);
	CHECK_EQ(gil_hist_slot(~0ULL), GIL_HIST_SLOTS - 1);
}

TEST(log2_of_every_bit)
{
	for (__u32 e = 0; e < 64; e++) {
		CHECK_EQ(gil_hist_log2(1ULL << e), e);
		CHECK_EQ(gil_hist_log2((2ULL << e) - 1), e);
	}
}

TEST(slot_of_random_values)
{
	__u64 r = random_seed(1);

	for (int n = 0; n < 1000000; n++) {
		__u64 v = random_size(&r, 64);
		__u32 i = gil_hist_slot(v);

		CHECK(i < GIL_HIST_SLOTS, "%llu", v);
		CHECK(gil_hist_lo(i) <= v, "%llu", v);
		CHECK(i == GIL_HIST_SLOTS - 1 || v < gil_hist_lo(i + 1), "%llu", v);
	}
}

TEST(add_keeps_count_sum_and_max)
{
	static struct gil_hist h;
	__u64 r = random_seed(2), count = 0, sum = 0, max = 0, slots = 0;

	for (int n = 0; n < 10000; n++) {
		__u64 v = random_size(&r, 40);

		gil_hist_add(&h, v);
		count++;
		sum += v;
		max = v > max ? v : max;
	}
	for (__u32 i = 0; i < GIL_HIST_SLOTS; i++)
		slots += h.slot[i];
	CHECK_EQ(h.count, count);
	CHECK_EQ(h.sum, sum);
	CHECK_EQ(h.max, max);
	CHECK_EQ(slots, count);
}

TEST_MAIN
