/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stacks of Python frames, and the names of what is in them, as they go into the ring of samples.
 * Included by blame.h alone.
 */
#ifndef BLAME_CODE_H
#define BLAME_CODE_H

#include "gil_blame.h"

#define GIL_WALK_READ(to, size, address) bpf_probe_read_user(to, size, (const void *)(address))
#include "gil_walk.h"

/* The place in `sent` of a code object, or of a list of callers, follows from its id. */
#define BLAME_SENT 8192
/* Frames that one function looks at. */
#define BLAME_SOME 32

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} samples SEC(".maps");

/* The ids of code objects, and of lists of callers, that are in the ring already. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BLAME_SENT);
	__type(key, __u32);
	__type(value, __u64);
} sent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gil_walk);
} walks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gil_blame_callers);
} callers SEC(".maps");

/* ---- code objects ---- */

static __always_inline struct gil_blame_head blame_head(const struct gil_lock *l, __u32 lock,
							__u32 kind)
{
	return (struct gil_blame_head){.kind = kind, .lock = lock, .start = l->start};
}

/* Copies the head of a string object. Returns the address of its characters, or 0. */
static __always_inline __u64 blame_text(const struct gil_frame_layout *f, __u64 address,
					struct gil_blame_text *to)
{
	__u64 length = 0;

	to->known = 0;
	if (!address ||
	    bpf_probe_read_user(&length, sizeof(length), (void *)(address + f->text_length)) ||
	    bpf_probe_read_user(&to->state, sizeof(to->state), (void *)(address + f->text_state)))
		return 0;
	to->length = length >> 31 ? 0x7fffffff : (__u32)length;
	to->known = 1;
	return address + f->text_ascii;
}

/* Copies `size` bytes, a power of two; or only those up to the end of the page, if the next one is
 * not there. */
static __always_inline void blame_bytes(__u8 *to, __u32 size, __u64 address)
{
	__u64 rest = 4096 - (address & 4095);

	if (!address || !bpf_probe_read_user(to, size, (void *)address) || rest >= size)
		return;
	asm volatile("" : "+r"(rest)); /* the compiler must not drop the next line */
	rest &= size - 1;
	bpf_probe_read_user(to, rest, (void *)address);
}

/* The characters of a bytes object follow its length and its hash. */
#define BLAME_BYTES_DATA 16

/* Tables of more chunks are not sent again if their end could not be, because that takes too long. */
#define BLAME_AGAIN 8

/* Sends a location table, which is a bytes object. Returns its size; 0 if it should be sent again. */
static __noinline __u32 blame_table(struct gil_lock *l, __u32 lock, __u64 id, __u64 table,
				    __u32 length_at)
{
	__u64 size = 0;

	if (!l || !table || bpf_probe_read_user(&size, sizeof(size), (void *)(table + length_at)))
		return 0;
	table += length_at + BLAME_BYTES_DATA;
	for (__u64 i = 0; i < GIL_BLAME_CHUNKS && i * GIL_BLAME_CHUNK < size; i++) {
		__u64 rest = size - i * GIL_BLAME_CHUNK;
		struct gil_blame_table *e = bpf_ringbuf_reserve(&samples, sizeof(*e), 0);

		if (!e)
			return i < BLAME_AGAIN ? 0 : GIL_BLAME_CHUNKS * GIL_BLAME_CHUNK;
		if (rest > GIL_BLAME_CHUNK)
			rest = GIL_BLAME_CHUNK;
		e->head = blame_head(l, lock, GIL_BLAME_TABLE);
		e->code = id;
		e->offset = i * GIL_BLAME_CHUNK;
		e->size = rest;
		GIL_VERIFIER_BELOW(rest, GIL_BLAME_CHUNK + 1);
		if (bpf_probe_read_user(e->bytes, rest, (void *)(table + i * GIL_BLAME_CHUNK))) {
			bpf_ringbuf_discard(e, BPF_RB_NO_WAKEUP);
			return i < BLAME_AGAIN ? 0 : GIL_BLAME_CHUNKS * GIL_BLAME_CHUNK;
		}
		bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	}
	return size >> 31 ? 0x7fffffff : (__u32)size;
}

/* The id of a code object of this GIL. */
static __always_inline __u64 blame_id(const struct gil_lock *l, const struct gil_frame *frame)
{
	__u64 h = (frame->code ^ l->start) * 0x9e3779b97f4a7c15ULL;

	h = (h ^ h >> 32 ^ frame->check) * 0xd6e8feb86659fd93ULL;
	return (h ^ h >> 32) | 2;
}

static __always_inline __u64 *blame_sent(__u64 id)
{
	__u32 slot = (__u32)(id >> 8) & (BLAME_SENT - 1);

	return bpf_map_lookup_elem(&sent, &slot);
}

/* The walk has just read a part of this frame's code object. Puts its id in place of its address, and
 * sends its names unless they have been sent. If something could not be read now, the next sample
 * tries again. */
static __noinline int blame_code(struct gil_process *p, struct gil_lock *l, __u32 lock,
				 struct gil_walk *w, struct gil_frame *frame)
{
	const struct gil_frame_layout *f = &p->frames;
	__u64 code = frame->code, id = blame_id(l, frame), *known = blame_sent(id), file = 0, name;
	struct gil_blame_code *e;
	__u32 table;
	int whole;

