// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Finding the GIL of interpreters as they might be, or should not be: children of this program,
 * which exports _PyRuntime and Py_Version (link it with -rdynamic) and fills them in for each case.
 */
#include <errno.h>
#include <limits.h>
#include <stdint.h>

#include "child.h"
#include "edge/python/python.h"
#include "edge/python/python_layout.h"
#include "test.h"

#define INTERPRETER 8192 /* in _PyRuntime */
#define OWN_GIL     1040
#define THREAD      60000 /* in _PyRuntime: a thread state */

__attribute__((aligned(4096), visibility("default"))) unsigned char _PyRuntime[65536];
__attribute__((visibility("default"))) unsigned long Py_Version;

static uint64_t main_interpreter(void)
{
	return (uintptr_t)_PyRuntime + INTERPRETER;
}

static void put(size_t offset, uint64_t value)
{
	memcpy(_PyRuntime + offset, &value, sizeof(value));
}

static void put_gil(size_t offset, long interval, int locked)
{
	put(offset, (uint64_t)interval);
	put(offset + GIL_OFFSET_LOCKED, (uint32_t)locked);
	put(offset + GIL_OFFSET_LAST_HOLDER, (uintptr_t)_PyRuntime + THREAD);
	put(THREAD + 16, main_interpreter());
}

/* 3.11 and 3.12 as they are, ... */
static void pretend_3_11(void)
{
	Py_Version = 0x030b02f0;
	put(48, main_interpreter());
	put_gil(360, 5000, 1);
}

static void pretend_3_12(void)
{
	Py_Version = 0x030c01f0;
	put(48, main_interpreter());
	put(INTERPRETER + 384, main_interpreter() + OWN_GIL);
	put_gil(INTERPRETER + OWN_GIL, 5000, 0);
}

/* ... and 3.13 and later with made-up offsets; shift: 8 for a free-threaded build. */
static void pretend_table(uint64_t version, size_t more, uint64_t shift)
{
	Py_Version = version;
	memcpy(_PyRuntime, "xdebugpy", 8);
	put(8, version);
	put(16, shift != 0);
	put(40, 2000); /* interpreters.head; main comes next */
	put(2008, main_interpreter());
	put(48, 50000);      /* interpreter's size */
	put(56, 7272);       /* id */
	put(112 + more, 16); /* ceval.gil */
	put(120 + more, OWN_GIL);
	put(136 + more, OWN_GIL + shift + GIL_OFFSET_LOCKED);
	put(144 + more, OWN_GIL + shift + GIL_OFFSET_LAST_HOLDER);
	put(more ? 176 : 152, 304); /* thread's size */
	put(more ? 200 : 176, 16);  /* its interpreter */
	put(INTERPRETER + 16, main_interpreter() + OWN_GIL);
	put_gil(INTERPRETER + OWN_GIL + shift, 5000, 0);
}

static void pretend_3_13(void)
{
	pretend_table(0x030d00c1, 0, 0);
}

static void pretend_3_14(void)
{
	pretend_table(0x030e0af0, 8, 0);
	put(712, 24); /* eval_breaker */
}

static void pretend_3_15(void)
{
	pretend_table(0x030f02f0, 8, 0);
	put(840, 24);
}

static void pretend_3_14t_without_gil(void)
{
	pretend_table(0x030e0af0, 8, 8);
	put(712, 24);
}

static void pretend_3_14t_with_gil(void)
{
	pretend_3_14t_without_gil();
	put(INTERPRETER + OWN_GIL, INT_MAX);
}

static void (*pretence)(void);

static void pretend(void)
{
	pretence();
	if (write(STDOUT_FILENO, "\n", 1) == 1)
		for (;;)
			pause();
}

static int inspect_pretended(void (*as)(void), struct python *py, struct failure *f)
{
	struct child c;
	int err = -ECHILD;

	memset(f, 0, sizeof(*f));
	pretence = as;
	if (start_child(&c, NULL, pretend))
		err = python__inspect(c.pid, py, f);
	end_child(&c);
	return err;
}

