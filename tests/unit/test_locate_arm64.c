// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Finding functions that an arm64 file does not export, by the code that calls them; and finding
 * where in a function a probe is cheap. */
#include <errno.h>

#include "edge/sites/cheap_site.h"
#include "edge/sites/cond_sites.h"
#include "locate_image.h"
#include "test.h"

static struct image image;

/* ---- functions, by what calls them ---- */

static void put(size_t i, uint32_t insn)
{
	memcpy(image.code + i, &insn, sizeof(insn));
}

/* Each puts an instruction at index i and returns the next one's. */
static size_t plain(size_t i, uint32_t insn)
{
	put(i, insn);
	return i + 4;
}

static uint32_t distance(size_t i, size_t to, unsigned int bits, unsigned int low)
{
	return (uint32_t)(((int64_t)to - (int64_t)i) / 4 & ((1 << bits) - 1)) << low;
}

static size_t call(size_t i, size_t to)
{
	return plain(i, 0x94000000 | distance(i, to, 26, 0));
}

static size_t jump(size_t i, size_t to)
{
	return plain(i, 0x14000000 | distance(i, to, 26, 0));
}

#define CBZ_W0  0x34000000
#define CBNZ_W0 0x35000000
#define B_EQ    0x54000000
#define B_NE    0x54000001

static size_t jump_if(size_t i, uint32_t condition, size_t to)
{
	return plain(i, condition | distance(i, to, 19, 5));
}

/* tbnz w0, #31 */
static size_t jump_if_negative(size_t i, size_t to)
{
	return plain(i, 0x37f80000 | distance(i, to, 14, 5));
}

#define COMPARE_110 0x7101b81f /* cmp w0, #110 */
#define COMPARE_0   0x7100001f /* cmp w0, #0 */
#define LOAD_X6     0xf9403be6 /* ldr x6, [sp, #112] */
#define MOVE_W0     0x52800000 /* mov w0, #0 */

/* adrp x0; adrp x1; add x0; add x1: the function's name, and the message. */
static void load(size_t i, const char *message)
{
	uint64_t to = address((size_t)(message - (const char *)&image));
	uint64_t pages = (to >> 12) - (code_address(i + 4) >> 12);

	put(i, 0x90000000);
	put(i + 4,
	    0x90000001 | (uint32_t)(pages & 3) << 29 | (uint32_t)(pages >> 2 & 0x7ffff) << 5);
	put(i + 8, 0x91000000);
	put(i + 12, 0x91000021 | (uint32_t)(to & 0xfff) << 10);
}

static void make_image(void)
{
	size_t i;

	begin_image(&image, EM_AARCH64);
	i = plain(call(TAKE_GIL, TIMEDWAIT), COMPARE_110);
	i = jump_if(plain(i, LOAD_X6), B_EQ, TAKE_GIL);
	i = jump_if(i, CBNZ_W0, FATAL_WAIT);
	i = jump_if(call(i, SIGNAL), CBNZ_W0, FATAL_SWITCH);
	/* The branch may also be the other way round, and lead past the end unless the call failed. */
	i = call(DROP_GIL, SIGNAL);
	i = jump_if(i, CBZ_W0, i + 8);
	jump(i, FATAL_COND);
	load(FATAL_WAIT, image.wait);
	load(FATAL_SWITCH, image.switch_cond);
	load(FATAL_COND, image.cond);
}

static void check_found(void)
{
	uint64_t signal, timedwait;

	CHECK_EQ(locate(&image, &signal, &timedwait), 0);
	CHECK_EQ(signal, code_address(SIGNAL));
	CHECK_EQ(timedwait, code_address(TIMEDWAIT));
}

static void check_not_found(void)
{
	uint64_t signal, timedwait;

	CHECK_EQ(locate(&image, &signal, &timedwait), -ENOENT);
}

TEST(locate_both)
{
	make_image();
	check_found();
}

