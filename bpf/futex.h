/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Waits for a GIL without any probe in the process. Included by gilscope.bpf.c alone.
 *
 * A thread that waits for a GIL sleeps in futex(FUTEX_WAIT_BITSET) on a word inside the GIL's condition
 * variable: which one differs between releases of glibc, and does not matter. When the scheduler takes
 * the thread off its CPU, its user registers still have the system call's number and that address.
 *
 *	goes to sleep there		a wait begins, or goes on
 *	runs again			WOKEN: it may have got the GIL (gil_waits.h)
 *	then sleeps somewhere else,
 *	or wakes another waiter		GOT: it had got the GIL when it was woken
 *	then sleeps there again		it did not get it, and the wait goes on; or it did, let it go, and
 *					another wait begins
 *
 * Whoever wakes a thread from there lets the GIL go. Its own memory then says whether a waiter had asked
 * for that. If nobody was asleep, and a waiter had asked, it sleeps on the GIL's other condition variable
 * until another thread has taken the GIL.
 *
 * Two things tell whether a thread has had the GIL that is found asleep there again. A thread that has
 * woken another waiter has. So has one that was woken by who let the GIL go, if the GIL has changed
 * hands twice since anybody looked: to this thread and to the next. A thread that the timer has woken only asks for the
 * GIL, and waits on. A thread that loses its CPU, or sleeps on the GIL's mutex, is compared with the
 * GIL's last_holder.
 *
 * No mutex is held at any of these, so the GIL's sequence count is also a lock, as in semaphore.h. All of
 * this runs with interrupts off. The lock is not to be had only if the host of a virtual machine has taken
 * away the CPU of its owner. The edge is then applied later, or counted as dropped.
 */
#ifndef FUTEX_H
#define FUTEX_H

#define FUTEX_WAIT        0U
#define FUTEX_WAKE        1U
#define FUTEX_WAIT_BITSET 9U
#define FUTEX_COMMAND     127U /* without FUTEX_PRIVATE_FLAG and FUTEX_CLOCK_REALTIME */

/* Of a condition variable. */
#define COND_SIZE 48

/* A thread that finds out that it has not got the GIL needs less time than this. */
#define FUTEX_RETRY_NS 50000ULL

/* Nobody who has the lock loses the CPU. */
#define FUTEX_SPINS 128

const volatile __u8 futex = 0; /* set by the loader: some processes have this source */

struct futex_call {
	__u64 address;
	__u32 command;
};

/* The futex call in which the thread is. False if it is in none. The only code here that depends on the
 * architecture. */
static __always_inline int futex_call(struct task_struct *task, struct futex_call *c)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task); /* Linux 5.15 */

#if defined(__TARGET_ARCH_x86)
	if (regs->orig_ax != 202)
		return 0;
	c->address = regs->di;
	c->command = (__u32)regs->si & FUTEX_COMMAND;
#else
	if (((struct pt_regs___kernel *)regs)->syscallno != 98)
		return 0;
	c->address = ((struct pt_regs___kernel *)regs)->orig_x0;
	c->command = (__u32)regs->user_regs.regs[1] & FUTEX_COMMAND;
#endif
	return 1;
}

enum futex_place {
	FUTEX_ELSEWHERE = 0,
	FUTEX_ON_COND,
	FUTEX_ON_SWITCH_COND,
	FUTEX_ON_MUTEX, /* or in glibc's work on the condition variable, where it waits for others */
};

/* The word at which a thread sleeps, and the GIL that it belongs to. */
struct futex_site {
	__u32 place; /* enum futex_place */
	__u32 lock;  /* index of the GIL's record */
};

static __always_inline void futex_site(const struct gil_process *p, const struct futex_call *c,
				       struct futex_site *site)
{
	int bitset = c->command != FUTEX_WAIT;

	site->place = FUTEX_ELSEWHERE;
	site->lock = GIL_NONE;
	GIL_VERIFIER_UNROLL
	for (__u32 i = 0; i < GIL_PROCESS_LOCKS; i++) {
		__u64 gil, at;

		if (i >= p->nr_locks)
			break;
		gil = p->lock[i].address;
		at = c->address - gil;
		if (!gil || at < GIL_OFFSET_COND || at >= GIL_OFFSET_SWITCH_COND + COND_SIZE)
			continue;
		site->lock = p->lock[i].lock;
		if (at >= GIL_OFFSET_SWITCH_COND)
			site->place = bitset ? FUTEX_ON_SWITCH_COND : FUTEX_ELSEWHERE;
		else
			site->place = bitset && at < GIL_OFFSET_COND + COND_SIZE ? FUTEX_ON_COND
										 : FUTEX_ON_MUTEX;
	}
}