/* The holder has an interpreter of its own, which shares the main one's GIL. */
static void pretend_held_by_another_of_3_11(void)
{
	pretend_3_11();
	put(40, (uintptr_t)_PyRuntime + 20000); /* interpreters.head */
	put(20000, main_interpreter());
	put(THREAD + 16, (uintptr_t)_PyRuntime + 20000);
}

static void pretend_held_by_another_of_3_12(void)
{
	pretend_3_12();
	put_gil(INTERPRETER + OWN_GIL, 5000, 1);
	put(20000 + 384, main_interpreter() + OWN_GIL);
	put(THREAD + 16, (uintptr_t)_PyRuntime + 20000);
}

/* Nobody holds the GIL, and its last holder is gone. */
static void pretend_holder_gone(void)
{
	pretend_3_12();
	put(INTERPRETER + OWN_GIL + GIL_OFFSET_LAST_HOLDER, 0x10000);
}

TEST(python_holders)
{
	struct python py;
	struct failure f;

	CHECK_EQ(inspect_pretended(pretend_held_by_another_of_3_11, &py, &f), 0);
	CHECK_EQ(inspect_pretended(pretend_held_by_another_of_3_12, &py, &f), 0);
	CHECK_EQ(inspect_pretended(pretend_holder_gone, &py, &f), 0);
}

#define RUNTIME ((__u64)(uintptr_t)_PyRuntime)

TEST(python_pretended)
{
	struct python py;
	struct failure f;

	CHECK_EQ(inspect_pretended(pretend_3_11, &py, &f), 0);
	CHECK_STR(py.version, "3.11.2");
	CHECK(py.runtime == RUNTIME && py.gil == RUNTIME + 360);
	CHECK_EQ(py.switch_interval_us, 5000);
	CHECK_EQ(py.locked, 1);
	CHECK(py.drop_request.indirect && py.drop_request.offset[0] == 16 &&
	      py.drop_request.offset[1] == 104);
	CHECK_EQ(inspect_pretended(pretend_3_12, &py, &f), 0);
	CHECK_STR(py.version, "3.12.1");
	CHECK(py.gil == main_interpreter() + OWN_GIL);
	CHECK_EQ(inspect_pretended(pretend_3_13, &py, &f), 0);
	CHECK_STR(py.version, "3.13.0rc1");
	CHECK(py.gil == main_interpreter() + OWN_GIL && !py.free_threaded);
	CHECK(!py.drop_request.address && !py.drop_request.indirect &&
	      py.drop_request.offset[0] == 24);
	CHECK_EQ(inspect_pretended(pretend_3_14, &py, &f), 0);
	CHECK_STR(py.version, "3.14.10");
	CHECK_EQ(py.drop_request.offset[0], 24);
	CHECK_EQ(inspect_pretended(pretend_3_15, &py, &f), 0);
	CHECK_STR(py.version, "3.15.2");
	CHECK_EQ(py.drop_request.offset[0], 24);
}

static void pretend_short_interval(void)
{
	pretend_3_11();
	put_gil(360, 0, 1);
}

static void pretend_rather_long_interval(void)
{
	pretend_3_11();
	put_gil(360, 1000000000000000, 1);
}

/* sys.setswitchinterval(1e-7) stores 0, which the interpreter treats as 1 µs; 1e9 is fine, too. */
TEST(python_unusual_intervals)
{
	struct python py;
	struct failure f;

	CHECK_EQ(inspect_pretended(pretend_short_interval, &py, &f), 0);
	CHECK_EQ(py.switch_interval_us, 1);
	CHECK_EQ(inspect_pretended(pretend_rather_long_interval, &py, &f), 0);
	CHECK_EQ(py.switch_interval_us, 1000000000000000);
}

