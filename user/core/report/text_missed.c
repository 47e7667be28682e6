// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdarg.h>
#include <string.h>

#include "core/base/format.h"
#include "core/report/text_missed.h"

/* The limit for each kind of line: a run on a large machine may miss thousands. */
#define LINES_TOLD 10

/* Prints a paragraph. */
__attribute__((format(printf, 2, 3))) static void say(const struct text *t, const char *fmt, ...)
{
	char line[768];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text__spaces(t, 2);
	text__wrap(t, TEXT_PLAIN, 2, 4, line);
}

static void put_cost(const struct text *t, const struct snapshot *s)
{
	__u64 duration = gil_elapsed(s->start_ns, s->end_ns);
	double ns = (double)s->probe_hits * (double)s->probe_ns_per_hit;

	if (s->probe_ns_per_hit < 0 && !s->probe_hits)
		return;
	if (s->probe_ns_per_hit < 0)
		say(t, "%s probe hits; the cost of a hit was not measured.",
		    format_count(s->probe_hits).s);
	else
		say(t,
		    "%s probe hits of about %s each: %s in all threads together, %s of the "
		    "observed time.",
		    format_count(s->probe_hits).s,
		    format_ns((__u64)s->probe_ns_per_hit, t->ascii).s,
		    format_ns((__u64)ns, t->ascii).s,
		    format_percent(duration ? ns / (double)duration : 0).s);
}

static bool same_source(const struct snapshot_process *p, const struct snapshot_process *q)
{
	return !strcmp(p->source, q->source) && !strcmp(p->source_why, q->source_why);
}

/* Most interpreters have no probes of their own, and then there is only one way. If the source says
 * so in other words one day, the sentence is printed again. */
static bool is_usual_source(const struct snapshot_process *p)
{
	return !strcmp(p->source, "uprobe") &&
	       !strcmp(p->source_why, "the interpreter carries no GIL probes");
}

/* Prints where the edges come from and why, once for all processes with the same answer, unless it
 * is the usual one. JSON always has it. */
static void put_sources(const struct text *t, const struct snapshot *s)
{
	unsigned int told = 0;

	for (size_t i = 0; i < s->nr_processes && told < LINES_TOLD; i++) {
		const struct snapshot_process *p = &s->processes[i];
		size_t j = 0;

		while (j < i && !same_source(p, &s->processes[j]))
			j++;
		if (j < i || !p->source[0] || !p->source_why[0] || is_usual_source(p))
			continue;
		say(t, "Edges come from the %s source: %s.",
		    format_name(p->source, sizeof(p->source), t->ascii).s,
		    format_sentence(p->source_why, sizeof(p->source_why), t->ascii).s);
		told++;
	}
}

static size_t put_loss(const struct text *t, __u64 n, const char *one, const char *many,
		       const char *what)
{
	if (n)
		say(t, "%s %s %s", format_count(n).s, n == 1 ? one : many, what);
	return !!n;
}

static size_t put_lost(const struct text *t, const struct snapshot_lost *l)
{
	size_t told = 0;

	told += put_loss(
		t, l->edges, "edge was", "edges were",
		"lost, because a table was full or a program did not run. Counts and times "
		"are too low.");
	told += put_loss(
		t, l->switches, "scheduler edge was", "scheduler edges were",
		"missed: the split into on CPU, runnable, preempted and blocked is wrong for "
		"as many intervals.");
	told += put_loss(t, l->handoffs, "handoff is", "handoffs are",
			 "missing from the pairs of threads, because their table was full.");
	told += put_loss(t, l->events, "process event was", "process events were",
			 "lost: a child process may have been missed.");
	told += put_loss(t, l->requests, "release", "releases",
			 "could not be told apart into requested and voluntary.");
	told += put_loss(
		t, l->gaps, "time a process was", "times a process was",
		"not observed for a moment, because the thread to which its probes were bound "
		"had ended: counts are too low, by an unknown amount.");
	told += put_loss(
		t, l->gils, "attempt to observe a GIL", "attempts to observe a GIL",
		"found the table of GILs full: some GILs were never observed, or not from their "
		"beginning. Use a larger table: --max-processes.");
	told += put_loss(
		t, l->processes, "attempt to observe a process", "attempts to observe a process",
		"found the table of processes full: some processes were never observed. Use a "
		"larger table: --max-processes.");
	told += put_loss(t, l->torn, "record was", "records were",
			 "copied in the middle of an update: some figures of a GIL or thread "
			 "may not fit together.");
	told += put_loss(
		t, l->recording, "edge was", "edges were",
		"not recorded, because the ring between the kernel and gilscope was full. Use a "
		"larger one: record --ring-size.");
	return told;
}

/* Prints where a recording has lost something, and which figures that affects. */
static size_t put_gaps(const struct text *t, const struct snapshot *s)
{
	size_t told = 0;

	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];

		for (size_t j = 0; j < p->nr_gils; j++) {
			const struct snapshot_gil *g = &p->gils[j];

			if (!g->gaps || ++told > LINES_TOLD)
				continue;
			say(t,
			    "For the GIL of process %d (%s), %s edges are missing, in %s place%s, "
			    "over %s in all. "
			    "That time is left out of the shares, and intervals under way then are "
			    "left "
			    "out of the distributions. Counts are too low.",
			    p->pid, snapshot_process__name(p, t->ascii).s,
			    g->lost_edges ? format_count(g->lost_edges).s : "some",
			    format_count(g->gaps).s, g->gaps == 1 ? "" : "s",
			    format_ns(g->gap_ns, t->ascii).s);
		}
	}
	if (told > LINES_TOLD)
		say(t, "The same is true for %zu more GILs.", told - LINES_TOLD);
	return told;
}

