// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The report for people: the verdict, then the figures that it is based on, then costs and what was
 * missed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/format.h"
#include "core/figures/metric.h"
#include "core/report/render.h"
#include "core/report/text_gil.h"
#include "core/report/text_missed.h"
#include "core/figures/verdict.h"

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST   48 /* below 80 columns, tables lose columns at their end */
#define WIDTH_LARGEST 120
/* If there are several GILs: how many are reported in full, and how many get a line in the list. */
#define GILS_IN_FULL 3
#define GILS_LISTED  20

static void put_verdict(const struct text *t, const struct snapshot *s)
{
	static const enum text_style styles[] = {
		[VERDICT_UNKNOWN] = TEXT_BOLD,
		[VERDICT_NO] = TEXT_GOOD,
		[VERDICT_PARTLY] = TEXT_FAIR,
		[VERDICT_YES] = TEXT_BAD,
	};
	struct verdict v = verdict__of_snapshot(s);
	struct verdict_text text;

	verdict__tell(&v, t->ascii, &text);
	text__style(t, styles[v.answer]);
	fprintf(t->out, "%s:", text.answer);
	text__style(t, TEXT_PLAIN);
	putc(' ', t->out);
	text__wrap(t, TEXT_PLAIN, (int)strlen(text.answer) + 2, 0, text.sentence);
	for (int i = 0; i < VERDICT_SUPPORT; i++) {
		if (text.support[i][0])
			text__wrap(t, TEXT_PLAIN, 0, 0, text.support[i]);
	}
}

/* A GIL in report order: a GIL is busier if threads hold it or wait for it for longer. */
struct entry {
	const struct snapshot_process *process;
	const struct snapshot_gil *gil;
	__u64 waited; /* by all threads together */
	__u64 wanted; /* waited and held */
};

static int entry__compare(const void *a, const void *b)
{
	const struct entry *e = a, *f = b;

	if (e->wanted != f->wanted)
		return e->wanted < f->wanted ? 1 : -1;
	if (e->process->pid != f->process->pid)
		return e->process->pid < f->process->pid ? -1 : 1;
	return e->gil < f->gil ? -1 : e->gil > f->gil;
}

static bool was_used(const struct snapshot_gil *g)
{
	return g->waits_only || g->fig.acquisitions || g->lock.waiters || g->lock.partial_holds ||
	       (g->lock.state == GIL_LOCK_UNSEEN && g->locked_at_start == 1);
}

/* The GILs that were used, busiest first; NULL if there is no memory. */
static struct entry *list_gils(const struct snapshot *s, size_t *nr)
{
	struct entry *list;
	size_t all = 0;

	for (size_t i = 0; i < s->nr_processes; i++)
		all += s->processes[i].nr_gils;
	list = calloc(all + 1, sizeof(*list));
	*nr = 0;
	for (size_t i = 0; list && i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];

		for (size_t j = 0; j < p->nr_gils; j++) {
			const struct snapshot_gil *g = &p->gils[j];

			if (!was_used(g))
				continue;
			list[*nr] = (struct entry){
				.process = p,
				.gil = g,
				.waited = gil_lock_waiting_until(&g->lock, snapshot_gil__end(p, g)),
			};
			list[*nr].wanted =
				list[*nr].waited + gil_lock_held_until(&g->lock, g->locked_at_start,
								       snapshot_gil__end(p, g));
			(*nr)++;
		}
	}
	if (list)
		qsort(list, *nr, sizeof(*list), entry__compare);
	return list;
}

/* The list of GILs. One blank column precedes each of these, even if its text is too long for it. */
static const struct {
	const char *title;
	int columns; /* negative: right aligned */
} list_columns[] = {
	{"process", -8}, {"name", 15},      {"held", -7},      {"contended", -10},
	{"waiting", -8}, {"acquired", -13}, {"observed", -11},
};

#define SUB          " (sub)"
#define LIST_COLUMNS (sizeof(list_columns) / sizeof(*list_columns))

static void put_list_row(const struct text *t, const struct format *cells)
{
	int used = 0;

	for (size_t i = 0; i < LIST_COLUMNS; i++) {
		used += 1 + abs(list_columns[i].columns);
		if (used > t->width)
			break;
		text__spaces(t, 1);
		text__column(t, cells[i].s, list_columns[i].columns);
	}
}

static void put_list_entry(const struct text *t, const struct entry *e)
{
	const struct snapshot_process *p = e->process;
	const struct snapshot_gil *g = e->gil;
	struct format cells[LIST_COLUMNS];

	snprintf(cells[0].s, sizeof(cells[0].s), "%d", p->pid);
	cells[1] = snapshot_process__name(p, t->ascii);
	format__cut(&cells[1], list_columns[1].columns - (g->main ? 0 : (int)strlen(SUB)));
	if (!g->main)
		strcat(cells[1].s, SUB);
	cells[2] = format_percent(gil__held_ratio(p, g));
	cells[3] = format_percent(gil__contended_ratio(p, g));
	cells[4] = format_mean(gil__wait_ratio(p, g));
	cells[5] = g->waits_only ? (struct format){"-"} : format_count(g->fig.acquisitions);
	cells[6] = format_ns(gil__observed(p, g), t->ascii);
	put_list_row(t, cells);
	putc('\n', t->out);
}

