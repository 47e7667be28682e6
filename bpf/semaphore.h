/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Python 2's GIL is a semaphore, which the holder releases and takes back every so many bytecodes.
 * There is no mutex and no condition variable, but the interpreter's own functions are exported,
 * and called by name from another of its source files:
 *
 *	PyThread_acquire_lock(lock, 1)		about to take it: it is free, or a wait begins
 *		sem_wait() has returned 0	an acquisition
 *	PyThread_release_lock(lock)		a release
 *
 * If the second place cannot be found, PyThreadState_Swap(tstate) stands in for it: it follows at
 * once. The lock is not one of its arguments, so it is taken to be the lock that the thread last
 * tried to take.
 *
 * At the first place, the semaphore's own value says whether the GIL is free. Another thread may
 * still snatch it before this one takes it. This thread then goes to sleep, and its wait begins
 * there.
 *
 * No mutex is held at the beginning of a wait, so the GIL's record has several writers, and its
 * sequence count is also a spin lock. The owner of the lock may be preempted. Whoever spins in vain
 * gives up, and counts the edge as dropped.
 */
#ifndef SEMAPHORE_H
#define SEMAPHORE_H

#define SPINS 512 /* about 5 µs */

/*
 * Makes the sequence count odd. False if somebody else keeps it odd for too long. Each round of the
 * loop ends in a condition, a shape that every verifier accepts; GIL_VERIFIER_UNROLL is not meant
 * for so many rounds.
 */
static __noinline int lock_enter(__u32 lock_index, int spins)
{
	struct gil_lock *l = lock_at(lock_index);

	for (int i = 0; l && i < spins; i++) {
		__u32 even = *(volatile __u32 *)&l->seq & ~1U;

		if (__sync_val_compare_and_swap(&l->seq, even, even + 1) == even)
			return 1;
	}
	return 0;
}

/* Only the thread that has entered changes the count. */
static __always_inline void lock_leave(struct gil_lock *l)
{
	seq_step(&l->seq);
}

/* Applies one edge to the model and, while recording, writes it to the ring. */
static __always_inline struct gil_handoff step(struct gil_lock *l, struct gil_thread *t,
					       enum gil_edge_kind kind, __u32 flags, __u64 ts)
{
	const struct gil_edge e = {
		.ts = ts, .tid = t->tid, .kind = (__u16)kind, .flags = (__u16)flags};
	__u32 gone_seen = l->gone_seen;
	struct gil_handoff handoff = gil_model_step(l, t, &e);

	if (recording)
		stream_edge(l, t, kind, flags, l->gone_seen - gone_seen, ts);
	return handoff;
}

/* The thread has got the GIL that it was about to take. */
static __always_inline struct gil_handoff taken(struct gil_lock *l, struct gil_thread *t, __u64 now)
{
	struct gil_handoff handoff;

	if (t->state == GIL_THREAD_UNSEEN && !t->bpf.tried)
		step(l, t, GIL_EDGE_WAIT, 0, now); /* the wait began before the observation */
	t->bpf.tried = 0;
	handoff = step(l, t, GIL_EDGE_ACQUIRE, 0, now);
	l->bpf.last_record = t->bpf.record;
	return handoff;
}

/* The thread goes to sleep. If it has tried to take the GIL, its wait begins here. */
static __noinline int semaphore_sleeps(__u32 record)
{
	struct gil_thread *t = thread_at(record);
	struct gil_lock *l = t ? lock_at(t->lock) : NULL;
	__u64 now;

	if (!l || !lock_enter(t->lock, SPINS))
		return 0;
	seq_step(&t->seq);
	now = bpf_ktime_get_ns();
	if (recording)
		stream_ready(l, t, now);
	step(l, t, GIL_EDGE_WAIT, 0, now);
	t->bpf.tried = 0;
	seq_step(&t->seq);
	lock_leave(l);
	return 0;
}

/*
 * A release. If no acquisition was seen before it, there are two cases. The GIL may have been taken
 * without a swap of thread states where only the swap is probed, by the thread that makes the GIL
 * or by foreign code. The hold then began at the attempt if the GIL was free; otherwise the
 * beginning is not known, and `now` is used. Or the thread was already waiting when the observation
 * began, and its hold is partial.
 */
static __always_inline struct gil_handoff released(struct gil_lock *l, struct gil_thread *t,
						   __u64 now)
{
	struct gil_handoff handoff = {0};

	if (t->bpf.tried || t->state == GIL_THREAD_WAITING) {
		handoff = step(l, t, GIL_EDGE_ACQUIRE, 0, t->bpf.tried ? t->bpf.tried : now);
		l->bpf.last_record = t->bpf.record;
		t->bpf.tried = 0;
	} else if (t->state == GIL_THREAD_UNSEEN && l->state != GIL_LOCK_UNSEEN) {
		step(l, t, GIL_EDGE_RELEASE, GIL_EDGE_F_UNSEEN, now);
		return handoff;
	}
	step(l, t, GIL_EDGE_RELEASE, 0, now);
	return handoff;
}

