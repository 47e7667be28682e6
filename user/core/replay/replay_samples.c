// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The samples of a trace. Each goes where it went live: into the sums of its GIL, in the same order, so
 * that the rows of functions are the same, too. Whatever a file says, there are no more names than
 * TRACE_NAMES_MOST of each kind, and the sums of a GIL are limited as they are live.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/figures/blame_totals.h"
#include "core/replay/replay_state.h"

/* ---- names ---- */

/* The element with this number of a list of names; NULL if it has none, and r->over_limit or no memory
 * if there is no more. */
static void *element(struct replay *r, void **list, size_t *nr, __u64 number, size_t size)
{
	size_t room = *nr ? *nr : 64;
	char *grown;

	if (number >= TRACE_NAMES_MOST)
		return NULL;
	while (room <= number)
		room *= 2;
	if (room > *nr) {
		if (!replay__has_room(r, (room - *nr) * size))
			return NULL;
		grown = reallocarray(*list, room, size);
		if (!grown)
			return NULL;
		memset(grown + *nr * size, 0, (room - *nr) * size);
		r->memory += (room - *nr) * size;
		*list = grown;
		*nr = room;
	}
	return (char *)*list + number * size;
}

static int apply_code(struct replay *r, struct span *body)
{
	struct replay_names *n = &r->names;
	__u64 number = span__number(body);
	struct trace_code_object c, *to;

	if (!trace_code_object__get(body, &c) || number >= TRACE_NAMES_MOST)
		return 0;
	to = element(r, (void **)&n->codes, &n->nr_codes, number, sizeof(c));
	if (!to)
		return -ENOMEM;
	*to = c;
	return 0;
}

static int apply_place(struct replay *r, struct span *body)
{
	struct replay_names *n = &r->names;
	__u64 number = span__number(body);
	struct trace_place p, *to;

	if (!trace_place__get(body, &p) || number >= TRACE_NAMES_MOST)
		return 0;
	to = element(r, (void **)&n->places, &n->nr_places, number, sizeof(p));
	if (!to)
		return -ENOMEM;
	*to = p;
	return 0;
}

/* False if the number stands for nothing. */
static bool find_place(struct replay *r, __u32 number, struct blame_place *at)
{
	struct replay_names *n = &r->names;
	const struct trace_place *p = number < n->nr_places ? &n->places[number] : NULL;

	if (!p)
		return false;
	for (__u32 i = 0; i < p->nr_frames; i++)
		if (p->code[i] >= n->nr_codes)
			return false;
	*at = (struct blame_place){.kind = p->kind, .native = p->native_known ? p->native : NULL};
	if (!p->nr_frames)
		return true;
	at->function = n->codes[p->code[0]].function;
	at->file = n->codes[p->code[0]].file;
	at->line = p->line[0];
	for (__u32 i = 1; i < p->nr_frames; i++) {
		const struct trace_code_object *c = &n->codes[p->code[i]];

		n->callers[i - 1] = (struct blame_frame){c->function, c->file, p->line[i]};
	}
	at->callers = n->callers;
	at->nr_callers = p->nr_frames - 1;
	at->cut = p->cut;
	return true;
}

/* ---- samples ---- */

/* A gap that is open, with its texts. */
struct replay_open_gap {
	struct blame_sample sample;
	struct trace_code_object code[TRACE_FRAMES_MOST];
	struct blame_frame callers[BLAME_CALLERS];
	char native[sizeof(((struct trace_place *)NULL)->native)];
};

