// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The kernel emulates branches and adr. No function begins with one of these, and the C library's
 * functions have moved their argument by then. For example, glibc 2.36's pthread_cond_signal is
 *
 *	stp   x29, x30, [sp, #-128]!
 *	mov   x29, sp
 *	stp   x19, x20, [sp, #16]
 *	mov   x19, x0
 *	add   x0, x0, #0x24
 *	...
 *	b.eq  ...
 *
 * So we follow the instructions before the branch and track which registers hold the argument. At
 * the branch it is x19.
 */
#include "edge/sites/arm64.h"
#include "edge/sites/cheap_site_arm64.h"

#define LOOKED_AT 16 /* instructions */

static bool is_emulated(uint32_t insn)
{
	return arm64_is_conditional(insn) || arm64_is_adr(insn) || arm64_is_b(insn) ||
	       arm64_is_bl(insn);
}

struct pattern {
	uint32_t mask, bits;
};

static bool is_one_of(uint32_t insn, const struct pattern *patterns, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((insn & patterns[i].mask) == patterns[i].bits)
			return true;
	return false;
}

/* Instructions that change no register except the stack pointer, and no memory except the stack. */
static bool is_harmless(uint32_t insn)
{
	static const struct pattern harmless[] = {
		{0xffffffff, 0xd503201f}, /* nop */
		{0xffffffbf, 0xd503233f}, /* paciasp, pacibsp */
		{0xffffff3f, 0xd503241f}, /* bti */
		{0xffc003e0, 0xa90003e0}, /* stp xt, xu, [sp, #imm] */
		{0xffc003e0, 0xa98003e0}, /* stp xt, xu, [sp, #imm]! */
		{0xffc003e0, 0xf90003e0}, /* str xt, [sp, #imm] */
		{0xffe00fe0, 0xf8000fe0}, /* str xt, [sp, #imm]! */
		{0x7f20001f, 0x6b00001f}, /* cmp rn, rm */
		{0x7f80001f, 0x7100001f}, /* cmp rn, #imm */
	};

	return is_one_of(insn, harmless, sizeof(harmless) / sizeof(*harmless));
}

/* Instructions that write one register or the stack pointer, and nothing else. */
static bool writes_one(uint32_t insn)
{
	static const struct pattern writers[] = {
		{0xff800000, 0x91000000}, /* add xd, xn, #imm */
		{0xff800000, 0xd1000000}, /* sub xd, xn, #imm */
		{0x1f800000, 0x12800000}, /* mov rd, #imm */
		{0xffe0ffe0, 0x2a0003e0}, /* mov wd, wm */
		{0xffc00000, 0xb9400000}, /* ldr wt, [xn, #imm] */
		{0xffc00000, 0xf9400000}, /* ldr xt, [xn, #imm] */
	};

	return arm64_is_mov(insn) || is_one_of(insn, writers, sizeof(writers) / sizeof(*writers));
}

/* Updates `held`, in which bit r is set if register r holds the argument. Returns false if the
 * instruction's effect is not known. */
static bool follow(uint32_t insn, uint32_t *held)
{
	uint32_t written = 1U << arm64_rd(insn);

	if (is_harmless(insn))
		return true;
	if (!writes_one(insn))
		return false;
	if (arm64_is_mov(insn) && *held & 1U << arm64_rm(insn))
		*held |= written;
	else
		*held &= ~written;
	*held &= ~(1U << ARM64_SP);
	return true;
}

/* True if no jump in the code leads to an instruction after the first, up to the one at this index.
 * A probe there is then hit once per call. */
static bool is_reached_once(const uint8_t *code, uint64_t n, uint64_t index)
{
	for (uint64_t i = 0; i < n; i++) {
		int64_t to = (int64_t)i + arm64_branch(arm64_at(code, i));

		if (to != (int64_t)i && to > 0 && to <= (int64_t)index)
			return false;
	}
	return true;
}

uint64_t cheap_site__arm64(const uint8_t *code, uint64_t n, unsigned int *argument)
{
	uint64_t last = n < LOOKED_AT ? n : LOOKED_AT, i = 0;
	uint32_t held = 1;

	*argument = 0;
	while (i < last && !is_emulated(arm64_at(code, i)) && follow(arm64_at(code, i), &held))
		i++;
	if (i == last || !held || !is_emulated(arm64_at(code, i)) || !is_reached_once(code, n, i))
		return 0;
	*argument = (unsigned int)__builtin_ctz(held);
	return i;
}
