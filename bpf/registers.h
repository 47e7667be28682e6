/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Reads a register of the probed program by its number, which is the index of a word in struct
 * pt_regs. The verifier wants each access to the context at a constant offset, hence the switch. It
 * is written in assembler, because the compiler would merge the cases into one computed access.
 */
#ifndef REGISTERS_H
#define REGISTERS_H

#include "vmlinux.h"

#define GIL_WORD(i)                                                                                \
	case i:                                                                                    \
		asm volatile("%0 = *(u64 *)(%1 + %2)" : "=r"(value) : "r"(ctx), "i"(8 * (i)));     \
		break;

static __always_inline __u64 gil_register(struct pt_regs *ctx, __u32 word)
{
	__u64 value = 0;

	switch (word) {
		GIL_WORD(0)
		GIL_WORD(1)
		GIL_WORD(2)
		GIL_WORD(3)
		GIL_WORD(4)
		GIL_WORD(5)
		GIL_WORD(6)
		GIL_WORD(7)
		GIL_WORD(8)
		GIL_WORD(9)
		GIL_WORD(10)
		GIL_WORD(11)
		GIL_WORD(12)
		GIL_WORD(13)
		GIL_WORD(14)
		GIL_WORD(19) /* x86: the stack pointer */
#if defined(__TARGET_ARCH_arm64)
		GIL_WORD(15)
		GIL_WORD(16)
		GIL_WORD(17)
		GIL_WORD(18)
		GIL_WORD(20)
		GIL_WORD(21)
		GIL_WORD(22)
		GIL_WORD(23)
		GIL_WORD(24)
		GIL_WORD(25)
		GIL_WORD(26)
		GIL_WORD(27)
		GIL_WORD(28)
		GIL_WORD(29)
		GIL_WORD(30)
		GIL_WORD(31) /* arm64: the stack pointer */
#endif
	}
	return value;
}

#endif
