// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The data of a page: the whole, and its processes. Times are in ns, shares between 0 and 1. The keys are
 * short where there are many of them, and rows are arrays, because a page has a mebibyte at most.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/figures/metric.h"
#include "core/figures/verdict.h"
#include "core/html/page_data.h"
#include "core/report/stacks.h"

/* So many GILs are shown in full, those with the longest waits; and so many processes are listed. */
#define GILS_IN_FULL     12
#define PROCESSES_LISTED 400
/* What those in full share. */
#define STACKS_KEPT    4000
#define FRAMES_KEPT    60000
#define THREADS_LISTED 200

struct entry {
	const struct snapshot_process *process;
	const struct snapshot_gil *gil;
	__u64 waited, held;
};

static int by_waiting(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->waited != y->waited)
		return x->waited < y->waited ? 1 : -1;
	if (x->held != y->held)
		return x->held < y->held ? 1 : -1;
	return x->process->pid - y->process->pid;
}

/* The GILs, by how much they are waited for. NULL if memory ran out. */
static struct entry *list_gils(const struct snapshot *s, size_t *nr)
{
	struct entry *list;
	size_t n = 0;

	for (size_t i = 0; i < s->nr_processes; i++)
		n += s->processes[i].nr_gils;
	list = calloc(n + 1, sizeof(*list));
	*nr = 0;
	for (size_t i = 0; list && i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];

		for (size_t j = 0; j < p->nr_gils; j++) {
			const struct snapshot_gil *g = &p->gils[j];
			__u64 end = snapshot_gil__end(p, g);

			list[(*nr)++] = (struct entry){
				p, g, gil_lock_waiting_until(&g->lock, end),
				gil_lock_held_until(&g->lock, g->locked_at_start, end)};
		}
	}
	if (list)
		qsort(list, *nr, sizeof(*list), by_waiting);
	return list;
}

static void put_verdict(struct json *j, const struct verdict *v)
{
	struct verdict_text text;

	verdict__tell(v, false, &text);
	json__open(j, "verdict", '{');
	json__string(j, "bound", verdict_answer__name(v->answer));
	json__string(j, "answer", text.answer);
	json__string(j, "sentence", text.sentence);
	json__open(j, "support", '[');
	for (int i = 0; i < VERDICT_SUPPORT; i++) {
		if (text.support[i][0])
			json__string(j, NULL, text.support[i]);
	}
	json__close(j, ']');
	json__close(j, '}');
}

/* `budget`: NULL if the GIL is only listed. */
static int put_entry(struct json *j, const struct entry *e, const struct chart *c,
		     const struct page_budget *budget)
{
	const struct snapshot_process *p = e->process;
	const struct snapshot_gil *g = e->gil;
	struct chart_gil *chart = c ? chart__gil(c, p->pid, g) : NULL;
	struct verdict v = verdict__of_gil(p, g);
	int err = 0;

	json__open(j, NULL, '{');
	json__string(j, "name", stacks__gil_name(p, g).s);
	json__signed(j, "pid", p->pid);
	json__string(j, "process", snapshot_process__name(p, false).s);
	json__string(j, "python", format_name(p->python, sizeof(p->python), false).s);
	json__integer(j, "observed", gil__observed(p, g));
	json__signed(j, "interval", g->switch_interval_us);
	json__real(j, "held", gil__held_ratio(p, g));
	json__real(j, "contended", gil__contended_ratio(p, g));
	json__real(j, "waiting", gil__wait_ratio(p, g));
	json__integer_if(j, "held_ns", !g->waits_only, e->held);
	json__integer(j, "waited_ns", e->waited);
	json__integer_if(j, "acquisitions", !g->waits_only, g->fig.acquisitions);
	json__bool(j, "whole", budget != NULL);
	put_verdict(j, &v);
	if (budget)
		err = page_data__gil(j, p, g, budget);
	if (!err && budget && chart)
		err = page_data__chart(j, c, chart, budget);
	json__close(j, '}');
	return err;
}

static struct page_budget budget_for(const struct entry *list, size_t nr, const struct chart *c)
{
	size_t full = nr < GILS_IN_FULL ? nr : GILS_IN_FULL, lanes = 0;

	for (size_t i = 0; c && i < full; i++) {
		const struct chart_gil *g = chart__gil(c, list[i].process->pid, list[i].gil);

		lanes += g ? g->nr : 0;
	}
	full = full ? full : 1;
	return (struct page_budget){.lanes = lanes,
				    .intervals = CHART_INTERVALS / full,
				    .stacks = STACKS_KEPT / full,
				    .frames = FRAMES_KEPT / full,
				    .threads = 20 + THREADS_LISTED / full};
}

static int put_gils(struct json *j, const struct entry *list, size_t nr, const struct chart *c)
{
	struct page_budget budget = budget_for(list, nr, c);
	int err = 0;

	json__open(j, "gils", '[');
	for (size_t i = 0; !err && i < nr && i < PROCESSES_LISTED; i++)
		err = put_entry(j, &list[i], c, i < GILS_IN_FULL ? &budget : NULL);
	json__close(j, ']');
	json__integer(j, "more_gils", nr > PROCESSES_LISTED ? nr - PROCESSES_LISTED : 0);
	return err;
}

int page_data(struct json *j, const struct snapshot *s, const struct html_options *o)
{
	struct verdict v = verdict__of_snapshot(s);
	size_t nr;
	struct entry *list = list_gils(s, &nr);
	int err;

	if (!list)
		return -ENOMEM;
	json__open_inline(j, NULL, '{');
	json__text(j, "version", o->version);
	json__integer(j, "observed", gil_elapsed(s->start_ns, s->end_ns));
	json__integer(j, "processes", s->nr_processes);
	json__bool(j, "recorded", o->chart != NULL);
	put_verdict(j, &v);
	err = put_gils(j, list, nr, o->chart);
	json__close(j, '}');
	free(list);
	return err;
}