TEST(locate_with_a_comparison)
{
	size_t i;

	make_image();
	i = plain(plain(call(DROP_GIL, SIGNAL), LOAD_X6), COMPARE_0);
	jump_if(i, B_NE, FATAL_COND);
	check_found();
	jump_if(plain(plain(call(DROP_GIL, SIGNAL), MOVE_W0), COMPARE_0), B_NE, FATAL_COND);
	check_not_found();
}

TEST(locate_a_wait_in_a_function_of_its_own)
{
	make_image();
	memset(image.code, 0, DROP_GIL);
	jump_if(call(20, SIGNAL), CBNZ_W0, FATAL_SWITCH);
	jump_if_negative(call(TAKE_GIL, 2000), FATAL_WAIT);
	plain(call(2000 + 32, TIMEDWAIT), COMPARE_110);
	check_found();
}

TEST(locate_refuses_contradictions)
{
	make_image();
	call(DROP_GIL, OTHER);
	check_not_found();
}

TEST(locate_needs_every_message)
{
	for (int i = 0; i < 3; i++) {
		make_image();
		(i == 0 ? image.cond : i == 1 ? image.switch_cond : image.wait)[3] = 'x';
		check_not_found();
	}
}

TEST(locate_needs_the_check)
{
	make_image();
	put(DROP_GIL + 4, LOAD_X6);
	check_not_found();
}

TEST(locate_needs_the_right_address)
{
	make_image();
	put(FATAL_COND + 12, 0x91000021); /* add x1, x1, #0 */
	check_not_found();
}

TEST(static_musl_is_refused)
{
	struct probe_site site[COND_SITES];
	enum cond_sites_from from;
	struct failure f = {0};
	struct elf_file e;

	make_image();
	CHECK_EQ(elf_file__open_memory(&e, &image, sizeof(image)), 0);
	CHECK_EQ(cond_sites__find(&e, 0, "/bin/python", site, &from, &f), -ENOTSUP);
	CHECK_STR(f.what, "the C library that is linked into /bin/python is not glibc");
	CHECK_STR(f.cause, "CPython on musl is supported on x86-64 only");
	strcpy((char *)image.code + 3000, "GLIBC_TUNABLES");
	CHECK_EQ(cond_sites__find(&e, 0, "/bin/python", site, &from, &f), 0);
	CHECK_EQ(from, COND_SITES_CODE);
	CHECK_EQ(site[0].offset, offsetof(struct image, code) + SIGNAL);
	CHECK_EQ(site[1].kind, GIL_SITE_COND_TIMEDWAIT);
}

/* Any bytes, however few, must do no harm. */
TEST(locate_any_bytes_changed)
{
	uint64_t signal, timedwait;

	for (size_t i = 0; i < 900; i++) {
		make_image();
		image.code[i] ^= 0xff;
		locate(&image, &signal, &timedwait);
		make_image();
		image.load[1].p_filesz = i;
		locate(&image, &signal, &timedwait);
	}
}

/* ---- where a probe is cheap ---- */

