/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * GILs of sub-interpreters (CPython 3.12 and later). They are found when they are taken for the
 * first time, so that no edge is missed. Such a GIL is on the heap, inside its interpreter. A
 * candidate is accepted only if the pointers read there lead back to it.
 */
#ifndef SUB_GIL_H
#define SUB_GIL_H

/* The first bytes of a GIL, beginning where GIL_OFFSET_* count from. */
struct gil_head {
	__u64 interval;
	__u64 last_holder;
	__u32 locked;
	__u32 pad;
};

/*
 * True if a thread has just taken a sub-interpreter's GIL at this address. The GIL's last_holder is
 * then that thread's state, which points to its interpreter, which points back to the GIL.
 */
static __always_inline int is_sub_gil(const struct gil_finder *f, __u64 gil, __u32 *number)
{
	__u64 interpreter, used, id;
	struct gil_head head;

	if (bpf_probe_read_user(&head, sizeof(head), (void *)gil) || head.locked != 1 ||
	    !head.last_holder || !head.interval || head.interval > 3600000000ULL)
		return 0;
	if (bpf_probe_read_user(&interpreter, sizeof(interpreter),
				(void *)(head.last_holder + f->thread_interpreter)) ||
	    interpreter + f->own_gil + f->shift != gil)
		return 0;
	if (bpf_probe_read_user(&used, sizeof(used), (void *)(interpreter + f->gil_pointer)) ||
	    used + f->shift != gil)
		return 0;
	if (bpf_probe_read_user(&id, sizeof(id), (void *)(interpreter + f->id)))
		return 0;
	*number = (__u32)id;
	return 1;
}

/* A free place in p->lock[]; GIL_PROCESS_LOCKS if there is none. */
static __always_inline __u32 free_slot(struct gil_process *p)
{
	GIL_VERIFIER_UNROLL
	for (__u32 i = 0; i < GIL_PROCESS_LOCKS; i++)
		if (i >= p->nr_locks || !p->lock[i].address)
			return i;
	p->full = 1;
	return GIL_PROCESS_LOCKS;
}

/* Enters the GIL. Returns the index of its record, or GIL_NONE if there is no room. */
static __always_inline __u32 enter_sub_gil(struct gil_process *p, __u32 index, __u64 address,
					   __u32 number)
{
	struct gil_tables *tab = the_tables();
	__u32 n = free_slot(p), i;
	struct gil_lock *l;

	if (!tab || n >= GIL_PROCESS_LOCKS)
		return GIL_NONE;
	i = take_index(&free_locks, &tab->next_lock, max_locks, &tab->locks_full);
	l = lock_at(i);
	if (!l)
		return GIL_NONE;
	gil_lock_begin(l, p->pid, address, bpf_ktime_get_ns());
	l->bpf.born = 1;
	l->interpreter = number;
	p->lock[n].lock = i;
	p->lock[n].interpreter = number;
	p->lock[n].address = address;
	if (n >= p->nr_locks)
		p->nr_locks = n + 1;
	send_event(GIL_EVENT_SUB_GIL, p->pid, i, index, p->image,
		   (void *)bpf_get_current_task_btf());
	return i;
}

/* False if somebody else has begun to enter a GIL and does not finish, because it lost its CPU. */
static __always_inline int begin_to_enter(struct gil_process *p)
{
	for (int i = 0; i < 200; i++)
		if (!__sync_val_compare_and_swap(&p->entering, 0, 1))
			return 1;
	return 0;
}

/*
 * In a traced process, a sub-interpreter may have made its own GIL, which is now taken for the
 * first time. Returns the index of its record, or GIL_NONE if this is not a GIL or there is no
 * room.
 */
static __noinline __u32 find_sub_gil(__u32 index, __u64 address)
{
	struct gil_process *p = process_at(index);
	__u32 number = 0, n;

	if (!p || !p->finder.known || p->state != GIL_PROCESS_TRACED ||
	    !is_sub_gil(&p->finder, address, &number))
		return GIL_NONE;
	if (free_slot(p) >= GIL_PROCESS_LOCKS)
		return GIL_NONE;
	if (!begin_to_enter(p)) {
		__sync_fetch_and_add(&p->dropped, 1); /* its next acquisition tries again */
		return GIL_NONE;
	}
	n = enter_sub_gil(p, index, address, number);
	__sync_val_compare_and_swap(&p->entering, 1, 0);
	return n;
}

/* True if this was the GIL of a sub-interpreter that has ended, and a new interpreter has been made
 * at the same address. */
static __always_inline int is_replaced(const struct gil_finder *f,
				       const struct gil_process_lock *pl)
{
	__u64 id;

	return !bpf_probe_read_user(&id, sizeof(id),
				    (void *)(pl->address - f->shift - f->own_gil + f->id)) &&
	       (__u32)id != pl->interpreter;
}

#endif