static void put_list(const struct text *t, const struct entry *list, size_t nr)
{
	struct format titles[LIST_COLUMNS];
	bool sub = false;

	for (size_t i = 0; i < LIST_COLUMNS; i++)
		snprintf(titles[i].s, sizeof(titles[i].s), "%s", list_columns[i].title);
	putc('\n', t->out);
	text__style(t, TEXT_BOLD);
	fprintf(t->out, "%zu GILs, busiest first\n", nr);
	put_list_row(t, titles);
	text__style(t, TEXT_PLAIN);
	putc('\n', t->out);
	for (size_t i = 0; i < nr && i < GILS_LISTED; i++) {
		put_list_entry(t, &list[i]);
		sub = sub || !list[i].gil->main;
	}
	if (nr > GILS_LISTED)
		fprintf(t->out, "  and %zu more\n", nr - GILS_LISTED);
	text__note(t, 2,
		   "busiest: held and waited for longest; held: share of the observed time that a "
		   "thread had it; contended: share that at "
		   "least one thread waited; waiting: mean number of waiting threads%s",
		   sub ? "; (sub): a sub-interpreter's GIL" : "");
}

/* What is special about the GIL of a free-threaded build; "" for other builds. */
static const char *free_threaded_note(const struct snapshot_process *p)
{
	if (!p->free_threaded_build)
		return "";
	if (p->gil_turned_on)
		return "; a free-threaded build, whose GIL was turned on while observed";
	if (p->free_threaded)
		return "; a free-threaded build, whose GIL is off except for moments while a "
		       "module is imported";
	return "; a free-threaded build, whose GIL is on: PYTHON_GIL=1, -X gil=1, or a module that "
	       "needs it";
}

static void put_process(const struct text *t, const struct snapshot_process *p,
			const struct snapshot_gil *g)
{
	struct format interval = {"not known (5 ms by default)"};
	bool usual = !strcmp(p->source, "uprobe");
	char line[768];

	if (g->switch_interval_us > 0)
		interval = format_interval(g->switch_interval_us, t->ascii);
	snprintf(line, sizeof(line),
		 "%s, process %d%s%s%s%s, observed for %s, switch interval %s%s%s",
		 snapshot_process__name(p, t->ascii).s, p->pid, p->python[0] ? ", Python " : "",
		 format_name(p->python, sizeof(p->python), t->ascii).s,
		 p->source[0] && !usual ? ", through " : "",
		 usual ? "" : format_name(p->source, sizeof(p->source), t->ascii).s,
		 format_ns(gil__observed(p, g), t->ascii).s, interval.s,
		 g->main ? "" : ", a sub-interpreter's GIL", free_threaded_note(p));
	putc('\n', t->out);
	text__wrap(t, TEXT_BOLD, 0, 2, line);
}

static int put_gils(const struct text *t, const struct snapshot *s)
{
	pid_t about = verdict__of_snapshot(s).pid;
	bool told_about = false;
	struct text rest = *t;
	size_t nr;
	struct entry *list = list_gils(s, &nr);
	int err = 0;

	if (!list)
		return -ENOMEM;
	if (nr > 1)
		put_list(t, list, nr);
	for (size_t i = 0; !err && i < nr; i++) {
		/* A GIL for which nobody waits says little more than its line in the list. But what the
		 * verdict is about is always here. */
		if (list[i].process->pid == about && !told_about)
			told_about = true;
		else if (i && (i >= GILS_IN_FULL || !list[i].waited))
			continue;
		put_process(t, list[i].process, list[i].gil);
		err = text_gil(&rest, list[i].process, list[i].gil);
		rest.terse = true;
	}
	free(list);
	return err;
}

/* Prints the processes that have neither a section nor a line above. */
static void put_other_processes(const struct text *t, const struct snapshot *s)
{
	size_t unused = 0;
	char line[400];

	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];
		bool used = false;

		for (size_t j = 0; j < p->nr_gils; j++)
			used = used || was_used(&p->gils[j]);
		if (p->free_threaded && !used) {
			snprintf(line, sizeof(line),
				 "%s, process %d%s%s: free-threaded, it runs without a GIL",
				 snapshot_process__name(p, t->ascii).s, p->pid,
				 p->python[0] ? ", Python " : "",
				 format_name(p->python, sizeof(p->python), t->ascii).s);
			putc('\n', t->out);
			text__wrap(t, TEXT_PLAIN, 0, 2, line);
		} else if (!used) {
			unused++;
		}
	}
	if (unused)
		fprintf(t->out, "\n%zu process%s used no GIL while observed.\n", unused,
			unused == 1 ? "" : "es");
}

int render_text(FILE *out, const struct snapshot *s, const struct render_options *o)
{
	struct text t = {
		.out = out,
		.width = o->width > 0 ? o->width : WIDTH_DEFAULT,
		.colour = o->colour,
		.ascii = o->ascii,
	};
	int err;

	if (t.width < WIDTH_LEAST)
		t.width = WIDTH_LEAST;
	if (t.width > WIDTH_LARGEST)
		t.width = WIDTH_LARGEST;
	put_verdict(&t, s);
	err = put_gils(&t, s);
	if (err)
		return err;
	put_other_processes(&t, s);
	text_missed(&t, s);
	if (fflush(out) || ferror(out))
		return errno ? -errno : -EIO;
	return 0;
}
