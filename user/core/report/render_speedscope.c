// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The file format of https://www.speedscope.app: for each GIL a profile of the time that others waited and
 * one of the time that it was held, over one list of frames.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/base/json.h"
#include "core/report/render.h"
#include "core/report/stacks.h"

struct gil_stacks {
	struct stacks stacks;
	struct stack_text name;
};

struct speedscope {
	struct gil_stacks *gils;
	size_t nr;
	struct stack_frames frames;
};

static int collect(struct speedscope *x, const struct snapshot *s)
{
	size_t room = 0;
	int err = 0;

	for (size_t i = 0; i < s->nr_processes; i++)
		room += s->processes[i].nr_gils;
	x->gils = calloc(room + 1, sizeof(*x->gils));
	if (!x->gils)
		return -ENOMEM;
	for (size_t i = 0; i < s->nr_processes; i++) {
		const struct snapshot_process *p = &s->processes[i];

		for (size_t j = 0; !err && j < p->nr_gils; j++) {
			if (!p->gils[j].functions)
				continue;
			x->gils[x->nr].name = stacks__gil_name(p, &p->gils[j]);
			err = stacks__of(&x->gils[x->nr++].stacks, p, &p->gils[j]);
		}
	}
	for (size_t i = 0; !err && i < x->nr; i++)
		for (size_t j = 0; !err && j < x->gils[i].stacks.nr_frames; j++)
			if (stack_frames__number(&x->frames, &x->gils[i].stacks.frames[j], true) <
			    0)
				err = -ENOMEM;
	return err;
}

static void put_frames(struct json *j, const struct stack_frames *frames)
{
	json__open(j, "shared", '{');
	json__open(j, "frames", '[');
	for (size_t i = 0; i < frames->nr; i++) {
		const struct stack_frame *f = frames->list[i];

		json__open_inline(j, NULL, '{');
		json__string(j, "name", stack_frame__text(f).s);
		if (f->file[0])
			json__string(j, "file", f->file);
		if (f->line)
			json__integer(j, "line", f->line);
		json__close(j, '}');
	}
	json__close(j, ']');
	json__close(j, '}');
}

static void put_samples(struct json *j, struct speedscope *x, const struct stacks *all,
			bool by_hold)
{
	json__open(j, "samples", '[');
	for (size_t i = 0; i < all->nr; i++) {
		const struct stack *s = &all->list[i];

		if (!(by_hold ? s->hold_ns : s->wait_ns))
			continue;
		json__open_inline(j, NULL, '[');
		for (size_t k = 0; k < s->nr; k++)
			json__signed(
				j, NULL,
				stack_frames__number(&x->frames, &all->frames[s->first + k], true));
		json__close(j, ']');
	}
	json__close(j, ']');
}

static void put_profile(struct json *j, struct speedscope *x, const struct gil_stacks *g,
			bool by_hold)
{
	const struct stacks *all = &g->stacks;
	char name[512];
	__u64 sum = 0;

	snprintf(name, sizeof(name), "%s: %s", g->name.s,
		 by_hold ? "time with the GIL" : "time that others waited");
	for (size_t i = 0; i < all->nr; i++)
		sum += by_hold ? all->list[i].hold_ns : all->list[i].wait_ns;
	json__open(j, NULL, '{');
	json__string(j, "type", "sampled");
	json__string(j, "name", name);
	json__string(j, "unit", "nanoseconds");
	json__integer(j, "startValue", 0);
	json__integer(j, "endValue", sum);
	put_samples(j, x, all, by_hold);
	json__open_inline(j, "weights", '[');
	for (size_t i = 0; i < all->nr; i++) {
		__u64 weight = by_hold ? all->list[i].hold_ns : all->list[i].wait_ns;

		if (weight)
			json__integer(j, NULL, weight);
	}
	json__close(j, ']');
	json__close(j, '}');
}

static void put_file(FILE *out, struct speedscope *x, const struct render_options *o)
{
	struct json j = {.out = out};
	char exporter[64];

	json__open(&j, NULL, '{');
	json__string(&j, "$schema", "https://www.speedscope.app/file-format-schema.json");
	if (o->version) {
		snprintf(exporter, sizeof(exporter), "gilscope@%s", o->version);
		json__string(&j, "exporter", exporter);
	}
	json__integer(&j, "activeProfileIndex", o->by_hold);
	put_frames(&j, &x->frames);
	json__open(&j, "profiles", '[');
	for (size_t i = 0; i < x->nr; i++) {
		put_profile(&j, x, &x->gils[i], false);
		put_profile(&j, x, &x->gils[i], true);
	}
	json__close(&j, ']');
	json__close(&j, '}');
	putc('\n', out);
}

int render_speedscope(FILE *out, const struct snapshot *s, const struct render_options *o)
{
	struct speedscope x = {0};
	int err = collect(&x, s);

	if (!err) {
		put_file(out, &x, o);
		if (fflush(out) || ferror(out))
			err = errno ? -errno : -EIO;
	}
	for (size_t i = 0; i < x.nr; i++)
		stacks__free(&x.gils[i].stacks);
	free(x.gils);
	stack_frames__free(&x.frames);
	return err;
}
