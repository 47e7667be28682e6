/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Code shapes that the verifiers of older kernels need. In user space they expand to nothing.
 */
#ifndef GIL_VERIFIER_H
#define GIL_VERIFIER_H

#ifdef __BPF__

/*
 * Limits the 64-bit variable i to values below the constant n. The verifiers of Linux 5.15 to 6.8
 * do not connect two copies of a value, and the compiler tends to check one and use the other ("R2
 * unbounded memory access"). So the check is hidden from the compiler, in assembler.
 */
#define GIL_VERIFIER_BELOW(i, n)                                                                   \
	asm volatile("if %0 < %1 goto +1\n\t%0 = %2" : "+r"(i) : "i"(n), "i"((n)-1))

/*
 * Goes before a loop with a small, fixed number of rounds. Linux 5.15 to 6.8 reject a loop that can
 * be entered in its middle ("back-edge from insn 1416 to 1417"), which depends on the compiler. An
 * unrolled loop has no back edge. The compiler warns where it cannot unroll.
 */
#define GIL_VERIFIER_UNROLL _Pragma("clang loop unroll(full)")

#else

#define GIL_VERIFIER_BELOW(i, n)
#define GIL_VERIFIER_UNROLL

#endif

#endif