static __always_inline int is_taken(__u32 site)
{
	return site == GIL_SITE_SEMAPHORE_TAKEN || site == GIL_SITE_SEMAPHORE_SWAP;
}

static __noinline int semaphore_edge(__u32 index, __u32 tid, __u32 site)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct gil_process *p = process_at(index);
	struct gil_handoff handoff = {0};
	struct gil_thread *t;
	struct gil_lock *l;
	__u64 now;

	l = p ? lock_at(p->lock[0].lock) : NULL;
	t = l ? thread_of(p, p->lock[0].lock, l, tid) : NULL;
	if (!t)
		return 0;
	if (is_taken(site) && t->state != GIL_THREAD_WAITING && !t->bpf.tried &&
	    (site == GIL_SITE_SEMAPHORE_TAKEN || t->state != GIL_THREAD_UNSEEN))
		return 0;
	if (!lock_enter(p->lock[0].lock, SPINS)) {
		/* The wait then begins when the thread falls asleep. */
		if (site == GIL_SITE_SEMAPHORE_ACQUIRE)
			t->bpf.tried = bpf_ktime_get_ns();
		else
			__sync_fetch_and_add(&p->dropped, 1);
		return 0;
	}
	seq_step(&t->seq);
	now = bpf_ktime_get_ns();
	if (recording)
		stream_ready(l, t, now);
	if (t->cpu != GIL_PART_ONCPU && gil_thread_is_timed(t))
		infer_switch_in(t, task, 1, now);
	if (site == GIL_SITE_SEMAPHORE_ACQUIRE)
		step(l, t, GIL_EDGE_WAIT, 0, now);
	else if (is_taken(site))
		handoff = taken(l, t, now);
	else
		handoff = released(l, t, now);
	seq_step(&t->seq);
	lock_leave(l);
	count_handoff(t->lock, &handoff);
	return 0;
}

/* The GIL looks free. What follows shows whether the thread gets it at once. */
static __noinline int semaphore_try(__u32 index, __u32 tid)
{
	struct gil_process *p = process_at(index);
	struct gil_thread *t;
	struct gil_lock *l;

	l = p ? lock_at(p->lock[0].lock) : NULL;
	t = l ? thread_of(p, p->lock[0].lock, l, tid) : NULL;
	if (t)
		t->bpf.tried = bpf_ktime_get_ns();
	return 0;
}

/*
 * A process that has not started a thread has no GIL. After it has made one, the first thing it
 * does is take it. A child made by fork makes its GIL anew.
 */
static __noinline int semaphore_enter(__u32 index, __u64 semaphore, __u32 value)
{
	struct gil_process *p = process_at(index);
	struct gil_tables *tab = the_tables();
	struct gil_lock *l;
	__u64 known = 0;
	__u32 i;

	if (!p || !tab || !p->semaphore_at ||
	    bpf_probe_read_user(&known, sizeof(known), (void *)p->semaphore_at) ||
	    known != semaphore || __sync_val_compare_and_swap(&p->entering, 0, 1))
		return 0;
	i = take_index(&free_locks, &tab->next_lock, max_locks, &tab->locks_full);
	l = lock_at(i);
	if (l) {
		gil_lock_begin(l, p->pid, semaphore, bpf_ktime_get_ns());
		l->bpf.born = value != 0;
		p->lock[0].lock = i;
		p->lock[0].interpreter = 0;
		p->lock[0].address = semaphore;
		p->nr_locks = 1;
		send_event(GIL_EVENT_SUB_GIL, p->pid, i, index, p->image,
			   (void *)bpf_get_current_task_btf());
	}
	__sync_val_compare_and_swap(&p->entering, 1, 0);
	return 0;
}

/* For all of these places. */
UPROBE_PROGRAM(on_semaphore, struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), pid_tgid = current_pid_tgid();
	struct gil_process *p = process_hit(cookie, pid_tgid, GIL_SOURCE_SEMAPHORE);
	__u32 site = GIL_COOKIE_KIND(cookie), tid = (__u32)pid_tgid, value = 0;
	__u64 first = first_argument(ctx, cookie);

	if (!p)
		return 0;
	__sync_fetch_and_add(&p->other_hits, 1); /* counts all hits, as not every hit is an edge */
	if (is_taken(site)) {
		/* A swap to no thread state, or an interrupted sem_wait, is no acquisition. */
		if (p->nr_locks &&
		    (site == GIL_SITE_SEMAPHORE_SWAP ? first != 0 : (__u32)PT_REGS_RC(ctx) == 0))
			semaphore_edge((__u32)cookie, tid, site);
		return 0;
	}
	if (site == GIL_SITE_SEMAPHORE_ACQUIRE || !p->nr_locks)
		bpf_probe_read_user(&value, sizeof(value), (void *)first);
	if (!p->nr_locks)
		semaphore_enter((__u32)cookie, first, value);
	if (!p->nr_locks || first != p->lock[0].address)
		return 0;
	if (site == GIL_SITE_SEMAPHORE_ACQUIRE && (__s32)value > 0)
		semaphore_try((__u32)cookie, tid);
	else
		semaphore_edge((__u32)cookie, tid, site);
	return 0;
}

#endif
