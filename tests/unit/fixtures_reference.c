// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "fixtures_reference.h"

/* An interval of a thread between two edges; `to` is run->nr if it does not end. */
struct span {
	size_t from;
	size_t to;
};

static bool is_gil_edge(const struct gil_edge *e)
{
	return e->kind == GIL_EDGE_WAIT || e->kind == GIL_EDGE_ACQUIRE ||
	       e->kind == GIL_EDGE_RELEASE;
}

/* The first edge of that kind and thread from i on, or run->nr. */
static size_t next(const struct run *run, size_t i, __u32 tid, enum gil_edge_kind kind)
{
	while (i < run->nr && !(run->edges[i].tid == tid && run->edges[i].kind == kind))
		i++;
	return i;
}

/* The thread's last edge about the GIL before i, or run->nr. */
static size_t previous_of(const struct run *run, size_t i, __u32 tid)
{
	while (i--) {
		if (run->edges[i].tid == tid && is_gil_edge(&run->edges[i]))
			return i;
	}
	return run->nr;
}

/* The last acquisition or release of the GIL before i, or run->nr. */
static size_t previous_turn(const struct run *run, size_t i)
{
	while (i--) {
		if (run->edges[i].kind == GIL_EDGE_ACQUIRE ||
		    run->edges[i].kind == GIL_EDGE_RELEASE)
			return i;
	}
	return run->nr;
}

/* True if this edge is the first of a wait, rather than a further slice of one. */
static bool begins_wait(const struct run *run, size_t i)
{
	size_t before = previous_of(run, i, run->edges[i].tid);

	return run->edges[i].kind == GIL_EDGE_WAIT &&
	       (before == run->nr || run->edges[before].kind != GIL_EDGE_WAIT);
}

/* The first slice of the wait that ends with acquisition i, or run->nr if there was none. */
static size_t beginning_of_wait(const struct run *run, size_t i)
{
	size_t slice = previous_of(run, i, run->edges[i].tid);

	if (slice == run->nr || run->edges[slice].kind != GIL_EDGE_WAIT)
		return run->nr;
	while (!begins_wait(run, slice))
		slice = previous_of(run, slice, run->edges[slice].tid);
	return slice;
}

/* True if the beginning of a wait is certain, because the thread had produced an edge before. */
static bool is_partial(const struct run *run, size_t i)
{
	return run->attached && previous_of(run, i, run->edges[i].tid) == run->nr;
}

/* The parts of a span: between two edges, the thread was where the earlier one had put it. */
static void split(const struct run *run, struct span s, __u64 *part)
{
	__u32 tid = run->edges[s.from].tid;
	enum gil_part at = GIL_PART_ONCPU;
	__u64 since = run->edges[s.from].ts;

	memset(part, 0, GIL_PARTS * sizeof(*part));
	for (size_t i = s.from + 1; i <= s.to; i++) {
		const struct gil_edge *e = &run->edges[i];

		if (e->tid != tid)
			continue;
		part[at] += e->ts - since;
		since = e->ts;
		if (e->kind == GIL_EDGE_SWITCH_IN)
			at = GIL_PART_ONCPU;
		else if (e->kind == GIL_EDGE_SWITCH_OUT)
			at = e->flags & GIL_EDGE_F_RUNNABLE ? GIL_PART_RUNNABLE : GIL_PART_BLOCKED;
		else if (e->kind == GIL_EDGE_WAKE && at == GIL_PART_BLOCKED)
			at = GIL_PART_RUNNABLE;
	}
}

static __u64 length(const struct run *run, struct span s)
{
	return run->edges[s.to].ts - run->edges[s.from].ts;
}

static void add_parts(__u64 *sum, const __u64 *part)
{
	for (int i = 0; i < GIL_PARTS; i++)
		sum[i] += part[i];
}

static __u64 end_of_wait(const struct run *run, size_t i);

/* How long others waited between edges `from` and `to`: the union of their waits. */
static __u64 waited_within(const struct run *run, struct span s)
{
	__u64 covered = run->edges[s.from].ts, waited = 0;

	for (size_t i = 0; i < s.to; i++) {
		__u64 to, from = run->edges[i].ts;

		if (!begins_wait(run, i))
			continue;
		to = end_of_wait(run, i);
		if (to > run->edges[s.to].ts)
			to = run->edges[s.to].ts;
		from = from > covered ? from : covered;
		waited += to > from ? to - from : 0;
		covered = to > covered ? to : covered;
	}
	return waited;
}

