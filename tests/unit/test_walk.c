// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The walk over frames, in a made-up memory: stacks of every depth, and what a process that means
 * harm, or that is just changing its frames, may have there.
 */
#include <stdbool.h>
#include <stdint.h>

#include "random.h"
#include "test.h"

#define BASE   0x7f0000000000ULL
#define MEMORY (1 << 20)

static unsigned char memory[MEMORY];
static unsigned long reads;

static long read_memory(void *to, size_t size, __u64 address)
{
	reads++;
	if (address < BASE || address - BASE > MEMORY - size)
		return -1;
	memcpy(to, memory + (address - BASE), size);
	return 0;
}

#define GIL_WALK_READ(to, size, address) read_memory(to, size, address)
#include "gil_walk.h"

/* As 3.14 has it. */
static const struct gil_frame_layout layout = {
	.known = 1,
	.thread_frame = 72,
	.thread_native_id = 160,
	.thread_interpreter = 16,
	.frame_size = 75,
	.frame_code = 0,
	.frame_previous = 8,
	.frame_at = 56,
	.frame_owner = 74,
	.frame_copy = 0xffff,
	.code_tags = 7,
	.code_from = 64,
	.code_size = 80,
	.code_first_line = 4,
	.code_name = 64,
	.code_lines = 72,
	.code_instructions = 208,
	.collecting = 200,
};

#define THREAD      (BASE + 4096)
#define INTERPRETER (BASE + 8192)
#define CODE        (BASE + 16384)
#define FRAME(i)    (BASE + 32768 + 128 * (__u64)(i))
#define TID         77

static struct gil_walk w;

static void put(__u64 address, __u64 value)
{
	memcpy(memory + (address - BASE), &value, sizeof(value));
}

/* Frame i is in its code at 2 * i, and was called by frame i + 1. */
static void make_frame(int i, int owner)
{
	put(FRAME(i), CODE | 1);
	put(FRAME(i) + 8, FRAME(i + 1));
	put(FRAME(i) + 56, CODE + 208 + 2 * (__u64)i);
	memory[FRAME(i) - BASE + 74] = (unsigned char)owner;
}

static void make_stack(int n)
{
	memset(memory, 0, sizeof(memory));
	put(THREAD + 16, INTERPRETER);
	put(THREAD + 72, n ? FRAME(0) : 0);
	put(THREAD + 160, TID);
	for (int i = 0; i < n; i++)
		make_frame(i, 0);
	if (n)
		put(FRAME(n - 1) + 8, 0);
}

static void do_walk(__u32 tid)
{
	reads = 0;
	if (!gil_walk_begin(&w, &layout, THREAD, tid, 4))
		gil_walk_on(&w, &layout);
}

/* The outermost frame that is seen. */
static int last_seen(int n)
{
	return n < GIL_WALK_STEPS ? n - 1 : GIL_WALK_STEPS - 1;
}

TEST(stacks_of_every_depth)
{
	static const int depths[] = {0,   1,   2,   95,   96,   97,   127,  128,
				     129, 160, 161, 1000, 1099, 1100, 1101, 5000};

	for (size_t k = 0; k < sizeof(depths) / sizeof(*depths); k++) {
		int n = depths[k], last = last_seen(n);

		make_stack(n);
		do_walk(TID);
		CHECK_EQ(w.end, n > GIL_WALK_STEPS ? GIL_WALK_CUT : GIL_WALK_WHOLE);
		CHECK_EQ(w.depth, last + 1);
		CHECK_EQ(gil_walk_nr_kept(&w), last < GIL_WALK_FRAMES ? last + 1 : GIL_WALK_FRAMES);
		for (int i = 0; i < (int)gil_walk_nr_kept(&w); i++) {
			const struct gil_frame *f = gil_walk_kept(&w, (__u32)i);
			int is = i < GIL_WALK_INNER || last < GIL_WALK_FRAMES
					 ? i
					 : last + 1 - GIL_WALK_FRAMES + i;

			CHECK(f->code == CODE && f->at == 2 * is, "depth %d, %d: at %d, not %d", n,
			      i, f->at, 2 * is);
			CHECK_EQ(f->check != GIL_CHECK_NONE, i < 4);
		}
	}
}

TEST(frames_that_are_not_of_python)
{
	make_stack(6);
	make_frame(0, 3);
	make_frame(2, 4);
	make_frame(3, 1); /* a generator's */
	do_walk(TID);
	CHECK_EQ(w.end, GIL_WALK_WHOLE);
	CHECK_EQ(w.depth, 4);
	CHECK_EQ(gil_walk_kept(&w, 1)->at, 6);
	make_frame(3, 5);
	do_walk(TID);
	CHECK_EQ(w.end, GIL_WALK_UNREADABLE);
	CHECK_EQ(w.depth, 1);
}

TEST(circles)
{
	for (int length = 1; length < 40; length++)
		for (int before = 0; before < 40; before += 13) {
			make_stack(before + length);
			put(FRAME(before + length - 1) + 8, FRAME(before));
			do_walk(TID);
			CHECK_EQ(w.end, GIL_WALK_UNREADABLE);
			CHECK(w.steps < 200, "%d + %d: %u", before, length, w.steps);
		}
	/* One that is larger than what is looked at looks like a deep recursion. */
	make_stack(4000);
	put(FRAME(3999) + 8, FRAME(0));
	do_walk(TID);
	CHECK_EQ(w.end, GIL_WALK_CUT);
}

