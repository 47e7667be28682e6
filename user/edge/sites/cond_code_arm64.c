// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "edge/sites/arm64.h"
#include "edge/sites/cond_code.h"

#define FAR_APART 6 /* limit in instructions between those that load the two halves of an address */

static uint32_t at(const struct code *c, uint64_t i)
{
	return arm64_at(c->at + i, 0);
}

static uint64_t callee(const struct code *c, uint64_t i)
{
	uint64_t address;

	if (c->size < 4 || i > c->size - 4 || !arm64_is_bl(at(c, i)))
		return 0;
	address = c->start + i + 4 * (uint64_t)arm64_branch(at(c, i));
	return is_code(c, address) ? address : 0;
}

static bool is_check_of_w0(uint32_t insn)
{
	bool is_sign = arm64_is_tbz(insn) && (insn >> 19 & 0x1f) == 31;

	return (arm64_is_cbz(insn) || is_sign) && !(insn >> 31) && arm64_rd(insn) == 0;
}

/* cbnz w0; tbnz w0, #31; or cmp w0, #0 and a conditional branch. w0 must still be what it was. */
static bool is_check(const struct code *c, uint64_t i, uint64_t jump)
{
	bool compared = false;

	for (; i < jump; i += 4) {
		if (arm64_rd(at(c, i)) == 0 || arm64_branch(at(c, i)))
			return false;
		compared = compared || at(c, i) == 0x7100001f; /* cmp w0, #0 */
	}
	return is_check_of_w0(at(c, jump)) || (compared && arm64_is_b_cond(at(c, jump)));
}

/* cmp w0, #110 */
static bool is_compare(const struct code *c, uint64_t i)
{
	return i + 4 <= c->size && at(c, i) == 0x7101b81f;
}

static int64_t jumps_to(const struct code *c, uint64_t i, bool *conditional)
{
	uint32_t insn = at(c, i);

	*conditional = arm64_is_conditional(insn);
	if (!*conditional && !arm64_is_b(insn))
		return -1;
	return (int64_t)i + 4 * arm64_branch(insn);
}

static int64_t passed_by(const struct code *c, uint64_t i)
{
	uint32_t insn = i >= 4 ? at(c, i - 4) : 0;
	bool is_zero = (arm64_is_cbz(insn) || arm64_is_tbz(insn)) && !(insn >> 24 & 1);
	bool is_equal = arm64_is_b_cond(insn) && (insn & 15) == 0;

	return is_zero || is_equal ? (int64_t)i - 4 : -1;
}

/* True if the instruction at index i, or it and a later one, load this address. */
static bool refers(const struct code *c, uint64_t i, uint64_t target)
{
	uint32_t insn = at(c, i), other;
	uint64_t address;

	if (!arm64_is_adr(insn))
		return false;
	address = arm64_adr(insn, c->start + i);
	if (!arm64_is_adrp(insn))
		return address == target;
	if (address != (target & ~0xfffULL))
		return false;
	for (uint64_t k = i + 4; k <= i + 4 * FAR_APART && k + 4 <= c->size; k += 4) {
		other = at(c, k);
		if (arm64_is_add(other) && arm64_rn(other) == arm64_rd(insn))
			return address + arm64_immediate(other) == target;
	}
	return false;
}

/* What may precede it in its block: the other argument, the function's name, is loaded. */
static bool loads_argument(uint32_t insn)
{
	return arm64_is_adr(insn) || arm64_is_add(insn) || arm64_is_mov(insn);
}

static size_t blocks(const struct code *c, uint64_t message, uint64_t *block, size_t max)
{
	size_t n = 0;

	for (uint64_t i = 0; i + 4 <= c->size; i += 4) {
		uint64_t k = i;

		if (!refers(c, i, message))
			continue;
		do {
			if (n < max)
				block[n++] = k;
			k -= 4;
		} while (k < i && k + 4 * FAR_APART >= i && loads_argument(at(c, k)));
	}
	return n;
}

const struct cond_code cond_code_arm64 = {
	.step = 4,
	.call = 4,
	.callee = callee,
	.is_check = is_check,
	.is_compare = is_compare,
	.jumps_to = jumps_to,
	.passed_by = passed_by,
	.blocks = blocks,
};