/* The process of a task, if its waits are seen here. */
static __always_inline struct gil_process *futex_process(const struct task_struct *task)
{
	__u32 pid = task->tgid, *index = bpf_map_lookup_elem(&process_of, &pid);
	struct gil_process *p = index ? process_at(*index) : NULL;

	return p && p->state == GIL_PROCESS_TRACED && p->sources & GIL_SOURCE_FUTEX ? p : NULL;
}

/* Looks how often the GIL of the current thread's process has changed hands. Returns how often it has
 * since somebody looked last. */
static __always_inline __u64 futex_switches(struct gil_lock *l)
{
	__u64 before = l->switches, n;

	if (bpf_probe_read_user(&n, sizeof(n), (void *)(l->address + GIL_OFFSET_SWITCHES)))
		return 0;
	l->switches = n;
	return n > before ? n - before : 0;
}

/* 1 if the current thread, which is `task`, was the last to get the GIL, 0 if not, -1 if that is not
 * known. */
static __always_inline int futex_is_holder(const struct gil_process *p, __u64 gil,
					   struct task_struct *task)
{
	__u64 holder = 0, id = 0;

	if (!p->thread_native_id ||
	    bpf_probe_read_user(&holder, sizeof(holder), (void *)(gil + GIL_OFFSET_LAST_HOLDER)) ||
	    bpf_probe_read_user(&id, sizeof(id), (void *)(holder + p->thread_native_id)))
		return -1;
	return id == blame_own_tid(task);
}

static __always_inline void futex_dropped(struct gil_thread *t)
{
	__u32 pid = t->pid, *index = bpf_map_lookup_elem(&process_of, &pid);
	struct gil_process *p = index ? process_at(*index) : NULL;

	if (p)
		__sync_fetch_and_add(&p->dropped, 1);
}

/* One edge of the thread's GIL, at `ts`. */
static __noinline int futex_edge(struct gil_thread *t, __u32 kind, __u32 flags, __u64 ts)
{
	struct gil_handoff handoff;
	struct gil_lock *l;

	if (!t)
		return 0;
	l = lock_at(t->lock);
	if (!l)
		return 0;
	if (!lock_enter(t->lock, FUTEX_SPINS)) {
		/* What is not applied to a thread that waits is found out when it leaves its CPU
		 * next. */
		if (kind == GIL_EDGE_LET_GO ||
		    (kind == GIL_EDGE_WAIT && t->state != GIL_THREAD_WOKEN))
			futex_dropped(t);
		return 0;
	}
	seq_step(&t->seq);
	if (recording)
		stream_ready(l, t, ts);
	handoff = step(l, t, kind, flags, ts);
	seq_step(&t->seq);
	lock_leave(l);
	count_handoff(t->lock, &handoff);
	return 0;
}

/* The thread, which was believed to sleep in its wait, runs: the switch was not seen, or WOKEN was
 * dropped. */
static __always_inline void futex_catch_up(struct gil_thread *t, struct task_struct *task,
					   __u64 now)
{
	if (t->cpu != GIL_PART_ONCPU) {
		seq_step(&t->seq);
		infer_switch_in(t, task, 0, now);
		seq_step(&t->seq);
	}
	futex_edge(t, GIL_EDGE_WOKEN, 0, t->mark);
}

/* True if the thread, which has been woken and now leaves its CPU, had got the GIL. -1: not known. */
static __always_inline int futex_had_gil(const struct gil_process *p, struct gil_thread *t,
					 const struct futex_site *site, int sleeps,
					 struct task_struct *task, __u64 now)
{
	struct gil_lock *l = lock_at(t->lock);
	int has;

	if (!l || (sleeps && (site->place == FUTEX_ELSEWHERE || site->lock != t->lock ||
			      site->place == FUTEX_ON_SWITCH_COND)))
		return 1;
	if (sleeps && site->place == FUTEX_ON_COND)
		return t->bpf.handed && futex_switches(l) >= 2;
	has = futex_is_holder(p, l->address, task);
	/* Another thread's tells too little: this one may have had it and let it go. */
	if (has < 0 && sleeps && gil_elapsed(t->woken.at, now) < FUTEX_RETRY_NS)
		has = 0;
	if (!has)
		futex_switches(l);
	return has;
}

/* The flags of GOT for the current thread, which has the GIL or has just let it go. It was handed over by
 * who let it go last, if it has changed hands only once since. */
