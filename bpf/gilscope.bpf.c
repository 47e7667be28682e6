// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The programs in the kernel. Each is thin: it turns the event it is attached to into an edge of
 * the model.
 *
 * Two probes are enough to see a GIL. Since 3.2, CPython builds its GIL from a mutex and a
 * condition variable, so whatever the compiler inlined or stripped, taking the GIL calls
 *
 *	pthread_cond_timedwait(gil + 32)	before it blocks: a slice of a wait
 *	pthread_cond_signal(gil + 120)		after it got the GIL: an acquisition
 *
 * and releasing it calls
 *
 *	pthread_cond_signal(gil + 32)		a release
 *
 * always while it holds the GIL's mutex. An interpreter with GIL probes of its own (USDT) reports
 * the same three edges by name. Python 2's GIL is a semaphore: see semaphore.h.
 *
 * The probes are attached to each target process separately. Their cookie has the index of the
 * process's record, which has so few GIL addresses that they are compared one by one, without a
 * hash lookup.
 *
 * preempt.h says what happens when such a program is preempted; gil_verifier.h says which code
 * shapes older verifiers need.
 */
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "gil_cookie.h"
#include "gil_event.h"
#include "gil_maps.h"
#include "gil_verifier.h"
#include "registers.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#include "tables.h"

#include "preempt.h"

#include "stream.h"

#include "threads.h"

/* ---- the GIL ---- */

static __always_inline int drop_requested(const struct gil_process *p, __u64 gil)
{
	const struct gil_drop_request *d = &p->drop_request;
	struct gil_tables *tab;
	__u64 at = d->address;
	__u32 word = 0;

	if (!d->known)
		goto unread;
	if (!at) {
		if (bpf_probe_read_user(&at, sizeof(at), (void *)(gil + GIL_OFFSET_LAST_HOLDER)))
			goto unread;
		if (d->indirect &&
		    bpf_probe_read_user(&at, sizeof(at), (void *)(at + d->offset[0])))
			goto unread;
		at += d->indirect ? d->offset[1] : d->offset[0];
	}
	if (bpf_probe_read_user(&word, sizeof(word), (void *)at))
		goto unread;
	return word & 1;
unread:
	tab = the_tables();
	if (tab)
		__sync_fetch_and_add(&tab->requests_unread, 1);
	return 0;
}

/* Adds to a sum. Where the GIL's mutex is held, nobody else updates this entry; elsewhere others may. */
static __noinline int count_sum(__u32 lock_index, __u32 kind, __u64 key, __u64 ns)
{
	struct gil_sum_key k = {.lock = lock_index, .kind = kind, .key = key};
	struct gil_sum_value *sum = bpf_map_lookup_elem(&sums, &k);
	struct gil_sum_value first = {.count = 1, .ns = ns};
	struct gil_tables *tab;

	if (!sum) {
		if (!bpf_map_update_elem(&sums, &k, &first, BPF_NOEXIST))
			return 0;
		sum = bpf_map_lookup_elem(&sums, &k);
	}
	if (sum) {
		__sync_fetch_and_add(&sum->count, 1);
		__sync_fetch_and_add(&sum->ns, ns);
		return 0;
	}
	tab = the_tables();
	if (tab)
		__sync_fetch_and_add(&tab->sums_full, 1);
	return 0;
}

/* The same for a handoff, if there is one. */
static __always_inline void count_handoff(__u32 lock_index, const struct gil_handoff *h)
{
	if (gil_rarely(h->count))
		count_sum(lock_index, GIL_SUM_HANDOFFS, gil_pair(h->from, h->to), h->wait_ns);
}

/* An argument of the USDT probe that has fired. */
static __always_inline __u64 argument(struct pt_regs *ctx, const struct gil_argument *a)
{
	__u64 size = a->size, value = 0, word;

	GIL_VERIFIER_BELOW(size, 9);

	if (a->kind == GIL_ARGUMENT_CONSTANT)
		return a->value;
	word = gil_register(ctx, a->word);
	if (a->kind == GIL_ARGUMENT_REGISTER)
		value = size == 8 ? word : word & ((1ULL << (8 * size)) - 1);
	else if (bpf_probe_read_user(&value, size, (void *)(word + a->value)))
		value = 0;
	/* Addresses are compared, and flags tested for 0, so the sign does not matter. */
	return value;
}