TEST(wild_pointers)
{
	static const __u64 wild[] = {1,     8,          BASE + 3, BASE + MEMORY - 8,
				     ~0ULL, 1ULL << 63, ~7ULL,    BASE - 8};

	for (size_t i = 0; i < sizeof(wild) / sizeof(*wild); i++) {
		make_stack(5);
		put(FRAME(2) + 8, wild[i]);
		do_walk(TID);
		CHECK_EQ(w.end, GIL_WALK_UNREADABLE);
		CHECK_EQ(w.depth, 3);
		make_stack(5);
		put(THREAD + 72, wild[i]);
		do_walk(TID);
		CHECK_EQ(w.end, GIL_WALK_UNREADABLE);
		CHECK_EQ(w.depth, 0);
	}
	make_stack(3);
	put(FRAME(1), 0); /* a frame without code */
	do_walk(TID);
	CHECK_EQ(w.end, GIL_WALK_UNREADABLE);
	put(FRAME(1),
	    BASE - 4096); /* code that is not there: the frame is known, its code is not */
	do_walk(TID);
	CHECK_EQ(w.end, GIL_WALK_WHOLE);
	CHECK_EQ(gil_walk_kept(&w, 1)->check, GIL_CHECK_UNREADABLE);
	put(FRAME(0) + 56, 3); /* an instruction that is not in the code */
	do_walk(TID);
	CHECK_EQ(gil_walk_kept(&w, 0)->at, -1);
}

TEST(the_thread_of_another)
{
	make_stack(3);
	do_walk(TID + 1);
	CHECK_EQ(w.end, GIL_WALK_OTHER);
	CHECK_EQ(gil_walk_nr_kept(&w), 0);
	do_walk(0);
	CHECK_EQ(w.depth, 3);
	CHECK(gil_walk_begin(&w, &layout, 0, TID, 0));
	CHECK_EQ(w.end, GIL_WALK_UNREADABLE);
}

TEST(garbage_collection)
{
	struct gil_frame_layout l = layout;

	make_stack(4);
	put(INTERPRETER + 200, 1);
	do_walk(TID);
	CHECK_EQ(w.depth, 5);
	CHECK_EQ(gil_walk_kept(&w, 0)->code, GIL_FRAME_COLLECTING);
	/* Where the interpreter says in which frame it began, that one called it. */
	l.collecting_in = 208;
	put(INTERPRETER + 208, FRAME(2));
	CHECK(!gil_walk_begin(&w, &l, THREAD, TID, 0));
	gil_walk_on(&w, &l);
	CHECK_EQ(w.depth, 5);
	CHECK_EQ(gil_walk_kept(&w, 2)->code, GIL_FRAME_COLLECTING);
	CHECK_EQ(gil_walk_kept(&w, 3)->at, 4);
}

/* 3.14t: a frame may run a copy of the bytecode. */
TEST(copies_of_the_bytecode)
{
	struct gil_frame_layout l = layout;

	l.code_copies = 184;
	l.frame_copy = 16;
	make_stack(2);
	put(CODE + 184, BASE + 24576);
	put(BASE + 24576 + 8 + 8 * 3, BASE + 28672);
	put(FRAME(0) + 16, 3);
	put(FRAME(0) + 56, BASE + 28672 + 10);
	put(FRAME(1) + 16, 1 << 20); /* no copy has such a number */
	CHECK(!gil_walk_begin(&w, &l, THREAD, TID, 0));
	gil_walk_on(&w, &l);
	CHECK_EQ(gil_walk_kept(&w, 0)->at, 10);
	CHECK_EQ(gil_walk_kept(&w, 1)->at, -1);
}

TEST(an_object_in_the_place_of_another)
{
	__u32 check;

	make_stack(1);
	put(CODE + 64, 12ULL << 32);
	put(CODE + 128, BASE + 8);
	put(CODE + 136, BASE + 16);
	do_walk(TID);
	check = w.frame[0].check;
	CHECK_EQ(check, gil_frame_check(12, BASE + 8, BASE + 16));
	put(CODE + 64, 13ULL << 32);
	do_walk(TID);
	CHECK(w.frame[0].check != check);
	put(CODE + 64, 12ULL << 32);
	put(CODE + 136, BASE + 24);
	do_walk(TID);
	CHECK(w.frame[0].check != check);
}

/* Any layout, over any memory: it ends, and keeps what it keeps in its place. */
TEST(any_memory)
{
	__u64 state = random_seed(2);

	for (int i = 0; i < 2000; i++) {
		struct gil_frame_layout l;

		for (size_t k = 0; k < sizeof(l); k++)
			((unsigned char *)&l)[k] = (unsigned char)random_below(&state, 256);
		if (random_below(&state, 2))
			l = layout;
		l.known = 1;
		make_stack((int)random_below(&state, 300));
		for (int k = 0; k < 200; k++)
			put(BASE + 8 * random_below(&state, MEMORY / 8),
			    BASE + random_size(&state, 20));
		reads = 0;
		if (!gil_walk_begin(&w, &l, THREAD, 0, (__u32)random_below(&state, 200)))
			gil_walk_on(&w, &l);
		CHECK(w.end != GIL_WALK_GOING && reads < 5 * GIL_WALK_STEPS + 10);
		CHECK(w.depth <= GIL_WALK_STEPS + 2 && gil_walk_nr_kept(&w) <= GIL_WALK_FRAMES);
	}
}

TEST_MAIN
