/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Samples of the code that has a GIL, in the format of gil_blame.h. Included by gilscope.bpf.c alone.
 *
 * A timer on each CPU interrupts what runs there. If that is a thread that has a GIL, its place in
 * the code is noted: everything is looked at in the holder's own context, and nobody is stopped.
 * Where the scheduler takes a holder off its CPU, the place is noted, too, and the exact length of the
 * gap, and how long others waited in it, follow when the thread is back.
 *
 * Both programs run with interrupts off, so on one CPU neither meets the other one in the middle, and
 * one scratch for each CPU is enough. The timer may interrupt a uprobe's program. The thread's record
 * then has an odd sequence count, and is left alone.
 *
 * `blame` is a constant to the verifier, which removes this code when no samples are taken.
 */
#ifndef BLAME_H
#define BLAME_H

#include "gil_blame.h"

#define GIL_WALK_READ(to, size, address) bpf_probe_read_user(to, size, (const void *)(address))
#include "gil_walk.h"

/* Frames that are looked at until one of Python code is found. */
#define BLAME_STEPS 4
/* The place in `sent` of a code object follows from its id. */
#define BLAME_SENT 8192

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} samples SEC(".maps");

/* The ids of code objects whose names are in the ring already. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BLAME_SENT);
	__type(key, __u32);
	__type(value, __u64);
} sent SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gil_blame_gap);
} gaps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct gil_walk);
} walks SEC(".maps");

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
	return (h ^ h >> 32) | 1;
}

/* Sends the names of a code object, of which the walk has just read a part, unless they have been
 * sent. If something could not be read now, the next sample tries again. */
static __noinline int blame_code(struct gil_process *p, struct gil_lock *l, __u32 lock, __u64 id,
				 struct gil_walk *w)
{
	__u32 slot = (__u32)(id >> 8) & (BLAME_SENT - 1);
	__u64 *known = bpf_map_lookup_elem(&sent, &slot), file = 0, name;
	struct gil_blame_code *e;
	const struct gil_frame_layout *f;
	__u32 table;
	int whole;

	if (!p || !l || !w || !known || *known == id)
		return 0;
	f = &p->frames;
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
	bpf_probe_read_user(&file, sizeof(file), (void *)(w->frame[0].code + f->code_file));
	blame_bytes(e->file_bytes, GIL_BLAME_FILE, blame_text(f, file, &e->file));
	whole = e->name.known && e->file.known && table;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	if (whole)
		*known = id;
	return 0;
}

/* ---- a place in the code ---- */

/* The thread's number in its own pid namespace, as the interpreter knows it; 0 if unknown. The address
 * is computed as a number, because old verifiers do not accept the pointer plus a variable. */
static __always_inline __u32 blame_own_tid(struct task_struct *task)
{
	__u64 pid = 0, level = task->thread_pid->level;
	__u32 nr = 0;

	if (!level)
		return task->pid;
	if (bpf_core_read(&pid, sizeof(pid), &task->thread_pid))
		return 0;
	pid += bpf_core_field_offset(struct pid, numbers) +
	       level * bpf_core_type_size(struct upid) + bpf_core_field_offset(struct upid, nr);
	return bpf_probe_read_kernel(&nr, sizeof(nr), (void *)pid) ? 0 : nr;
}

/* Where user mode was left, and which system call is under way. */
static __always_inline void blame_registers(struct task_struct *task, struct gil_blame_place *at)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task); /* Linux 5.15 */

	at->ip = PT_REGS_IP(regs);
#if defined(__TARGET_ARCH_x86)
	at->syscall = (__s32)regs->orig_ax;
#else
	at->syscall = ((struct pt_regs___kernel *)regs)->syscallno;
#endif
	if (at->syscall < 0)
		at->syscall = -1;
}

/* Finds what the current thread, which has the GIL, runs. */
static __noinline int blame_frame(struct gil_process *p, struct gil_lock *l, __u32 lock,
				  __u32 own_tid, struct gil_blame_place *at)
{
	__u32 zero = 0;
	struct gil_walk *w = bpf_map_lookup_elem(&walks, &zero);

	at->code = 0;
	at->lasti = -1;
	at->top = GIL_BLAME_UNREADABLE;
	if (!p || !l || !w)
		return 0;
	w->frame[0].code = 0;
	if (gil_walk_begin(w, &p->frames, gil_walk_thread(&p->frames, l->address), own_tid, 1))
		return 0;
	for (int i = 0; i < BLAME_STEPS && !w->depth; i++)
		if (gil_walk_step(w, &p->frames))
			break;
	if (!w->depth) {
		if (w->end == GIL_WALK_WHOLE)
			at->top = GIL_BLAME_NO_FRAME;
		return 0;
	}
	at->lasti = w->frame[0].at;
	if (w->frame[0].code == GIL_FRAME_COLLECTING) {
		at->code = GIL_BLAME_COLLECTING;
	} else if (w->frame[0].check != GIL_CHECK_UNREADABLE) {
		at->code = blame_id(l, &w->frame[0]);
		blame_code(p, l, lock, at->code, w);
	} else {
		return 0;
	}
	at->top = GIL_BLAME_FRAME;
	return 0;
}

/* The record of the thread's process, if its frames are understood. */
static __always_inline struct gil_process *blame_process(const struct gil_thread *t)
{
	__u32 pid = t->pid, *index = bpf_map_lookup_elem(&process_of, &pid);
	struct gil_process *p = index ? process_at(*index) : NULL;

	return p && p->frames.known && p->state == GIL_PROCESS_TRACED ? p : NULL;
}

