// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "edge/sites/cond_code.h"

static int32_t rel32(const struct code *c, uint64_t i)
{
	int32_t v;

	memcpy(&v, c->at + i, sizeof(v));
	return v;
}

static uint64_t callee(const struct code *c, uint64_t i)
{
	uint64_t address;

	if (c->size < 5 || i > c->size - 5 || c->at[i] != 0xe8)
		return 0;
	address = c->start + i + 5 + (uint64_t)(int64_t)rel32(c, i + 1);
	return is_code(c, address) ? address : 0;
}

/* test eax, eax */
static bool is_check(const struct code *c, uint64_t i, uint64_t jump)
{
	for (; i + 2 <= jump; i++)
		if (c->at[i] == 0x85 && c->at[i + 1] == 0xc0)
			return true;
	return false;
}

/* cmp eax, 110 */
static bool is_compare(const struct code *c, uint64_t i)
{
	return i + 3 <= c->size && c->at[i] == 0x83 && c->at[i + 1] == 0xf8 && c->at[i + 2] == 110;
}

static int64_t jumps_to(const struct code *c, uint64_t i, bool *conditional)
{
	const uint8_t *p = c->at + i;

	*conditional = p[0] != 0xe9 && p[0] != 0xeb;
	if (p[0] == 0x0f && (p[1] & 0xf0) == 0x80)
		return (int64_t)i + 6 + rel32(c, i + 2);
	if (p[0] == 0xe9)
		return (int64_t)i + 5 + rel32(c, i + 1);
	if (p[0] == 0xeb || (p[0] & 0xf0) == 0x70)
		return (int64_t)i + 2 + (int8_t)p[1];
	return -1;
}

static int64_t passed_by(const struct code *c, uint64_t i)
{
	const uint8_t *at = c->at;

	if (i >= 2 && (at[i - 2] & 0xfe) == 0x74)
		return (int64_t)i - 2;
	if (i >= 6 && at[i - 6] == 0x0f && (at[i - 5] & 0xfe) == 0x84)
		return (int64_t)i - 6;
	return -1;
}

/* True if the four bytes at index i are an operand with the address `target`. */
static bool refers(const struct code *c, uint64_t i, uint64_t target)
{
	if (c->at[i - 2] == 0x8d && (c->at[i - 1] & 0xc7) == 0x05) /* lea reg, [rip + operand] */
		return c->start + i + 4 + (uint64_t)(int64_t)rel32(c, i) == target;
	return c->absolute && (c->at[i - 1] & 0xf8) == 0xb8 && (uint32_t)rel32(c, i) == target;
}

static size_t blocks(const struct code *c, uint64_t message, uint64_t *block, size_t max)
{
	/* Distances from the start of a block to the operand. The block is `mov reg, message` or
	 * `lea reg, [message]`, or either after such an instruction for the other argument, the
	 * function's name. */
	static const uint64_t ahead[] = {1, 3, 6, 10};
	size_t n = 0;

	for (uint64_t i = 10; i + 4 <= c->size; i++)
		for (size_t k = 0; k < 4 && refers(c, i, message); k++)
			if (n < max)
				block[n++] = i - ahead[k];
	return n;
}

const struct cond_code cond_code_x86 = {
	.step = 1,
	.call = 5,
	.callee = callee,
	.is_check = is_check,
	.is_compare = is_compare,
	.jumps_to = jumps_to,
	.passed_by = passed_by,
	.blocks = blocks,
};
