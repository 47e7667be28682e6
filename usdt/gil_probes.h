/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * USDT probes for a global interpreter lock: the provider `python`, for any virtual machine or
 * embedder that has such a lock, in C and C++, with gcc and clang, in executables and shared
 * libraries. Include this file, and put the three macros where the lock changes hands, all inside
 * the section that the lock's own mutex protects, so that tracers see them in order:
 *
 *	GIL_PROBE_WAIT(gil, tstate)		the thread must block: once, before its first sleep
 *	GIL_PROBE_ACQUIRE(gil, tstate)		the thread has got the lock
 *	GIL_PROBE_RELEASE(gil, tstate, requested)	the lock is about to be free, on every path;
 *						requested: 1 if a waiter had asked for it, else 0
 *
 * gil is the lock's address, and distinguishes locks. tstate distinguishes threads; it is never
 * dereferenced. docs/usdt.md describes each probe in full.
 *
 * While nobody traces, a wait or an acquire costs a nop, and a release costs the test of a word and
 * a branch that is not taken. The test is there because `requested` is computed only for a tracer.
 *
 * A probe is an ELF note in SystemTap's format (.note.stapsdt). It says where the nop is, where its
 * semaphore is, and in which register or constant each argument is. (An argument is never a memory
 * operand, because some tools understand few of these.) The tracer puts a uprobe on the nop and
 * lets the kernel increment the semaphore. If a function is inlined, each copy has a note.
 *
 * On x86-64 the nop has 5 bytes, because Linux 6.18 turns a uprobe on it into a call, without a
 * trap. Define GIL_PROBES_SHORT_NOP to get the nop of 1 byte, which always traps, in these cases:
 *   - The probe is in a function that calls no other, the compiler is not gcc 15 or later, and
 *     -mno-red-zone is not given. The call writes below the stack pointer, where such a function
 *     may keep variables (the red zone).
 *   - The program forks, without exec, while it is traced. On 6.18 the child crashes at the call,
 *     because the called page is missing there.
 *   - Kernels before 6.16 matter more. They single-step the long nop, which is slower.
 *
 * On everything but 64-bit Linux on x86-64 or arm64, the macros are empty.
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
 * Each probe has one semaphore in a program or library, even if several of its files include this
 * one, because weak definitions are merged. The semaphores are hidden, because each library has its
 * own. They are marked as used, because the compiler cannot see that the notes name them and the
 * kernel writes them.
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
 * The nop and its note. "?" puts the note into the group of the function's section, so that the
 * linker keeps or drops both. _.stapsdt.base is there for tools, which compare its address with the
 * one in the note: they differ if prelink has moved the file's addresses.
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

/* True while a tracer uses the probe. */
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