/*
 * What a probe hit means. It holds a copy of the GIL as read from the process's record. The
 * verifier then cannot tell from which place in the record the GIL came, and walks the code after
 * the search once instead of once per place.
 */
struct hit {
	enum gil_edge_kind kind;
	__u32 tid;
	__u32 lock; /* index of the GIL's record */
	__u64 address;
	struct pt_regs *ctx;
	const struct gil_argument *requested; /* USDT only */
};

/* True if this edge was already reported by the other source, while two sources count. */
static __always_inline int is_told(const struct gil_lock *l, const struct gil_thread *t,
				   enum gil_edge_kind kind)
{
	if (kind == GIL_EDGE_ACQUIRE)
		return t->state == GIL_THREAD_HOLDING;
	if (kind == GIL_EDGE_RELEASE)
		return t->state != GIL_THREAD_HOLDING && l->state != GIL_LOCK_UNSEEN;
	return t->state == GIL_THREAD_WAITING;
}

/* True if the GIL of a free-threaded build has been turned off: its waiters give up. */
static __noinline int is_off(__u64 gil)
{
	int enabled = 1;

	bpf_probe_read_user(&enabled, sizeof(enabled), (void *)(gil + GIL_OFFSET_ENABLED));
	return !enabled;
}

static __always_inline int is_no_edge(const struct gil_process *p, const struct gil_lock *l,
				      const struct gil_thread *t, const struct hit *hit)
{
	if (gil_rarely(p->sources & GIL_SOURCE_TAKEOVER))
		return is_told(l, t, hit->kind);
	if (hit->requested || hit->kind != GIL_EDGE_RELEASE)
		return 0;
	if (gil_rarely(p->free_threaded) && t->state != GIL_THREAD_HOLDING &&
	    l->state != GIL_LOCK_UNSEEN)
		return t->state != GIL_THREAD_WAITING || !is_off(hit->address);
	return !gil_model_is_release(l, t);
}

static __always_inline int is_requested(const struct gil_process *p, const struct hit *hit)
{
	if (hit->requested)
		return argument(hit->ctx, hit->requested) != 0;
	return drop_requested(p, hit->address);
}

static __always_inline void edge(struct gil_process *p, const struct hit *hit)
{
	struct gil_handoff handoff = {0};
	struct gil_lock *l = lock_at(hit->lock);
	struct gil_thread *t;
	int requested = 0;
	__u32 gone_seen;
	__u64 now;

	if (!l)
		return;
	t = thread_of(p, hit->lock, l, hit->tid);
	if (!t)
		return;
	if (gil_rarely(is_no_edge(p, l, t, hit))) {
		__sync_fetch_and_add(&p->other_hits, 1);
		return;
	}
	seq_step(&l->seq);
	seq_step(&t->seq);
	now = bpf_ktime_get_ns();
	if (recording)
		stream_ready(l, t, now);
	if (gil_rarely(t->cpu != GIL_PART_ONCPU && gil_thread_is_timed(t)))
		infer_switch_in(t, bpf_get_current_task_btf(), 1, now);
	gone_seen = l->gone_seen;
	if (hit->kind == GIL_EDGE_WAIT) {
		gil_model_wait(l, t, now);
	} else if (hit->kind == GIL_EDGE_ACQUIRE) {
		handoff = gil_model_acquire(l, t, now);
		l->bpf.last_record = t->bpf.record;
	} else {
		/* Reading user memory twice costs more than everything else here. Without waiters
		 * nobody can have requested the release. */
		requested = gil_model_has_waiters(l) && is_requested(p, hit);
		gil_model_release(l, t, requested, now);
	}
	if (recording)
		stream_edge(l, t, hit->kind, requested ? GIL_EDGE_F_REQUESTED : 0,
			    l->gone_seen - gone_seen, now);
	seq_step(&t->seq);
	seq_step(&l->seq);
	count_handoff(hit->lock, &handoff);
}

