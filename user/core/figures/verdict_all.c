// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The verdict about all GILs together: that of the GIL for which threads wait most, or of the one
 * that was held longest. */
#include <math.h>
#include <string.h>

#include "core/figures/metric.h"
#include "core/figures/verdict.h"

/* A GIL that shows less than a twentieth of what the busiest one shows does not matter. */
#define WORTH_TELLING 0.05
/* A GIL that is held for half of the time is busy. */
#define HELD_BUSY 0.50
/* While a GIL is busy, so many are on average, if GILs are busy at the same time and not only for a
 * moment, as that of a child on its way to another program. */
#define BUSY_TOGETHER 1.5

/* The result of a first look at all GILs. */
struct overview {
	double held_most; /* ns, of the GIL held longest */
	size_t gils;
	size_t free_threaded; /* processes */
};

static double held_ns(const struct snapshot_process *p, const struct snapshot_gil *g)
{
	return (double)gil_lock_held_until(&g->lock, g->locked_at_start, snapshot_gil__end(p, g));
}

/* True if the process ended before the span, and is listed only with its last seconds. That happens
 * in a window of top. */
static bool is_past(const struct snapshot *s, const struct snapshot_process *p)
{
	return p->exited && p->end_ns < s->start_ns;
}

static struct overview look(const struct snapshot *s)
{
	struct overview o = {0};

	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];

		o.free_threaded += p->free_threaded;
		for (size_t j = 0; j < p->nr_gils; j++) {
			o.gils++;
			if (!is_past(s, p) && held_ns(p, &p->gils[j]) > o.held_most)
				o.held_most = held_ns(p, &p->gils[j]);
		}
	}
	return o;
}

static bool is_busy(const struct overview *o, const struct snapshot_process *p,
		    const struct snapshot_gil *g)
{
	return held_ns(p, g) >= WORTH_TELLING * o->held_most && gil__held_ratio(p, g) >= HELD_BUSY;
}

/* Of processes that are much alike, the one that was named before is named again, until another one
 * matters so much more. */
#define BEFORE 1.5

/* The GILs taken together. */
struct tally {
	struct verdict worst; /* of the GILs that threads wait for, the one with the most waiting */
	double worst_waited;
	size_t waited_for;
	struct verdict first; /* of all GILs, the one held longest */
	double first_held;
	size_t busy;           /* GILs that are busy at the same time, at most */
	size_t busy_processes; /* and the number of their processes */
	pid_t before;          /* the process that the verdict was about the last time */
	double busy_ns;        /* for how long busy GILs were observed, in all */
	double together_ns;    /* the same, each moment times how many there were then */
};

/* For how long both were observed at the same time. */
static double common_ns(const struct snapshot_process *p, const struct snapshot_gil *g,
			const struct snapshot_process *q, const struct snapshot_gil *h)
{
	__u64 end = snapshot_gil__end(p, g), other = snapshot_gil__end(q, h);

	return (double)gil_elapsed(gil_later(g->lock.start, h->lock.start),
				   end < other ? end : other);
}

/* Counts the GILs that are busy in the middle of the time of g, a busy GIL of p. Processes that ran
 * one after another, or a process that has become another program, do not add up. */
static void tally_busy(struct tally *t, const struct snapshot *s, const struct overview *o,
		       const struct snapshot_process *p, const struct snapshot_gil *g)
{
	__u64 moment = g->lock.start + gil__observed(p, g) / 2;
	size_t busy = 0, processes = 0;

	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *q = &s->processes[i];
		size_t before = busy;

		for (size_t j = 0; j < q->nr_gils && !is_past(s, q); j++) {
			const struct snapshot_gil *h = &q->gils[j];

			if (!is_busy(o, q, h))
				continue;
			busy += h->lock.start <= moment && moment < snapshot_gil__end(q, h);
			t->together_ns += common_ns(p, g, q, h);
		}
		processes += busy > before;
	}
	t->busy_ns += (double)gil__observed(p, g);
	if (busy > t->busy) {
		t->busy = busy;
		t->busy_processes = processes;
	}
}

static void tally_gil(struct tally *t, const struct snapshot *s, const struct overview *o,
		      const struct snapshot_process *p, const struct snapshot_gil *g)
{
	struct verdict v = verdict__of_gil(p, g);
	double waited = (double)gil_lock_waiting_until(&g->lock, snapshot_gil__end(p, g));
	double held = held_ns(p, g), weight = p->pid == t->before ? BEFORE : 1;

	v.named = o->gils > 1;
	if (v.answer >= VERDICT_PARTLY && waited >= WORTH_TELLING * o->held_most) {
		t->waited_for++;
		if (waited * weight > t->worst_waited) {
			t->worst = v;
			t->worst_waited = waited * weight;
		}
	}
	if (is_busy(o, p, g))
		tally_busy(t, s, o, p, g);
	if (held * weight > t->first_held || t->first.kind == VERDICT_NOTHING_SEEN) {
		t->first = v;
		t->first_held = held * weight;
	}
}

/* Notes that nothing was observed at all, and why. */
static void set_no_process(struct verdict *v, const struct snapshot *s)
{
	const struct snapshot_unobserved *u = s->unobserved;
	size_t length;

	v->no_process = true;
	if (!s->nr_unobserved)
		return;
	v->pid = u->pid;
	v->process = format_name(u->comm, sizeof(u->comm), false);
	memcpy(v->why, u->why, sizeof(v->why));
	length = strnlen(v->why, sizeof(v->why));
	if (length && v->why[length - 1] == '.')
		v->why[length - 1] = '\0';
}

struct verdict verdict__of_snapshot(const struct snapshot *s)
{
	return verdict__of_snapshot_after(s, 0);
}

struct verdict verdict__of_snapshot_after(const struct snapshot *s, pid_t before)
{
	struct overview o = look(s);
	struct tally t = {.before = before};

	t.first.contended_ratio = t.first.held_ratio = t.first.wait_ratio = NAN;
	if (!o.gils && o.free_threaded) {
		t.first.kind = VERDICT_FREE_THREADED;
		t.first.answer = VERDICT_NO;
		t.first.pid = s->processes[0].pid;
		t.first.process = snapshot_process__name(&s->processes[0], false);
		return t.first;
	}
	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];

		for (size_t j = 0; j < p->nr_gils && !is_past(s, p); j++)
			tally_gil(&t, s, &o, p, &p->gils[j]);
	}
	if (!s->nr_processes)
		set_no_process(&t.first, s);
	if (t.waited_for) {
		t.worst.others = t.waited_for - 1;
		return t.worst;
	}
	if (t.busy > 1 && t.together_ns >= BUSY_TOGETHER * t.busy_ns) {
		t.first.kind = VERDICT_EACH_ITS_OWN;
		t.first.answer = VERDICT_NO;
		t.first.gils = t.busy;
		t.first.processes = t.busy_processes;
	}
	return t.first;
}