/* The beginnings of functions in Debian's builds: glibc 2.36 and 2.41, musl 1.2.3. */
static const uint32_t signal_2_36[] = {
	0xa9b87bfd, /* stp x29, x30, [sp, #-128]! */
	0x910003fd, /* mov x29, sp */
	0xa90153f3, /* stp x19, x20, [sp, #16] */
	0xaa0003f3, /* mov x19, x0 */
	0x91009000, /* add x0, x0, #0x24 */
	0xa9025bf5, /* stp x21, x22, [sp, #32] */
	0xb9400015, /* ldr w21, [x0] */
	0x6b550fff, /* cmp wzr, w21, lsr #3 */
	0x54000620, /* b.eq */
};
static const uint32_t signal_2_41[] = {
	0xd503233f, /* paciasp */
	0xa9ba7bfd, /* stp x29, x30, [sp, #-96]! */
	0x910003fd, /* mov x29, sp */
	0xa90153f3, /* stp x19, x20, [sp, #16] */
	0xaa0003f4, /* mov x20, x0 */
	0x91007000, /* add x0, x0, #0x1c */
	0xa9025bf5, /* stp x21, x22, [sp, #32] */
	0xb9400016, /* ldr w22, [x0] */
	0x6b560fff, /* cmp wzr, w22, lsr #3 */
	0x54000640, /* b.eq */
};
static const uint32_t timedwait_2_41[] = {
	0xd503233f, /* paciasp */
	0xd10343ff, /* sub sp, sp, #0xd0 */
	0xa9077bfd, /* stp x29, x30, [sp, #112] */
	0x9101c3fd, /* add x29, sp, #0x70 */
	0xa90a63f7, /* stp x23, x24, [sp, #160] */
	0xaa0203f7, /* mov x23, x2 */
	0xd0000942, /* adrp x2 */
};
/* PyThread_acquire_lock of Debian's Python 2.7.18 */
static const uint32_t acquire_2_7[] = {
	0xa9bd7bfd, /* stp x29, x30, [sp, #-48]! */
	0x910003fd, /* mov x29, sp */
	0xa90153f3, /* stp x19, x20, [sp, #16] */
	0x2a0103f4, /* mov w20, w1 */
	0xf90013f5, /* str x21, [sp, #32] */
	0xaa0003f5, /* mov x21, x0 */
	0x340001a1, /* cbz w1 */
};
static const uint32_t signal_musl[] = {
	0xf9400001, /* ldr x1, [x0] */
	0xaa0003e4, /* mov x4, x0 */
	0xb40002c1, /* cbz x1 */
};

/* How many instructions later the probe goes, and the register that has the argument there. */
static void check_cheap(const uint32_t *insn, size_t n, uint64_t distance, unsigned int argument)
{
	const uint64_t code = offsetof(struct image, code);
	struct probe_site site;
	struct elf_file e;

	begin_image(&image, EM_AARCH64);
	memcpy(image.code, insn, n * sizeof(*insn));
	CHECK_EQ(elf_file__open_memory(&e, &image, sizeof(image)), 0);
	site = cheap_site(&e, code, GIL_SITE_COND_TIMEDWAIT);
	CHECK_EQ(site.offset - code, 4 * distance);
	CHECK_EQ(site.arguments, argument);
	CHECK_EQ(site.kind, GIL_SITE_COND_TIMEDWAIT);
}

#define CHEAP(insn, distance, argument)                                                            \
	check_cheap(insn, sizeof(insn) / sizeof(*insn), distance, argument)

TEST(cheap_sites)
{
	CHEAP(signal_2_36, 8, 19);
	CHEAP(signal_2_41, 9, 20);
	CHEAP(timedwait_2_41, 6, 0);
	CHEAP(signal_musl, 2, 0);
	CHEAP(acquire_2_7, 6, 0);
	CHEAP(((uint32_t[]){0xb40002c1}), 0, 0); /* cbz: cheap as it is */
}

TEST(cheap_sites_not_known)
{
	uint32_t jumped_to[64] = {0xaa0003f3, 0x54000620}; /* mov x19, x0; b.eq */

	CHEAP(jumped_to, 1, 0);
	jumped_to[60] = 0x17ffffc5; /* b: 59 back, to the b.eq */
	CHEAP(jumped_to, 0, 0);
	jumped_to[60] = 0x17ffffc4; /* to the function's start: a call of itself */
	CHEAP(jumped_to, 1, 0);
	/* mov x0, x1; b.eq: the argument is lost */
	CHEAP(((uint32_t[]){0xaa0103e0, 0x54000620}), 0, 0);
	/* str x1, [x0]: memory changes; svc #0; ret */
	CHEAP(((uint32_t[]){0xf9000001, 0x54000620}), 0, 0);
	CHEAP(((uint32_t[]){0xd4000001, 0x54000620}), 0, 0);
	CHEAP(((uint32_t[]){0xd65f03c0, 0x54000620}), 0, 0);
	/* ldr x1, [pc, ...]: the kernel refuses a probe on it, but not behind it */
	CHEAP(((uint32_t[]){0x58000041, 0x54000620}), 0, 0);
	/* too far */
	CHEAP(((uint32_t[17]){0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f,
			      0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f,
			      0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f, 0xd503201f,
			      0xd503201f, 0x54000620}),
	      0, 0);
}

TEST_MAIN