/*
 * For a process whose GIL is not known yet. In a starting interpreter, the first condition variable
 * to be signalled is the GIL's: take_gil signals switch_cond. Edges are kept on that assumption
 * while user space looks up the true address. If it differs, the record is thrown away.
 */
static __noinline int suppose_gil(__u32 index, __u64 address)
{
	struct gil_process *p = process_at(index);
	struct gil_tables *tab = the_tables();
	struct gil_lock *l;
	__u32 i;

	if (!p || !tab)
		return 0;
	/* User space may be entering the GIL at this moment; only one of the two succeeds. */
	if (__sync_val_compare_and_swap(&p->state, GIL_PROCESS_NEW, GIL_PROCESS_SUPPOSING) !=
	    GIL_PROCESS_NEW)
		return 0;
	i = take_index(&free_locks, &tab->next_lock, max_locks, &tab->locks_full);
	l = lock_at(i);
	if (!l)
		return 0;
	gil_lock_begin(l, p->pid, address, bpf_ktime_get_ns());
	p->lock[0].lock = i;
	p->lock[0].interpreter = 0;
	p->lock[0].address = address;
	p->nr_locks = 1;
	p->state = GIL_PROCESS_TRACED;
	send_event(GIL_EVENT_NEW_GIL, p->pid, 0, index, p->image,
		   (void *)bpf_get_current_task_btf());
	return 0;
}

#include "sub_gil.h"

/* The index of the record of the process's GIL at this address, or GIL_NONE. */
static __always_inline __u32 lock_of(const struct gil_process *p, __u64 address)
{
	GIL_VERIFIER_UNROLL
	for (__u32 i = 0; i < GIL_PROCESS_LOCKS; i++) {
		if (i >= p->nr_locks)
			break;
		if (p->lock[i].address == address)
			return p->lock[i].lock;
	}
	return GIL_NONE;
}

/* Finds the GIL that this condition variable belongs to, and what its signal means; false if there
 * is none. If a new GIL has replaced that of an ended sub-interpreter, the old one is forgotten. */
static __always_inline int is_signal(struct gil_process *p, __u64 cond, struct hit *hit)
{
	GIL_VERIFIER_UNROLL
	for (__u32 i = 0; i < GIL_PROCESS_LOCKS; i++) {
		__u64 address;

		if (i >= p->nr_locks)
			break;
		address = p->lock[i].address;
		hit->lock = p->lock[i].lock;
		if (cond == address + GIL_OFFSET_SWITCH_COND) {
			if (gil_rarely(i) && is_replaced(&p->finder, &p->lock[i])) {
				p->lock[i].address = 0;
				continue;
			}
			hit->kind = GIL_EDGE_ACQUIRE;
			hit->address = cond - GIL_OFFSET_SWITCH_COND;
			return 1;
		}
		if (cond == address + GIL_OFFSET_COND) {
			hit->kind = GIL_EDGE_RELEASE;
			hit->address = cond - GIL_OFFSET_COND;
			return 1;
		}
	}
	return 0;
}

static __always_inline void signal_hit(struct gil_process *p, __u32 index, __u64 cond, __u32 tid)
{
	struct hit hit = {.tid = tid};

	if (gil_rarely(p->state == GIL_PROCESS_NEW))
		suppose_gil(index, cond - GIL_OFFSET_SWITCH_COND);
	if (gil_rarely(!is_signal(p, cond, &hit))) {
		hit.kind = GIL_EDGE_ACQUIRE;
		hit.address = cond - GIL_OFFSET_SWITCH_COND;
		hit.lock = find_sub_gil(index, hit.address);
	}
	if (gil_rarely(hit.lock == GIL_NONE))
		__sync_fetch_and_add(&p->other_hits, 1);
	else
		edge(p, &hit);
}

/* Out of line, to keep the path for signals short: they come at every acquisition and release. */
static __noinline int timedwait_hit(struct gil_process *p, __u64 cond, __u32 tid)
{
	struct hit hit = {.kind = GIL_EDGE_WAIT,
			  .tid = tid,
			  .address = cond - GIL_OFFSET_COND,
			  .lock = GIL_NONE};

	hit.lock = lock_of(p, hit.address);
	if (hit.lock == GIL_NONE)
		__sync_fetch_and_add(&p->other_hits, 1);
	else
		edge(p, &hit);
	return 0;
}

