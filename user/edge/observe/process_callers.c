// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>

#include "edge/observe/process_callers.h"

/* Lists of one GIL. */
#define MAX_LISTS 8192

static struct process_callers_list *slot_of(struct process_callers_list *lists, size_t room,
					    __u64 id)
{
	size_t i = (size_t)(id * 0x9e3779b97f4a7c15ULL >> 32) & (room - 1);

	while (lists[i].id && lists[i].id != id)
		i = (i + 1) & (room - 1);
	return &lists[i];
}

/* Makes room for one more. */
static bool grow(struct process_callers *c, size_t most)
{
	size_t room = c->room ? 2 * c->room : 64, more = (room - c->room) * sizeof(*c->lists);
	struct process_callers_list *lists;

	if (2 * (c->nr + 1) <= c->room)
		return true;
	lists = more <= most ? calloc(room, sizeof(*lists)) : NULL;
	if (!lists)
		return false;
	for (size_t i = 0; i < c->room; i++)
		if (c->lists[i].id)
			*slot_of(lists, room, c->lists[i].id) = c->lists[i];
	free(c->lists);
	c->lists = lists;
	c->room = room;
	c->memory += more;
	return true;
}

struct process_callers_list *process_callers__find(const struct process_callers *c, __u64 id)
{
	struct process_callers_list *l = id && c->room ? slot_of(c->lists, c->room, id) : NULL;

	return l && l->id ? l : NULL;
}

void process_callers__enter(struct process_callers *c, const struct gil_blame_callers *e,
			    size_t size, size_t most)
{
	size_t before = c->memory, frames = e->nr * sizeof(struct process_caller);
	struct process_callers_list *l;
	struct process_caller *frame;

	if (!e->callers || !e->nr || e->nr > GIL_BLAME_CALLERS_MOST || e->cut > e->nr ||
	    size < sizeof(*e) - sizeof(e->frame) + e->nr * sizeof(e->frame[0]) ||
	    process_callers__find(c, e->callers) || c->nr == MAX_LISTS || !grow(c, most) ||
	    frames > most - (c->memory - before))
		return;
	frame = calloc(e->nr, sizeof(*frame));
	if (!frame)
		return;
	for (__u32 i = 0; i < e->nr; i++)
		frame[i] = (struct process_caller){.code = e->frame[i].code,
						   .lasti = e->frame[i].lasti};
	l = slot_of(c->lists, c->room, e->callers);
	*l = (struct process_callers_list){e->callers, e->nr, e->cut, frame};
	c->nr++;
	c->memory += frames;
}

void process_callers__free(struct process_callers *c)
{
	for (size_t i = 0; i < c->room; i++)
		free(c->lists[i].frame);
	free(c->lists);
	*c = (struct process_callers){0};
}
