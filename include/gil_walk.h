/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Walks the Python frames of a thread, by a layout (gil_frames.h). Who includes this defines
 *
 *	GIL_WALK_READ(to, size, address)
 *
 * to copy `size` bytes at an address of the observed process, which is not 0 if that fails. The
 * process is hostile: every address may be wild, and the frames may go in a circle. So all indexes
 * are masked, in a way that the verifiers of old kernels understand, and each loop has an end.
 *
 * A walk is gil_walk_begin, then gil_walk_on.
 */
#ifndef GIL_WALK_H
#define GIL_WALK_H

#include "gil_frames.h"
#include "gil_python.h"
#include "gil_verifier.h"

#define GIL_WALK_MOST_OWNER 4 /* the greatest value of a frame's owner in any version */
#define GIL_WALK_FIRST_C    3 /* from this on it is not a frame of Python code */

/* A value in what was read last. It must not cross a multiple of 8. */
static inline __u64 gil_walk_word(const struct gil_walk *w, __u32 offset)
{
	return w->word[(offset / 8) & (GIL_FRAMES_READ / 8 - 1)] >> 8 * (offset & 7);
}

/* Reads `size` bytes, less than GIL_FRAMES_READ, to where gil_walk_word finds them. Not 0: failed. */
static inline long gil_walk_read(struct gil_walk *w, __u32 size, __u64 address)
{
	return GIL_WALK_READ(w->word, size & (GIL_FRAMES_READ - 1), address);
}

/*
 * The state of the thread that has this GIL, of which the address counts as in gil_python.h; 0 if it
 * cannot be read. Right before a thread has taken the GIL, and right after it has dropped it, this
 * may be the state of another thread.
 */
static inline __u64 gil_walk_thread(const struct gil_frame_layout *l, __u64 gil)
{
	__u64 thread = 0;

	if (l->current_thread && GIL_WALK_READ(&thread, sizeof(thread), l->current_thread))
		thread = 0;
	if (!thread && GIL_WALK_READ(&thread, sizeof(thread), gil + GIL_OFFSET_LAST_HOLDER))
		thread = 0;
	return thread;
}

/* The check of a code object. */
static inline __u32 gil_walk_check(struct gil_walk *w, const struct gil_frame_layout *l, __u64 code)
{
	if (gil_walk_read(w, l->code_size, code + l->code_from))
		return GIL_CHECK_UNREADABLE;
	return gil_frame_check((__u32)gil_walk_word(w, l->code_first_line),
			       gil_walk_word(w, l->code_name), gil_walk_word(w, l->code_lines));
}

static inline void gil_walk_keep(struct gil_walk *w, const struct gil_frame_layout *l, __u64 code,
				 __s32 at)
{
	__u64 i = w->depth;
	__u32 check = GIL_CHECK_NONE;

	if (i < w->checked && code != GIL_FRAME_COLLECTING)
		check = gil_walk_check(w, l, code);
	if (i >= GIL_WALK_INNER)
		i = GIL_WALK_INNER + ((i - GIL_WALK_INNER) & (GIL_WALK_OUTER - 1));
	GIL_VERIFIER_BELOW(i, GIL_WALK_FRAMES);
	w->frame[i].code = code;
	w->frame[i].at = at;
	w->frame[i].check = check;
	w->depth++;
}

/* Where the bytecode is that a frame runs; 0 if that cannot be read. */
static inline __u64 gil_walk_bytecode(const struct gil_frame_layout *l, __u64 code, __u32 copy)
{
	__u64 copies, at;

	if (!l->code_copies || !copy)
		return code + l->code_instructions;
	/* struct _PyCodeArray { Py_ssize_t size; char *entries[]; } */
	if (copy >> 20 || GIL_WALK_READ(&copies, sizeof(copies), code + l->code_copies) ||
	    GIL_WALK_READ(&at, sizeof(at), copies + 8 + 8ULL * copy))
		return 0;
	return at;
}

/* The instruction of the frame that was read last; negative if unknown, or none was begun. */
static inline __s32 gil_walk_at(const struct gil_walk *w, const struct gil_frame_layout *l,
				__u64 code)
{
	__u64 at = gil_walk_word(w, l->frame_at);
	__u32 copy = 0;

	if (l->unit)
		return (__s32)at < 0 ? -1 : (__s32)((__u32)at * l->unit & 0x7fffffff);
	if (l->code_copies)
		copy = (__u32)gil_walk_word(w, l->frame_copy);
	at -= gil_walk_bytecode(l, code, copy);
	return at >> 31 ? -1 : (__s32)at;
}

/* True if this frame has been met before (Brent's algorithm). */
static inline int gil_walk_is_circle(struct gil_walk *w)
{
	if (w->next == w->seen)
		return 1;
	if (!(w->steps & (w->steps - 1)))
		w->seen = w->next;
	return 0;
}

/*
 * Looks at one frame. Returns 1 at the end, and w->end then says why. In the kernel this is a global
 * function, which the verifier goes through once: inlined into a loop of GIL_WALK_STEPS, it has more
 * branches than a verifier remembers.
 */
