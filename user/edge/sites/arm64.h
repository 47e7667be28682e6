/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Decodes the arm64 instructions that gilscope looks for. Each has 32 bits, and addresses are
 * relative to the instruction's own. */
#ifndef ARM64_H
#define ARM64_H

#include <endian.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define ARM64_SP 31 /* register 31 as an address; otherwise it is the zero register */

/* The instruction at index i. The code need not be aligned. */
static inline uint32_t arm64_at(const uint8_t *code, uint64_t i)
{
	uint32_t insn;

	memcpy(&insn, code + 4 * i, sizeof(insn));
	return le32toh(insn);
}

/* rd is the register that most instructions write; rn the one that most load from or add to. */
static inline unsigned int arm64_rd(uint32_t insn)
{
	return insn & 31;
}

static inline unsigned int arm64_rn(uint32_t insn)
{
	return insn >> 5 & 31;
}

static inline unsigned int arm64_rm(uint32_t insn)
{
	return insn >> 16 & 31;
}

/* A field of the instruction as a signed number. */
static inline int64_t arm64_signed(uint32_t insn, unsigned int low, unsigned int bits)
{
	return (int64_t)(int32_t)(insn << (32 - low - bits)) >> (32 - bits);
}

static inline bool arm64_is_b(uint32_t insn)
{
	return (insn & 0xfc000000) == 0x14000000;
}

static inline bool arm64_is_bl(uint32_t insn)
{
	return (insn & 0xfc000000) == 0x94000000;
}

/* b.cond; cbz, cbnz; tbz, tbnz */
static inline bool arm64_is_b_cond(uint32_t insn)
{
	return (insn & 0xff000010) == 0x54000000;
}

static inline bool arm64_is_cbz(uint32_t insn)
{
	return (insn & 0x7e000000) == 0x34000000;
}

static inline bool arm64_is_tbz(uint32_t insn)
{
	return (insn & 0x7e000000) == 0x36000000;
}

static inline bool arm64_is_conditional(uint32_t insn)
{
	return arm64_is_b_cond(insn) || arm64_is_cbz(insn) || arm64_is_tbz(insn);
}

/* How many instructions ahead a branch or call leads; 0 if the instruction is neither. */
static inline int64_t arm64_branch(uint32_t insn)
{
	if (arm64_is_b(insn) || arm64_is_bl(insn))
		return arm64_signed(insn, 0, 26);
	if (arm64_is_b_cond(insn) || arm64_is_cbz(insn))
		return arm64_signed(insn, 5, 19);
	return arm64_is_tbz(insn) ? arm64_signed(insn, 5, 14) : 0;
}

/* adr, adrp */
static inline bool arm64_is_adr(uint32_t insn)
{
	return (insn & 0x1f000000) == 0x10000000;
}

static inline bool arm64_is_adrp(uint32_t insn)
{
	return (insn & 0x9f000000) == 0x90000000;
}

/* The address that adr or adrp puts into its register. */
static inline uint64_t arm64_adr(uint32_t insn, uint64_t address)
{
	uint64_t distance = (uint64_t)arm64_signed(insn, 5, 19) << 2 | (insn >> 29 & 3);

	if (arm64_is_adrp(insn))
		return (address & ~0xfffULL) + (distance << 12);
	return address + distance;
}

/* add xd, xn, #imm; arm64_immediate() is what it adds */
static inline bool arm64_is_add(uint32_t insn)
{
	return (insn & 0xff800000) == 0x91000000;
}

static inline uint64_t arm64_immediate(uint32_t insn)
{
	return (insn >> 10 & 0xfff) << (insn & 1U << 22 ? 12 : 0);
}

/* mov xd, xm */
static inline bool arm64_is_mov(uint32_t insn)
{
	return (insn & 0xffe0ffe0) == 0xaa0003e0;
}

#endif