/* ---- ticks ---- */

/* The thread's record if it has a GIL and nobody is just writing to it. */
static __always_inline struct gil_thread *blame_holder(__u32 tid)
{
	struct gil_thread_records *r = bpf_map_lookup_elem(&records, &tid);
	struct gil_thread *t;
	__u64 current;

	if (!r || !r->count)
		return NULL;
	current = r->current;
	GIL_VERIFIER_BELOW(current, GIL_THREAD_LOCKS);
	t = thread_at(r->index[current]);
	if (!t || t->state != GIL_THREAD_HOLDING || t->tid != tid || t->seq & 1)
		return NULL;
	return t;
}

SEC("perf_event")
int on_tick(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tid = task->pid, waiters, gone;
	struct gil_blame_sample *e;
	struct gil_blame_place at;
	struct gil_process *p;
	struct gil_thread *t;
	struct gil_lock *l;

	(void)ctx;
	if (!tid)
		return 0;
	t = blame_holder(tid);
	if (!t || is_frozen())
		return 0;
	p = blame_process(t);
	l = lock_at(t->lock);
	if (!p || !l)
		return 0;
	waiters = l->waiters;
	gone = l->gone - l->gone_seen;
	blame_registers(task, &at);
	blame_frame(p, l, t->lock, blame_own_tid(task), &at);
	e = bpf_ringbuf_reserve(&samples, sizeof(*e), 0);
	if (!e)
		return 0;
	e->head = blame_head(l, t->lock, GIL_BLAME_TICK);
	e->at = at;
	e->ts = bpf_ktime_get_ns();
	e->tid = tid;
	e->waiters = waiters > gone ? waiters - gone : 0;
	e->blocked_ns = e->preempted_ns = e->wait_ns = 0;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

/* ---- gaps ---- */

#define BLAME_TRIES 8

/* Keeps the reads before it before those after it: see seq_step. */
static __always_inline void blame_fence(struct gil_lock *l)
{
#if defined(__TARGET_ARCH_x86)
	(void)l;
	asm volatile("" ::: "memory");
#else
	asm volatile("" : : "r"(__sync_fetch_and_add(&l->bpf.lost_gap_wait, 0)) : "memory");
#endif
}

/* How long threads have waited for this GIL up to now. `own`: this program is just writing the record.
 * False if others do so all the time. */
static __always_inline int blame_waiting(struct gil_lock *l, int own, __u64 now, __u64 *ns)
{
	if (own) {
		*ns = l->waiter_ns + (__u64)l->waiters * gil_elapsed(l->mark, now);
		return 1;
	}
	for (int i = 0; i < BLAME_TRIES; i++) {
		__u32 seq = *(volatile const __u32 *)&l->seq;
		__u64 sum = *(volatile const __u64 *)&l->waiter_ns;
		__u64 mark = *(volatile const __u64 *)&l->mark;
		__u64 waiters = *(volatile const __u32 *)&l->waiters;

		blame_fence(l);
		if (!(seq & 1) && *(volatile const __u32 *)&l->seq == seq) {
			*ns = sum + waiters * gil_elapsed(mark, now);
			return 1;
		}
	}
	return 0;
}

static __always_inline struct gil_blame_gap *gap_of(const struct gil_thread *t)
{
	__u32 i = t->bpf.record;

	return bpf_map_lookup_elem(&gaps, &i);
}

/* The thread, which is current and has just been switched out in the model, leaves its CPU. */
static __noinline int blame_leave(struct gil_thread *t, struct task_struct *task, __u64 now)
{
	struct gil_blame_gap *gap;
	struct gil_process *p;
	struct gil_lock *l;

	if (!t || t->state != GIL_THREAD_HOLDING)
		return 0;
	gap = gap_of(t);
	p = blame_process(t);
	l = lock_at(t->lock);
	if (!gap || !p || !l)
		return 0;
	gap->since = 0;
	if (!blame_waiting(l, 0, now, &gap->wait_ns))
		return 0;
	gap->blocked_ns = t->part[GIL_PART_BLOCKED];
	gap->preempted_ns = t->part[GIL_PART_RUNNABLE];
	blame_registers(task, &gap->at);
	blame_frame(p, l, t->lock, blame_own_tid(task), &gap->at);
	gap->since = t->since;
	return 0;
}

static __noinline int blame_back(struct gil_thread *t, int own, __u64 now)
{
	struct gil_blame_gap *gap = t ? gap_of(t) : NULL;
	struct gil_blame_sample *e;
	__u64 waited = 0;
	struct gil_lock *l;

	if (!gap || !gap->since || t->state != GIL_THREAD_HOLDING || gap->since != t->since)
		return 0;
	gap->since = 0;
	l = lock_at(t->lock);
	if (!l)
		return 0;
	if (blame_waiting(l, own, now, &waited))
		waited = gil_elapsed(gap->wait_ns, waited);
	e = bpf_ringbuf_reserve(&samples, sizeof(*e), 0);
	if (!e) {
		__sync_fetch_and_add(&l->bpf.lost_gap_wait, waited);
		return 0;
	}
	e->head = blame_head(l, t->lock, GIL_BLAME_GAP);
	e->at = gap->at;
	e->ts = now;
	e->tid = t->tid;
	e->waiters = 0;
	e->blocked_ns = gil_elapsed(gap->blocked_ns, t->part[GIL_PART_BLOCKED]);
	e->preempted_ns = gil_elapsed(gap->preempted_ns, t->part[GIL_PART_RUNNABLE]);
	e->wait_ns = waited;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

#endif