#ifdef __BPF__
__attribute__((noinline)) int gil_walk_step(struct gil_walk *w, const struct gil_frame_layout *l)
#else
static inline int gil_walk_step(struct gil_walk *w, const struct gil_frame_layout *l)
#endif
{
	__u64 here, code;
	__u32 owner = 0;

	if (!w || !l)
		return 1;
	here = w->next;
	if (!here || w->steps >= GIL_WALK_STEPS) {
		w->end = here ? GIL_WALK_CUT : GIL_WALK_WHOLE;
		return 1;
	}
	if (here & 7 || gil_walk_is_circle(w) ||
	    gil_walk_read(w, l->frame_size, here + l->frame_from))
		goto unreadable;
	w->steps++;
	if (l->frame_owner != 0xffff)
		owner = (__u8)gil_walk_word(w, l->frame_owner);
	w->next = gil_walk_word(w, l->frame_previous);
	code = gil_walk_word(w, l->frame_code) & ~(__u64)l->code_tags;
	if (owner > GIL_WALK_MOST_OWNER)
		goto unreadable;
	if (owner < GIL_WALK_FIRST_C) {
		__s32 at = gil_walk_at(w, l, code);

		if (!code || code & 7)
			goto unreadable;
		if (here == w->collected)
			gil_walk_keep(w, l, GIL_FRAME_COLLECTING, -1);
		gil_walk_keep(w, l, code, at);
	}
	return 0;
unreadable:
	w->end = GIL_WALK_UNREADABLE;
	return 1;
}

/* Notes if the thread's interpreter collects garbage. If it does not say in which frame that began,
 * the collection is the innermost one. */
static inline void gil_walk_collecting(struct gil_walk *w, const struct gil_frame_layout *l,
				       __u64 thread)
{
	__u64 interpreter;
	__u32 collecting;

	if (!l->collecting ||
	    GIL_WALK_READ(&interpreter, sizeof(interpreter), thread + l->thread_interpreter) ||
	    GIL_WALK_READ(&collecting, sizeof(collecting), interpreter + l->collecting) ||
	    !collecting)
		return;
	if (!l->collecting_in)
		gil_walk_keep(w, l, GIL_FRAME_COLLECTING, -1);
	else if (GIL_WALK_READ(&w->collected, sizeof(w->collected), interpreter + l->collecting_in))
		w->collected = 0;
}

/*
 * Begins to walk the frames of the thread with this state. `tid` is the thread's number in the pid
 * namespace of its process; if the interpreter knows another one, there is nothing to walk. 0: this
 * is not checked. The first `checked` frames get a check. Returns 1 if the walk has ended already.
 */
static inline int gil_walk_begin(struct gil_walk *w, const struct gil_frame_layout *l, __u64 thread,
				 __u32 tid, __u32 checked)
{
	__u64 id = tid;

	w->next = w->seen = w->collected = 0;
	w->steps = w->depth = 0;
	w->end = GIL_WALK_GOING;
	w->checked = checked;
	if (!l->known || !thread || thread & 7)
		goto unreadable;
	if (tid && l->thread_native_id &&
	    GIL_WALK_READ(&id, sizeof(id), thread + l->thread_native_id))
		goto unreadable;
	if (id != tid) {
		w->end = GIL_WALK_OTHER;
		return 1;
	}
	if (GIL_WALK_READ(&w->next, sizeof(w->next), thread + l->thread_frame))
		goto unreadable;
	if (l->thread_indirect && w->next &&
	    GIL_WALK_READ(&w->next, sizeof(w->next), w->next + l->indirect_frame))
		goto unreadable;
	gil_walk_collecting(w, l, thread);
	return 0;
unreadable:
	w->end = GIL_WALK_UNREADABLE;
	return 1;
}

/* Walks to the end. */
static inline void gil_walk_on(struct gil_walk *w, const struct gil_frame_layout *l)
{
	for (int i = 0; i <= GIL_WALK_STEPS; i++)
		if (gil_walk_step(w, l))
			break;
}

/* How many frames were kept, and the one that is i-th from inside. Between GIL_WALK_INNER - 1 and
 * GIL_WALK_INNER, depth - GIL_WALK_FRAMES frames are left out, if depth is more than that. */
static inline __u32 gil_walk_nr_kept(const struct gil_walk *w)
{
	return w->depth < GIL_WALK_FRAMES ? w->depth : GIL_WALK_FRAMES;
}

static inline const struct gil_frame *gil_walk_kept(const struct gil_walk *w, __u32 i)
{
	__u64 at = i;

	if (i >= GIL_WALK_INNER && w->depth > GIL_WALK_FRAMES)
		at = GIL_WALK_INNER + ((i + w->depth) & (GIL_WALK_OUTER - 1));
	GIL_VERIFIER_BELOW(at, GIL_WALK_FRAMES);
	return &w->frame[at];
}

#endif