static int keep_open(struct replay *r, struct gil *g, const struct blame_sample *s)
{
	struct replay_open_gap *o = g->open_gap;
	const struct blame_place *at = &s->at;

	if (!o)
		o = g->open_gap = replay__take(r, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->sample = *s;
	if (at->native)
		o->sample.at.native = strcpy(o->native, at->native);
	if (!at->function)
		return 0;
	o->sample.at.function = strcpy(o->code[0].function, at->function);
	o->sample.at.file = strcpy(o->code[0].file, at->file);
	for (unsigned int i = 0; i < at->nr_callers; i++)
		o->callers[i] = (struct blame_frame){
			strcpy(o->code[1 + i].function, at->callers[i].function),
			strcpy(o->code[1 + i].file, at->callers[i].file), at->callers[i].line};
	o->sample.at.callers = o->callers;
	return 0;
}

static int add_sample(struct replay *r, struct gil *g, const struct blame_sample *s)
{
	struct blame **to = r->from && s->ts >= r->from ? &g->later : &g->samples;
	size_t before = *to ? blame__memory(*to) : 0;

	/* They grow by powers of two. */
	if (!replay__has_room(r, before + 1024))
		return -ENOMEM;
	if (!*to)
		*to = blame__new();
	if (!*to)
		return -ENOMEM;
	blame__sample(*to, s);
	r->memory += blame__memory(*to) - before;
	return 0;
}

static int apply_sample(struct replay *r, struct gil *g, const struct blame_sample *s)
{
	int err;

	if (r->ranged && s->ts < r->start)
		return 0;
	if (s->kind == BLAME_OPEN_GAP)
		return keep_open(r, g, s);
	if (s->kind == BLAME_GAP) {
		replay__give(r, g->open_gap, sizeof(*g->open_gap));
		g->open_gap = NULL;
	}
	err = add_sample(r, g, s);
	if (err || !r->follower || !r->follower->sample)
		return err;
	return r->only_tid && (pid_t)s->tid != r->only_tid
		       ? 0
		       : r->follower->sample(r->follower_ctx, &g->public, s);
}

static int apply_samples(struct replay *r, struct span *body, __u64 ts)
{
	__u64 process = span__number(body);
	struct gil *g = replay__gil(r, process, (__u32)span__number(body));
	struct trace_last_sample last = {.ts = ts};
	struct blame_sample s;
	__u32 place;
	int err = 0;

	while (g && !err && !span__done(body))
		if (trace_sample__get(body, &s, &place, &last) && find_place(r, place, &s.at))
			err = apply_sample(r, g, &s);
	return err;
}

int replay__apply_samples(struct replay *r, struct trace_record *record)
{
	switch (record->type) {
	case TRACE_RECORD_CODE:
		return apply_code(r, &record->body);
	case TRACE_RECORD_PLACE:
		return apply_place(r, &record->body);
	case TRACE_RECORD_SAMPLES:
		return apply_samples(r, &record->body, record->ts);
	default:
		return 0;
	}
}

/* ---- results ---- */

int replay__copy_samples(const struct gil *g, struct snapshot_gil *to)
{
	if (!to->sampled)
		return 0;
	to->samples = g->samples ? blame__copy(g->samples) : blame__new();
	if (!to->samples)
		return -ENOMEM;
	if (g->open_gap)
		blame__sample(to->samples, &g->open_gap->sample);
	return 0;
}

static void drop(struct replay *r, struct blame **samples)
{
	if (*samples)
		r->memory -= blame__memory(*samples);
	blame__free(*samples);
	*samples = NULL;
}

void replay__reset_samples(struct replay *r, struct gil *g)
{
	replay__give(r, g->open_gap, sizeof(*g->open_gap));
	g->open_gap = NULL;
	drop(r, &g->samples);
	g->samples = g->later;
	g->later = NULL;
}

void replay__drop_samples(struct replay *r, struct gil *g)
{
	replay__reset_samples(r, g);
	drop(r, &g->samples);
}

int replay__tell_check(struct replay *r, struct span *body)
{
	const struct snapshot *s = r->figures;
	const struct snapshot_process *p = &s->processes[s->nr_processes - 1];
	struct replay_check c = {s->nr_processes - 1, p->nr_gils - 1, {0}}, *more;

	if (!trace_functions__get(body, &c.told))
		return 0;
	more = replay__has_room(r, sizeof(c)) ? reallocarray(r->checks, r->nr_checks + 1, sizeof(c))
					      : NULL;
	if (!more)
		return -ENOMEM;
	r->memory += sizeof(c);
	r->checks = more;
	more[r->nr_checks++] = c;
	return 0;
}

void replay__check_functions(struct replay *r)
{
	for (size_t i = 0; i < r->nr_checks; i++) {
		const struct replay_check *c = &r->checks[i];
		struct snapshot_gil *g = &r->figures->processes[c->process].gils[c->gil];
		struct trace_functions_check is =
			trace_functions__check(g->functions, g->nr_functions);

		if (is.nr == c->told.nr && is.crc == c->told.crc)
			continue;
		free(g->functions);
		blame__free(g->samples);
		g->functions = NULL;
		g->samples = NULL;
		g->nr_functions = 0;
	}
}

void replay__free_names(struct replay *r)
{
	free(r->checks);
	free(r->names.codes);
	free(r->names.places);
}