/* All fields are 8 bytes further on; the address is chosen so that the fixed offsets hold. */
TEST(python_free_threaded)
{
	struct python py;
	struct failure f;

	CHECK_EQ(inspect_pretended(pretend_3_14t_without_gil, &py, &f), 0);
	CHECK(py.free_threaded && py.free_threaded_build &&
	      py.gil == main_interpreter() + OWN_GIL + 8);
	CHECK_EQ(py.switch_interval_us, 5000);
	CHECK_EQ(inspect_pretended(pretend_3_14t_with_gil, &py, &f), 0);
	CHECK(!py.free_threaded && py.free_threaded_build &&
	      py.gil == main_interpreter() + OWN_GIL + 8);
}

/* Each case changes one thing. */
static void pretend_3_16(void)
{
	pretend_3_13();
	Py_Version = 0x031000f0;
}

static void pretend_4_0(void)
{
	Py_Version = 0x040000f0;
}

static void pretend_3_6(void)
{
	pretend_3_11();
	Py_Version = 0x03060ff0;
}

static void pretend_no_version(void)
{
	pretend_3_11();
	Py_Version = 12345;
}

static void pretend_locked_2(void)
{
	pretend_3_11();
	put_gil(360, 5000, 2);
}

static void pretend_no_interval(void)
{
	pretend_3_11();
	put_gil(360, 0, 0);
	put(360 + GIL_OFFSET_LAST_HOLDER, 0);
}

static void pretend_long_interval(void)
{
	pretend_3_11();
	put_gil(360, INT64_MAX / 1000 + 1, 0);
}

static void pretend_main_nowhere(void)
{
	pretend_3_11();
	put(48, 0xdeadbeefdeadbeef);
}

static void pretend_main_is_second(void)
{
	pretend_3_11();
	put(INTERPRETER + 48, 1);
}

static void pretend_gil_elsewhere(void)
{
	pretend_3_12();
	put(INTERPRETER + 384, main_interpreter());
}

static void pretend_no_cookie(void)
{
	pretend_3_13();
	_PyRuntime[0]++;
}

static void pretend_other_release(void)
{
	pretend_3_13();
	Py_Version = 0x030d00f0;
}

static void pretend_other_table(void)
{
	pretend_3_13(); /* a 3.14 with the table of 3.13 */
	Py_Version = 0x030e00f0;
	put(8, Py_Version);
}

static void pretend_huge_offset(void)
{
	pretend_3_13();
	put(40, UINT64_MAX - 8);
}

static void pretend_negative_enabled(void)
{
	pretend_3_14t_without_gil();
	put(INTERPRETER + OWN_GIL, UINT32_MAX);
}

static void pretend_starting(void)
{
	pretend_3_11();
	put(48, 0);
}

static void pretend_no_gil_yet(void)
{
	pretend_3_11();
	put_gil(360, 5000, -1);
}

static void pretend_no_pointer_yet(void)
{
	pretend_3_12();
	put(INTERPRETER + 384, 0);
}

static void pretend_no_holder(void)
{
	pretend_3_11();
	put(360 + GIL_OFFSET_LAST_HOLDER, 0);
}

static void pretend_holder_nowhere(void)
{
	pretend_3_11();
	put(360 + GIL_OFFSET_LAST_HOLDER, 0x10000);
}

static void pretend_holder_at_an_odd_place(void)
{
	pretend_3_12();
	put(INTERPRETER + OWN_GIL + GIL_OFFSET_LAST_HOLDER, main_interpreter() + 4);
}

static void pretend_holder_of_nobody(void)
{
	pretend_3_12();
	put_gil(INTERPRETER + OWN_GIL, 5000, 1);
	put(THREAD + 16, (uintptr_t)_PyRuntime + THREAD);
}

static void pretend_other_request(void)
{
	pretend_3_15();
	put(840, 32);
}