static size_t put_note(const struct text *t, const struct snapshot *s)
{
	if (s->note[0])
		say(t, "%s", s->note);
	return s->note[0] != '\0';
}

static size_t put_partial(const struct text *t, const struct snapshot *s)
{
	__u64 waits = 0, holds = 0;

	for (size_t i = 0; i < s->nr_processes; i++) {
		for (size_t j = 0; j < s->processes[i].nr_gils; j++) {
			waits += s->processes[i].gils[j].lock.partial_waits;
			holds += s->processes[i].gils[j].lock.partial_holds;
		}
	}
	if (waits || holds)
		say(t,
		    "%s wait%s and %s hold%s had begun before the observation; their lengths are "
		    "unknown and not counted.",
		    format_count(waits).s, waits == 1 ? "" : "s", format_count(holds).s,
		    holds == 1 ? "" : "s");
	return waits || holds;
}

static size_t put_anomalies(const struct text *t, const struct snapshot *s)
{
	__u64 n = 0;

	for (size_t i = 0; i < s->nr_processes; i++) {
		for (size_t j = 0; j < s->processes[i].nr_gils; j++)
			n += s->processes[i].gils[j].lock.anomalies;
	}
	return put_loss(t, n, "edge contradicts", "edges contradict",
			"what came before: an edge was missed without being counted.");
}

/* Prints processes that were seen late, and notes about processes. */
static size_t put_processes(const struct text *t, const struct snapshot *s)
{
	size_t late = 0, notes = 0;

	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];
		struct format name = snapshot_process__name(p, t->ascii);

		/* A note already mentions a late beginning. */
		if (p->late_ns && !p->note[0] && ++late <= LINES_TOLD)
			say(t, "Process %d (%s) ran for %s before it was observed.", p->pid, name.s,
			    format_ns(p->late_ns, t->ascii).s);
		if (p->note[0] && ++notes <= LINES_TOLD)
			say(t, "Process %d (%s): %s", p->pid, name.s,
			    format_sentence(p->note, sizeof(p->note), t->ascii).s);
	}
	if (late > LINES_TOLD)
		say(t, "%zu more processes also ran before they were observed.", late - LINES_TOLD);
	if (notes > LINES_TOLD)
		say(t, "There are notes about %zu more processes (--json has them all).",
		    notes - LINES_TOLD);
	return late + notes;
}

static size_t put_unobserved(const struct text *t, const struct snapshot *s)
{
	for (size_t i = 0; i < s->nr_unobserved && i < LINES_TOLD; i++) {
		const struct snapshot_unobserved *u = &s->unobserved[i];

		say(t, "Process %d (%s) was not observed: %s", u->pid,
		    format_name(u->comm, sizeof(u->comm), t->ascii).s,
		    format_sentence(u->why, sizeof(u->why), t->ascii).s);
	}
	if (s->nr_unobserved > LINES_TOLD)
		say(t, "%zu more process%s not observed.", s->nr_unobserved - LINES_TOLD,
		    s->nr_unobserved - LINES_TOLD == 1 ? " was" : "es were");
	return s->nr_unobserved;
}

static size_t put_unlisted(const struct text *t, const struct snapshot *s)
{
	size_t rest = s->nr_unlisted > s->nr_folded ? s->nr_unlisted - s->nr_folded : 0;

	if (s->nr_folded) {
		const struct snapshot_gil *g = s->folded.gils;

		say(t,
		    "%zu more processes that ended have no row above, because the number of rows "
		    "is limited. In all, they got their GILs %s times, held them for %s and waited "
		    "for them for %s.",
		    s->nr_folded, format_count(g->fig.acquisitions).s,
		    format_ns(g->lock.held_ns, t->ascii).s,
		    format_ns(g->lock.waiter_ns, t->ascii).s);
	}
	if (rest)
		say(t,
		    "%zu more processes have ended, but are not in this report, because it keeps "
		    "only a limited number.",
		    rest);
	return s->nr_unlisted;
}

void text_missed(const struct text *t, const struct snapshot *s)
{
	size_t told = 0;

	/* Without a process there was nothing to cost or to miss. */
	if (!s->nr_processes && !s->probe_hits && !snapshot_lost__total(&s->lost) && !s->note[0] &&
	    s->nr_unobserved < 2 && !s->nr_unlisted)
		return;
	putc('\n', t->out);
	text__wrap(t, TEXT_BOLD, 0, 0, "What this cost and what was missed");
	if (s->nr_processes || s->probe_hits)
		put_cost(t, s);
	put_sources(t, s);
	told += put_note(t, s);
	told += put_lost(t, &s->lost);
	told += put_gaps(t, s);
	told += put_partial(t, s);
	told += put_anomalies(t, s);
	told += put_processes(t, s);
	told += put_unobserved(t, s);
	told += put_unlisted(t, s);
	if (!told)
		say(t, "Nothing was missed.");
}
