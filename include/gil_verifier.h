/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Shapes of code that the verifiers of older kernels need. In user space they are nothing.
 */
#ifndef GIL_VERIFIER_H
#define GIL_VERIFIER_H

#ifdef __BPF__

/*
 * Limits i, a variable of 64 bits, to values below n, a constant. The verifiers of Linux 5.15 to 6.8
 * do not connect two copies of a value, and the compiler likes to check one and use the other ("R2
 * unbounded memory access"). So the check is made where the compiler cannot see what it is for.
 */
#define GIL_VERIFIER_BELOW(i, n)                                                                   \
	asm volatile("if %0 < %1 goto +1\n\t%0 = %2" : "+r"(i) : "i"(n), "i"((n)-1))

/*
 * Stands before a loop with a small, fixed number of rounds. Linux 5.15 to 6.8 reject a loop that
 * can be entered in its middle ("back-edge from insn 1416 to 1417"), and whether it can is the
 * compiler's choice. An unrolled loop has no such edge. The compiler warns where it cannot unroll.
 */
#define GIL_VERIFIER_UNROLL _Pragma("clang loop unroll(full)")

#else

#define GIL_VERIFIER_BELOW(i, n)
#define GIL_VERIFIER_UNROLL

#endif

#endif