/* Same as bpf_get_current_pid_tgid(), which kernels do not inline, but without the call. */
static __always_inline __u64 current_pid_tgid(void)
{
	const struct task_struct *task = bpf_get_current_task_btf();

	return (__u64)task->tgid << 32 | (__u32)task->pid;
}

/*
 * The process that a hit belongs to; NULL if the hit does not count. A child that shares its
 * parent's memory (vfork) is a different process, and its hits are not its parent's.
 */
static __always_inline struct gil_process *process_hit(__u64 cookie, __u64 pid_tgid, __u32 source)
{
	struct gil_process *p = process_at((__u32)cookie);

	if (!p || p->state == GIL_PROCESS_QUIET || pid_tgid >> 32 != p->pid)
		return NULL;
	if (gil_rarely(!(p->sources & source))) {
		__sync_fetch_and_add(&p->other_hits, 1);
		return NULL;
	}
	return p;
}

/* The first argument of the probed function. On arm64 a probe may be placed where another register
 * has the argument (see cheap_site.h); the cookie has that register's number. */
static __always_inline __u64 first_argument(struct pt_regs *ctx, __u64 cookie)
{
#if defined(__TARGET_ARCH_arm64)
	return gil_register(ctx, GIL_COOKIE_ARGUMENTS(cookie));
#else
	(void)cookie;
	return PT_REGS_PARM1(ctx);
#endif
}

/* For both functions of libc: as one program, so that one uprobe_multi link can carry both. */
UPROBE_PROGRAM(on_cond, struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx); /* Linux 5.15 */
	__u64 pid_tgid = current_pid_tgid();
	struct gil_process *p = process_hit(cookie, pid_tgid, GIL_SOURCE_COND);
	__u64 cond;

	if (!p)
		return 0;
	cond = first_argument(ctx, cookie);
	if (gil_rarely(GIL_COOKIE_KIND(cookie) == GIL_SITE_COND_TIMEDWAIT))
		timedwait_hit(p, cond, (__u32)pid_tgid);
	else
		signal_hit(p, (__u32)cookie, cond, (__u32)pid_tgid);
	return 0;
}

/* For the three probes that an interpreter itself may have, wherever the compiler put them. */
UPROBE_PROGRAM(on_usdt, struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx);
	__u64 pid_tgid = current_pid_tgid();
	struct gil_process *p = process_hit(cookie, pid_tgid, GIL_SOURCE_USDT);
	__u32 which = GIL_COOKIE_ARGUMENTS(cookie), kind = GIL_COOKIE_KIND(cookie);
	struct gil_arguments *a = bpf_map_lookup_elem(&arguments, &which);
	struct hit hit = {.tid = (__u32)pid_tgid, .ctx = ctx};

	if (!p || !a)
		return 0;
	hit.requested = &a->requested;
	hit.address = argument(ctx, &a->gil);
	if (gil_rarely(p->state == GIL_PROCESS_NEW && kind == GIL_SITE_USDT_ACQUIRE))
		suppose_gil((__u32)cookie, hit.address);
	hit.lock = lock_of(p, hit.address);
	if (kind == GIL_SITE_USDT_WAIT)
		hit.kind = GIL_EDGE_WAIT;
	else if (kind == GIL_SITE_USDT_ACQUIRE)
		hit.kind = GIL_EDGE_ACQUIRE;
	else
		hit.kind = GIL_EDGE_RELEASE;
	if (hit.lock == GIL_NONE)
		__sync_fetch_and_add(&p->other_hits, 1);
	else
		edge(p, &hit);
	return 0;
}

#include "semaphore.h"

/* The cost of an empty uprobe: the floor that `make bench` compares with. */
SEC("uprobe")
int on_nothing(struct pt_regs *ctx __attribute__((unused)))
{
	return 0;
}

#include "blame.h"

#include "futex.h"

#include "scheduler.h"

#include "lifecycle.h"