static const struct refused {
	const char *name;
	void (*as)(void);
	int err;
	const char *what; /* a part of the message */
} refused[] = {
	{"3.16", pretend_3_16, -ENOTSUP, "is CPython 3.16.0, which is not supported"},
	{"4.0", pretend_4_0, -ENOTSUP, "CPython 4.0.0"},
	{"3.6", pretend_3_6, -ENOTSUP, "CPython 3.6.15"},
	{"no version", pretend_no_version, -EPROTO, "Py_Version"},
	{"locked 2", pretend_locked_2, -EPROTO, "its GIL"},
	{"no interval", pretend_no_interval, -EPROTO, "its GIL"},
	{"long interval", pretend_long_interval, -EPROTO, "its GIL"},
	{"main nowhere", pretend_main_nowhere, -EPROTO, "main interpreter"},
	{"main is second", pretend_main_is_second, -EPROTO, "main interpreter"},
	{"GIL elsewhere", pretend_gil_elsewhere, -EPROTO, "pointer to the GIL"},
	{"no cookie", pretend_no_cookie, -EPROTO, "_Py_DebugOffsets"},
	{"other release", pretend_other_release, -EPROTO, "_Py_DebugOffsets"},
	{"other table", pretend_other_table, -EPROTO, "_Py_DebugOffsets"},
	{"huge offset", pretend_huge_offset, -EPROTO, "_Py_DebugOffsets"},
	{"negative enabled", pretend_negative_enabled, -EPROTO, "its GIL"},
	{"no holder", pretend_no_holder, -EPROTO, "its GIL"},
	{"holder nowhere", pretend_holder_nowhere, -EPROTO, "holder of the GIL"},
	{"odd holder", pretend_holder_at_an_odd_place, -EPROTO, "its GIL"},
	{"holder of nobody", pretend_holder_of_nobody, -EPROTO, "holder of the GIL"},
	{"other request", pretend_other_request, -EPROTO, "_Py_DebugOffsets"},
	{"starting", pretend_starting, -EAGAIN, "no GIL at this moment"},
	{"no GIL yet", pretend_no_gil_yet, -EAGAIN, "no GIL at this moment"},
	{"no pointer yet", pretend_no_pointer_yet, -EAGAIN, "no GIL at this moment"},
};

TEST(python_refused)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
		const struct refused *r = &refused[i];
		struct python py;
		struct failure f;
		int err = inspect_pretended(r->as, &py, &f);

		CHECK(err == r->err, "%s: %d, not %d: %s", r->name, err, r->err, f.what);
		CHECK(strstr(f.what, r->what), "%s: %s", r->name, f.what);
		CHECK(f.cause[0] && f.command[0], "%s", r->name);
	}
}

/* ---- one wrong word in the table ---- */

static void (*original)(void);
static size_t wrong_word;
static uint64_t wrong_by;

static void pretend_wrong_word(void)
{
	uint64_t word;

	original();
	memcpy(&word, _PyRuntime + wrong_word, sizeof(word));
	put(wrong_word, word + wrong_by);
}

/* Either the table is refused, or the change does not matter and the GIL is found in its place. */
static void check_wrong_word(const struct python *right)
{
	struct python py;
	struct failure f;
	int err = inspect_pretended(pretend_wrong_word, &py, &f);

	CHECK(err || (py.gil == right->gil && py.free_threaded == right->free_threaded &&
		      !memcmp(&py.drop_request, &right->drop_request, sizeof(py.drop_request))),
	      "word at %d changed by %d: GIL at %llx, not %llx", (int)wrong_word, (int)wrong_by,
	      (unsigned long long)py.gil, (unsigned long long)right->gil);
}

static void check_each_word(void (*as)(void))
{
	static const int by[] = {-4096, -64, -16, -8, -4, -1, 1, 4, 8, 16, 64, 4096};
	struct python right;
	struct failure f;

	CHECK_EQ(inspect_pretended(as, &right, &f), 0);
	original = as;
	for (wrong_word = 0; wrong_word < 256 && !test_failure[0]; wrong_word += 8)
		for (size_t i = 0; i < sizeof(by) / sizeof(*by) && !test_failure[0]; i++) {
			wrong_by = (uint64_t)by[i];
			check_wrong_word(&right);
		}
}

TEST(python_no_wrong_word_is_believed)
{
	check_each_word(pretend_3_13);
	if (!test_failure[0])
		check_each_word(pretend_3_14);
	if (!test_failure[0])
		check_each_word(pretend_3_15);
	if (!test_failure[0])
		check_each_word(pretend_3_14t_without_gil);
}

TEST_MAIN
