/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * USDT probes for a global interpreter lock: the provider `python`, for any VM or embedder that has
 * such a lock. C and C++, gcc and clang, executables and shared libraries. Include this file and
 * put the three macros where the lock changes hands, all inside the section that the lock's own
 * mutex protects, so that whoever listens sees them in order:
 *
 *	GIL_PROBE_WAIT(gil, tstate)		the thread must block: once, before its first sleep
 *	GIL_PROBE_ACQUIRE(gil, tstate)		the lock is this thread's
 *	GIL_PROBE_RELEASE(gil, tstate, requested)	the lock is about to be free, on every path;
 *						requested: 1 if a waiter had asked for it, else 0
 *
 * gil tells one lock from another: its address. tstate tells one thread's state from another; it is
 * never followed. docs/usdt.md has the meaning of each probe in full.
 *
 * Untraced, a wait or an acquire costs a nop, and a release the test of a word and a branch not
 * taken. This guards `requested`, which is computed only if somebody listens.
 *
 * A probe is an ELF note of the kind that SystemTap defined (.note.stapsdt): where the nop is,
 * where its semaphore is, and in which register or constant each argument is. (An argument is never
 * a memory operand: some tools understand few of these.) The tracer puts a uprobe on the nop and
 * has the kernel count the semaphore up. A function that is inlined has a note for each copy.
 *
 * The nop has 5 bytes on x86-64: Linux 6.18 turns a uprobe there into a call, without a trap. If
 * one of these applies, define GIL_PROBES_SHORT_NOP, to have the nop of 1 byte, which stays a trap:
 *   - The probe is in a function that calls no other, the compiler is not gcc 15 or later, and
 *     -mno-red-zone is not given. The call writes below the stack pointer, where such a function
 *     may keep variables (the red zone).
 *   - The program forks, without exec, while it is traced. On 6.18 the child lacks what is called.
 *   - Kernels before 6.16 matter more: they single-step the long nop, at a price.
 *
 * Elsewhere than on 64-bit Linux, x86-64 or arm64, the macros are empty.
 */
#ifndef GIL_PROBES_H
#define GIL_PROBES_H

#if defined(__linux__) && defined(__ELF__) && defined(__LP64__) &&                                 \
	(defined(__x86_64__) || defined(__aarch64__))

#if defined(__x86_64__) && !defined(GIL_PROBES_SHORT_NOP)
#define GIL_PROBES_NOP_ ".byte 0x0f, 0x1f, 0x44, 0x00, 0x00\n"
#if __GNUC__ >= 15 && !defined(__clang__)
#define GIL_PROBES_CLOBBER_ "redzone"
#else
#define GIL_PROBES_CLOBBER_
#endif
#else
#define GIL_PROBES_NOP_ "nop\n"
#define GIL_PROBES_CLOBBER_
#endif

/*
 * One semaphore for each probe in a program or library, however many of its files include this one:
 * weak definitions are merged. Hidden, for each library has its own; used, for no compiler sees
 * that the notes name it and the kernel writes it.
 */
#define GIL_PROBES_SEMAPHORE_ __attribute__((weak, visibility("hidden"), used, section(".probes")))

#ifdef __cplusplus
extern "C" {
#endif
unsigned short python_gil__wait_semaphore GIL_PROBES_SEMAPHORE_;
unsigned short python_gil__acquire_semaphore GIL_PROBES_SEMAPHORE_;
unsigned short python_gil__release_semaphore GIL_PROBES_SEMAPHORE_;
#ifdef __cplusplus
}
#endif

/*
 * The nop and its note. "?" puts the note into the group of the function's section, so that both
 * stay or go. _.stapsdt.base is what prelink moves: a tool compares its address to the note's.
 */
#define GIL_PROBES_ASM_(name, arguments)                                                           \
	"990:	" GIL_PROBES_NOP_ ".pushsection .note.stapsdt, \"?\", \"note\"\n"                  \
	".balign 4\n"                                                                              \
	".4byte 992f - 991f, 994f - 993f, 3\n"                                                     \
	"991:	.asciz \"stapsdt\"\n"                                                                \
	"992:	.balign 4\n"                                                                         \
	"993:	.8byte 990b, _.stapsdt.base, python_" name "_semaphore\n"                          \
	".asciz \"python\"\n"                                                                      \
	".asciz \"" name "\"\n"                                                                    \
	".asciz \"" arguments "\"\n"                                                               \
	"994:	.balign 4\n"                                                                         \
	".popsection\n"                                                                            \
	".ifndef _.stapsdt.base\n"                                                                 \
	".pushsection .stapsdt.base, \"aG\", \"progbits\", .stapsdt.base, comdat\n"                \
	".weak _.stapsdt.base\n"                                                                   \
	".hidden _.stapsdt.base\n"                                                                 \
	"_.stapsdt.base:	.space 1\n"                                                               \
	".size _.stapsdt.base, 1\n"                                                                \
	".popsection\n"                                                                            \
	".endif\n"

#define GIL_PROBES_2_(name, gil_, tstate_)                                                         \
	__asm__ __volatile__(                                                                      \
		GIL_PROBES_ASM_(name, "8@%[gil] 8@%[tstate]")                                      \
		:                                                                                  \
		: [gil] "nr"((const void *)(gil_)), [tstate] "nr"((const void *)(tstate_))         \
		: GIL_PROBES_CLOBBER_)

#define GIL_PROBES_3_(name, gil_, tstate_, requested_)                                             \
	__asm__ __volatile__(                                                                      \
		GIL_PROBES_ASM_(name, "8@%[gil] 8@%[tstate] -4@%[requested]")                      \
		:                                                                                  \
		: [gil] "nr"((const void *)(gil_)), [tstate] "nr"((const void *)(tstate_)),        \
		  [requested] "nr"((int)(requested_))                                              \
		: GIL_PROBES_CLOBBER_)

/* True while somebody listens to the probe. */
#define GIL_PROBE_WAIT_ENABLED()    __builtin_expect(python_gil__wait_semaphore != 0, 0)
#define GIL_PROBE_ACQUIRE_ENABLED() __builtin_expect(python_gil__acquire_semaphore != 0, 0)
#define GIL_PROBE_RELEASE_ENABLED() __builtin_expect(python_gil__release_semaphore != 0, 0)

#define GIL_PROBE_WAIT(gil, tstate)    GIL_PROBES_2_("gil__wait", gil, tstate)
#define GIL_PROBE_ACQUIRE(gil, tstate) GIL_PROBES_2_("gil__acquire", gil, tstate)
#define GIL_PROBE_RELEASE(gil, tstate, requested)                                                  \
	do {                                                                                       \
		if (GIL_PROBE_RELEASE_ENABLED())                                                   \
			GIL_PROBES_3_("gil__release", gil, tstate, requested);                     \
	} while (0)

#else

#define GIL_PROBE_WAIT_ENABLED()                  0
#define GIL_PROBE_ACQUIRE_ENABLED()               0
#define GIL_PROBE_RELEASE_ENABLED()               0
#define GIL_PROBE_WAIT(gil, tstate)               ((void)(gil), (void)(tstate))
#define GIL_PROBE_ACQUIRE(gil, tstate)            ((void)(gil), (void)(tstate))
#define GIL_PROBE_RELEASE(gil, tstate, requested) ((void)(gil), (void)(tstate), (void)(requested))

#endif

#endif