static __always_inline __u32 futex_giver(const struct gil_lock *l)
{
	return l->switches - l->let_go == 1 ? 0 : GIL_EDGE_F_UNSEEN;
}

/* The current thread has let the GIL go because a waiter had asked, and sleeps until that is taken. */
static __always_inline void futex_forced(struct gil_lock *l, struct gil_thread *t, __u64 now)
{
	futex_switches(l);
	/* If that has woken a waiter, it has been seen, and nobody has taken the GIL since. */
	if (t->woken.let_go == l->switches)
		return;
	t->woken.let_go = l->let_go = l->switches;
	futex_edge(t, GIL_EDGE_LET_GO, GIL_EDGE_F_REQUESTED, now);
}

/* The current thread leaves its CPU. `sleeps`: it was not taken away. True if it has a record that was
 * not there before. */
static __noinline int futex_leave(struct task_struct *task, struct gil_thread *t, int sleeps)
{
	struct futex_site site = {.place = FUTEX_ELSEWHERE};
	struct futex_call call = {};
	struct gil_process *p;
	struct gil_lock *l;
	__u64 now;
	int waits, had;

	if (!known_processes[task->tgid & (GIL_KNOWN - 1)])
		return 0;
	waits = sleeps && futex_call(task, &call) &&
		(call.command == FUTEX_WAIT_BITSET || call.command == FUTEX_WAIT);
	if (!waits && !t)
		return 0;
	p = futex_process(task);
	if (!p)
		return 0;
	if (waits)
		futex_site(p, &call, &site);
	now = bpf_ktime_get_ns();
	if (t && t->state == GIL_THREAD_WAITING)
		futex_catch_up(t, task, now);
	if (t && t->state == GIL_THREAD_WOKEN) {
		had = futex_had_gil(p, t, &site, sleeps, task, now);
		if (had > 0)
			futex_edge(t, GIL_EDGE_GOT, 0, now);
		else if (!had)
			futex_edge(t, GIL_EDGE_WAIT, 0, now);
	}
	if (site.place == FUTEX_ELSEWHERE || site.place == FUTEX_ON_MUTEX || is_frozen())
		return 0;
	l = lock_at(site.lock);
	t = l ? thread_of(p, site.lock, l, task->pid) : NULL;
	if (!t)
		return 0;
	t->bpf.futex = 1;
	if (site.place == FUTEX_ON_SWITCH_COND) {
		futex_forced(l, t, now);
		return 0;
	}
	futex_switches(l);
	t->bpf.handed = 0;
	if (t->state != GIL_THREAD_WAITING)
		futex_edge(t, GIL_EDGE_WAIT, 0, now);
	return 1;
}

/* A thread of an observed process wakes one that sleeps on its GIL's condition variable. */
SEC("tp_btf/sched_waking")
int on_waking(__u64 *ctx)
{
	struct task_struct *task = (struct task_struct *)ctx[0], *own = bpf_get_current_task_btf();
	struct futex_call call, sleeper;
	struct futex_site site;
	struct gil_process *p;
	struct gil_thread *t;
	struct gil_lock *l;
	int requested;
	__u32 giver;
	__u64 now;

	if (task->tgid != own->tgid || !known_processes[own->tgid & (GIL_KNOWN - 1)] ||
	    !futex_call(own, &call) || call.command != FUTEX_WAKE)
		return 0;
	p = futex_process(own);
	if (!p || is_frozen())
		return 0;
	futex_site(p, &call, &site);
	l = lock_at(site.lock);
	if (site.place != FUTEX_ON_COND || !l)
		return 0;
	/* glibc also wakes those who wait in its own work on the condition variable, and a waiter may
	 * pass on a wake-up that was meant for another one. */
	if (!futex_call(task, &sleeper) || sleeper.command != FUTEX_WAIT_BITSET ||
	    !futex_is_holder(p, l->address, own))
		return 0;
	futex_switches(l);
	giver = futex_giver(l);
	l->let_go = l->switches;
	requested = drop_requested(p, l->address);
	t = record_of(task);
	if (t && t->lock == site.lock)
		t->bpf.handed = 1;
	t = thread_of(p, site.lock, l, own->pid);
	if (!t)
		return 0;
	now = bpf_ktime_get_ns();
	if (t->state == GIL_THREAD_WOKEN)
		futex_edge(t, GIL_EDGE_GOT, giver, now);
	t->woken.let_go = l->switches;
	futex_edge(t, GIL_EDGE_LET_GO, requested ? GIL_EDGE_F_REQUESTED : 0, now);
	return 0;
}

#endif