	frame->code = frame->check == GIL_CHECK_UNREADABLE ? 0 : id;
	if (frame->check == GIL_CHECK_UNREADABLE || !known || *known == id)
		return 0;
	name = gil_walk_word(w, f->code_name);
	table = blame_table(l, lock, id, gil_walk_word(w, f->code_lines), f->text_length);
	e = bpf_ringbuf_reserve(&samples, sizeof(*e), 0);
	if (!e)
		return 0;
	e->head = blame_head(l, lock, GIL_BLAME_CODE);
	e->code = id;
	e->first_line = (__u32)gil_walk_word(w, f->code_first_line);
	e->table_size = table;
	blame_bytes(e->name_bytes, GIL_BLAME_NAME, blame_text(f, name, &e->name));
	bpf_probe_read_user(&file, sizeof(file), (void *)(code + f->code_file));
	blame_bytes(e->file_bytes, GIL_BLAME_FILE, blame_text(f, file, &e->file));
	whole = e->name.known && e->file.known && table;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	if (whole)
		*known = id;
	return 0;
}

/* ---- stacks ---- */

/*
 * The functions below are global, so that a verifier goes through each of them once, and not again in
 * each round of a loop, and for each way to it.
 */

/* The walk may have kept a frame since it had kept `depth`. Of one that may be left out later nothing is
 * sent yet. */
__noinline int blame_kept(struct gil_process *p, struct gil_lock *l, __u32 lock, struct gil_walk *w,
			  __u32 depth)
{
	__u64 i;

	if (!p || !l || !w || w->depth == depth || w->depth > GIL_WALK_FRAMES)
		return 0;
	i = w->depth - 1;
	GIL_VERIFIER_BELOW(i, GIL_WALK_FRAMES);
	blame_code(p, l, lock, w, &w->frame[i]);
	return 0;
}

/* The same of the outermost frames of a stack from which others are left out. */
__noinline int blame_outer(struct gil_process *p, struct gil_lock *l, __u32 lock,
			   struct gil_walk *w, __u32 nr)
{
	__u64 i = nr;

	if (!p || !l || !w)
		return 0;
	GIL_VERIFIER_BELOW(i, GIL_WALK_FRAMES);
	if (w->frame[i].check != GIL_CHECK_NONE || w->frame[i].code == GIL_FRAME_COLLECTING)
		return 0;
	w->frame[i].check = gil_walk_check(w, &p->frames, w->frame[i].code);
	blame_code(p, l, lock, w, &w->frame[i]);
	return 0;
}

/* Looks at some frames. Returns 1 at the end. */
__noinline int blame_walk_some(struct gil_process *p, struct gil_lock *l, __u32 lock,
			       struct gil_walk *w)
{
	if (!p || !l || !w)
		return 1;
	for (int i = 0; i < BLAME_SOME; i++) {
		__u32 depth = w->depth;

		if (gil_walk_step(w, &p->frames))
			return 1;
		blame_kept(p, l, lock, w, depth);
	}
	return 0;
}

__noinline int blame_walk(struct gil_process *p, struct gil_lock *l, __u32 lock, struct gil_walk *w)
{
	if (!p || !l || !w)
		return 0;
	for (int i = 0; i <= GIL_WALK_STEPS / BLAME_SOME; i++)
		if (blame_walk_some(p, l, lock, w))
			break;
	if (w->depth > GIL_WALK_FRAMES)
		for (int i = GIL_WALK_INNER; i < GIL_WALK_FRAMES; i++)
			blame_outer(p, l, lock, w, i);
	return 0;
}

/* Where frames are missing between `nr` callers, as in struct gil_blame_callers. */
static __always_inline __u32 blame_cut(const struct gil_walk *w, __u32 nr)
{
	if (w->depth > GIL_WALK_FRAMES)
		return GIL_WALK_INNER - 1;
	return w->end == GIL_WALK_WHOLE ? 0 : nr;
}

/* The id of the list of those who have called the first frame, which is sent unless it has been. 0: there
 * are none. */
__noinline __u64 blame_callers(struct gil_lock *l, __u32 lock, struct gil_walk *w)
{
	__u32 zero = 0, n, cut, turn;
	struct gil_blame_callers *e = bpf_map_lookup_elem(&callers, &zero);
	__u64 id, size, *known;

	if (!l || !w || !e || w->depth < 2)
		return 0;
	n = gil_walk_nr_kept(w);
	cut = blame_cut(w, n - 1);
	turn = w->depth > GIL_WALK_FRAMES ? w->depth
					  : 0; /* as in gil_walk_kept, with fewer branches */
	id = l->start ^ cut;
	for (__u32 i = 1; i < GIL_WALK_FRAMES; i++) {
		__u64 at = i < GIL_WALK_INNER
				   ? i
				   : GIL_WALK_INNER + ((i + turn) & (GIL_WALK_OUTER - 1));
		const struct gil_frame *f;

		if (i >= n)
			break;
		GIL_VERIFIER_BELOW(at, GIL_WALK_FRAMES);
		f = &w->frame[at];
		e->frame[i - 1].code = f->code;
		e->frame[i - 1].lasti = f->at;
		id = (id ^ f->code ^ (__u32)f->at) * 0xd6e8feb86659fd93ULL;
		id ^= id >> 29;
	}
	id |= 1;
	known = blame_sent(id);
	if (!known || *known == id)
		return id;
	e->head = blame_head(l, lock, GIL_BLAME_CALLERS);
	e->callers = id;
	e->nr = n - 1;
	e->cut = cut;
	size = sizeof(*e) - sizeof(e->frame) + (n - 1) * sizeof(e->frame[0]);
	GIL_VERIFIER_BELOW(size, sizeof(*e) + 1);
	if (!bpf_ringbuf_output(&samples, e, size, BPF_RB_NO_WAKEUP))
		*known = id;
	return id;
}

#endif