/* When the hold was asked to end: at the first slice that follows another one of the same wait
 * within the hold. 0 if it was not asked. */
static __u64 asked_at(const struct run *run, struct span s)
{
	for (size_t i = s.from + 1; i < s.to; i++) {
		size_t before = previous_of(run, i, run->edges[i].tid);

		if (run->edges[i].kind == GIL_EDGE_WAIT && !begins_wait(run, i) &&
		    run->edges[before].ts >= run->edges[s.from].ts)
			return run->edges[i].ts;
	}
	return 0;
}

static void count_waited_for(const struct run *run, struct gil_figures *f, struct span s,
			     const __u64 *part)
{
	__u64 waited = waited_within(run, s), asked = asked_at(run, s), end = run->edges[s.to].ts;
	__u64 asleep = part[GIL_PART_BLOCKED];

	f->waited_for_ns += waited;
	f->waited_for_asleep_ns += asleep < waited ? asleep : waited;
	if (asked && end >= asked + part[GIL_PART_RUNNABLE] + GIL_OVERDUE_LEAST_NS)
		f->overdue_ns += end - asked - part[GIL_PART_RUNNABLE];
}

static void count_hold(const struct run *run, struct outcome *o, struct span s)
{
	struct gil_figures *f[] = {&o->fig, &o->threads[run->edges[s.from].tid].fig};
	__u64 part[GIL_PARTS];

	split(run, s, part);
	for (int i = 0; i < 2; i++) {
		f[i]->releases++;
		f[i]->requested_releases += !!(run->edges[s.to].flags & GIL_EDGE_F_REQUESTED);
		gil_hist_add(&f[i]->hold, length(run, s));
		add_parts(f[i]->hold_part, part);
		count_waited_for(run, f[i], s, part);
	}
}

static void count_wait(const struct run *run, struct outcome *o, struct span s)
{
	struct gil_figures *f[] = {&o->fig, &o->threads[run->edges[s.from].tid].fig};
	__u64 part[GIL_PARTS];

	split(run, s, part);
	for (int i = 0; i < 2; i++) {
		f[i]->contended++;
		gil_hist_add(&f[i]->wait, length(run, s));
		add_parts(f[i]->wait_part, part);
	}
}

/* True if acquisition i is a handoff: another thread released last, while this one was waiting. */
static bool is_handoff(const struct run *run, size_t i)
{
	size_t turn = previous_turn(run, i), wait = beginning_of_wait(run, i);

	return turn < run->nr && wait < run->nr && run->edges[turn].kind == GIL_EDGE_RELEASE &&
	       run->edges[turn].tid != run->edges[i].tid &&
	       run->edges[wait].ts <= run->edges[turn].ts;
}

static void count_acquisition(const struct run *run, struct outcome *o, size_t i)
{
	const struct gil_edge *e = &run->edges[i];
	size_t wait = beginning_of_wait(run, i), release = next(run, i, e->tid, GIL_EDGE_RELEASE);
	bool partial = wait < run->nr && is_partial(run, wait);

	o->fig.acquisitions++;
	o->threads[e->tid].fig.acquisitions++;
	if (wait < run->nr && !partial)
		count_wait(run, o, (struct span){wait, i});
	o->lock.partial_waits += partial;
	if (partial) {
		o->fig.partial_wait_ns += length(run, (struct span){wait, i});
		o->threads[e->tid].fig.partial_wait_ns += length(run, (struct span){wait, i});
	}
	if (release < run->nr) {
		count_hold(run, o, (struct span){i, release});
		o->lock.held_ns += run->edges[release].ts - e->ts;
	}
	o->held_ns += (release < run->nr ? run->edges[release].ts : run->end) - e->ts;
	if (is_handoff(run, i)) {
		const struct gil_edge *from = &run->edges[previous_turn(run, i)];

		o->pairs[from->tid][e->tid]++;
		gil_hist_add(&o->lock.handoff, e->ts - from->ts);
		if (!partial)
			o->pair_wait_ns += e->ts - run->edges[wait].ts;
	}
}

/*
 * Where a wait ends for the integrals: at the acquisition; if the thread dies, at the next
 * acquisition, release or beginning of a wait after that; otherwise at the end.
 */
