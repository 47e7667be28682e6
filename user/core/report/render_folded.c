// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Folded stacks: a line for each stack, "outermost;...;innermost NUMBER", where the number is the time in
 * ns. If there are several GILs, the outermost frame is the process.
 */
#include <errno.h>

#include "core/report/render.h"
#include "core/report/stacks.h"

/* Prints one frame. A semicolon in a name would begin another one. */
static void put_name(FILE *out, const char *name)
{
	for (; *name; name++)
		putc(*name == ';' ? ',' : *name, out);
}

static void put_stack(FILE *out, const struct stacks *all, const struct stack *s,
		      const char *process, bool by_hold)
{
	__u64 weight = by_hold ? s->hold_ns : s->wait_ns;

	if (!weight)
		return;
	put_name(out, process);
	for (size_t i = 0; i < s->nr; i++) {
		if (i || *process)
			putc(';', out);
		put_name(out, stack_frame__text(&all->frames[s->first + i]).s);
	}
	fprintf(out, " %llu\n", weight);
}

static int put_gil(FILE *out, const struct snapshot_process *p, const struct snapshot_gil *g,
		   const char *process, bool by_hold)
{
	struct stacks all;
	int err = stacks__of(&all, p, g);

	for (size_t i = 0; !err && i < all.nr; i++)
		put_stack(out, &all, &all.list[i], process, by_hold);
	stacks__free(&all);
	return err;
}

int render_folded(FILE *out, const struct snapshot *s, const struct render_options *o)
{
	size_t gils = 0;
	int err = 0;

	for (size_t i = 0; i < s->nr_processes; i++)
		gils += s->processes[i].nr_gils;
	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];

		for (size_t j = 0; !err && j < p->nr_gils; j++) {
			const struct snapshot_gil *g = &p->gils[j];

			if (g->functions)
				err = put_gil(out, p, g, gils > 1 ? stacks__gil_name(p, g).s : "",
					      o->by_hold);
		}
	}
	if (!err && (fflush(out) || ferror(out)))
		err = errno ? -errno : -EIO;
	return err;
}