static __u64 end_of_wait(const struct run *run, size_t i)
{
	size_t acquired = next(run, i, run->edges[i].tid, GIL_EDGE_ACQUIRE);
	size_t died = next(run, i, run->edges[i].tid, GIL_EDGE_EXIT);

	if (acquired < run->nr)
		return run->edges[acquired].ts;
	for (size_t j = died; j < run->nr; j++) {
		const struct gil_edge *e = &run->edges[j];

		if (e->kind == GIL_EDGE_ACQUIRE || e->kind == GIL_EDGE_RELEASE ||
		    begins_wait(run, j))
			return e->ts;
	}
	return run->end;
}

/* Adds the part of a wait for which nobody had the GIL, or nothing was known about it. Both lie
 * between two acquisitions or releases. */
static void count_unheld(const struct run *run, struct outcome *o, size_t wait)
{
	__u64 from = run->edges[wait].ts, to = end_of_wait(run, wait), since = run->start;
	__u64 *sum = &o->unseen_wait_ns;

	for (size_t i = 0; i <= run->nr; i++) {
		__u64 ts = i < run->nr ? run->edges[i].ts : run->end;
		__u64 begin = since > from ? since : from, end = ts < to ? ts : to;

		if (i < run->nr && run->edges[i].kind != GIL_EDGE_ACQUIRE &&
		    run->edges[i].kind != GIL_EDGE_RELEASE)
			continue;
		if (sum && end > begin)
			*sum += end - begin;
		since = ts;
		sum = i < run->nr && run->edges[i].kind == GIL_EDGE_RELEASE ? &o->free_wait_ns
									    : NULL;
	}
}

/* The time with at least one wait: the union of the waits. They are in order of their beginnings,
 * so each adds what goes beyond those before it. */
static void count_contention(const struct run *run, struct outcome *o)
{
	__u64 covered = 0;

	for (size_t i = 0; i < run->nr; i++) {
		__u64 from = run->edges[i].ts, to;

		if (!begins_wait(run, i))
			continue;
		to = end_of_wait(run, i);
		o->waiter_ns += to - from;
		count_unheld(run, o, i);
		if (to > covered)
			o->contended_ns += to - (from > covered ? from : covered);
		covered = to > covered ? to : covered;
	}
}

/* The number of waiting threads just after edge i, counting dead ones as the integrals do. */
static bool anybody_waits(const struct run *run, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		__u32 tid = run->edges[j].tid;

		if (begins_wait(run, j) && next(run, j, tid, GIL_EDGE_ACQUIRE) > i &&
		    next(run, j, tid, GIL_EDGE_EXIT) > i)
			return true;
	}
	return false;
}

/* The lengths of runs of handoffs, which end when the GIL is released to nobody, or acquired
 * without a handoff. */
static void count_chains(const struct run *run, struct outcome *o)
{
	__u64 chain = 0;

	for (size_t i = 0; i < run->nr; i++) {
		const struct gil_edge *e = &run->edges[i];
		bool goes_on = true;

		if (e->kind == GIL_EDGE_ACQUIRE)
			goes_on = is_handoff(run, i);
		else if (e->kind == GIL_EDGE_RELEASE)
			goes_on = anybody_waits(run, i);
		if (!goes_on && chain)
			gil_hist_add(&o->lock.chain, chain);
		if (!goes_on)
			chain = 0;
		else
			chain += e->kind == GIL_EDGE_ACQUIRE;
	}
	o->lock.chain_len = chain;
}

void reference_run(const struct run *run, struct outcome *o)
{
	size_t first;

	memset(o, 0, sizeof(*o));
	for (size_t i = 0; i < run->nr; i++) {
		if (run->edges[i].kind == GIL_EDGE_ACQUIRE)
			count_acquisition(run, o, i);
		o->lock.wait_slices += run->edges[i].kind == GIL_EDGE_WAIT;
	}
	count_contention(run, o);
	count_chains(run, o);
	/* Held since before the observation, until the first release, if that comes first. */
	first = 0;
	while (first < run->nr && run->edges[first].kind != GIL_EDGE_ACQUIRE &&
	       run->edges[first].kind != GIL_EDGE_RELEASE)
		first++;
	if (first < run->nr && run->edges[first].kind == GIL_EDGE_RELEASE) {
		o->lock.partial_holds++;
		o->lock.held_ns += run->edges[first].ts - run->start;
		o->held_ns += run->edges[first].ts - run->start;
	} else if (first == run->nr && run->locked_at_start == 1) {
		o->held_ns += run->end - run->start;
	}
}
