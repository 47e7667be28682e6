// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The data of a page: stacks. Frames are numbers; and since stacks that follow each other have their
 * outermost frames in common, a stack is how many of these it shares with the one before, its other
 * frames, and its figures.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/html/page_data.h"
#include "core/report/stacks.h"

struct numbered {
	const struct stack *stack;
	const __u32 *numbers; /* of its frames */
};

struct page_stacks {
	struct stacks all;
	struct stack_frames frames;
	__u32 *numbers;
	struct numbered *list;
};

static int by_weight(const void *a, const void *b)
{
	const struct stack *s = ((const struct numbered *)a)->stack;
	const struct stack *t = ((const struct numbered *)b)->stack;
	__u64 v = s->wait_ns + s->hold_ns, w = t->wait_ns + t->hold_ns;

	return v < w ? 1 : v > w ? -1 : 0;
}

static size_t shared(const struct numbered *a, const struct numbered *b)
{
	size_t n = 0;

	while (n < a->stack->nr && n < b->stack->nr && a->numbers[n] == b->numbers[n])
		n++;
	return n;
}

static int by_frames(const void *a, const void *b)
{
	const struct numbered *x = a, *y = b;
	size_t n = shared(x, y);

	if (n == x->stack->nr || n == y->stack->nr)
		return (int)x->stack->nr - (int)y->stack->nr;
	return x->numbers[n] < y->numbers[n] ? -1 : 1;
}

static int make(struct page_stacks *x, const struct snapshot_process *p,
		const struct snapshot_gil *g)
{
	int err = stacks__of(&x->all, p, g);

	if (err)
		return err;
	x->numbers = calloc(x->all.nr_frames + 1, sizeof(*x->numbers));
	x->list = calloc(x->all.nr + 1, sizeof(*x->list));
	if (!x->numbers || !x->list)
		return -ENOMEM;
	for (size_t i = 0; i < x->all.nr_frames; i++) {
		ssize_t n = stack_frames__number(&x->frames, &x->all.frames[i], true);

		if (n < 0)
			return -ENOMEM;
		x->numbers[i] = (__u32)n;
	}
	for (size_t i = 0; i < x->all.nr; i++)
		x->list[i] = (struct numbered){&x->all.list[i], x->numbers + x->all.list[i].first};
	return 0;
}

/* The files' names are in a list of their own, because many frames have the same. */
static int put_frames(struct json *j, const struct stack_frames *frames, const bool *used)
{
	struct stack_frame *names = calloc(frames->nr + 1, sizeof(*names));
	struct stack_frames files = {0};
	ssize_t file = 0;

	for (size_t i = 0; names && i < frames->nr; i++)
		memcpy(names[i].file, frames->list[i]->file, sizeof(names[i].file));
	json__open(j, "frames", '[');
	for (size_t i = 0; names && file >= 0 && i < frames->nr; i++) {
		const struct stack_frame *f = frames->list[i];

		json__open(j, NULL, '[');
		file = used[i] ? stack_frames__number(&files, &names[i], false) : 0;
		if (used[i]) {
			json__integer(j, NULL, f->kind);
			json__string(j, NULL, f->function);
			json__signed(j, NULL, file);
			json__integer(j, NULL, f->line);
		}
		json__close(j, ']');
	}
	json__close(j, ']');
	json__open(j, "files", '[');
	for (size_t i = 0; i < files.nr; i++)
		json__string(j, NULL, files.list[i]->file);
	json__close(j, ']');
	stack_frames__free(&files);
	free(names);
	return names && file >= 0 ? 0 : -ENOMEM;
}

/* [shared, [frame...], wait, hold, samples] */
static void put_stack(struct json *j, const struct numbered *x, size_t nr_shared)
{
	json__open(j, NULL, '[');
	json__integer(j, NULL, nr_shared);
	json__open(j, NULL, '[');
	for (size_t i = nr_shared; i < x->stack->nr; i++)
		json__integer(j, NULL, x->numbers[i]);
	json__close(j, ']');
	json__integer(j, NULL, x->stack->wait_ns);
	json__integer(j, NULL, x->stack->hold_ns);
	json__integer(j, NULL, x->stack->samples);
	json__close(j, ']');
}

static size_t shared_with_last(const struct page_stacks *x, size_t i)
{
	return i ? shared(&x->list[i - 1], &x->list[i]) : 0;
}

/* Sorts the stacks so that the first ones are those that weigh most, in the order of their frames.
 * Returns how many these are: at most so many, with at most so many frames to be written. */
static size_t choose(struct page_stacks *x, size_t most, size_t most_frames)
{
	size_t n = x->all.nr < most ? x->all.nr : most;

	while (n) {
		size_t frames = 0;

		qsort(x->list, x->all.nr, sizeof(*x->list), by_weight);
		qsort(x->list, n, sizeof(*x->list), by_frames);
		for (size_t i = 0; i < n; i++)
			frames += x->list[i].stack->nr - shared_with_last(x, i);
		if (frames <= most_frames)
			break;
		n = n * most_frames / frames;
	}
	return n;
}

static int put_stacks(struct json *j, struct page_stacks *x, const struct page_budget *budget)
{
	size_t n = choose(x, budget->stacks, budget->frames);
	bool *used = calloc(x->frames.nr + 1, sizeof(*used));
	__u64 wait = 0, hold = 0;
	int err;

	if (!used)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < x->list[i].stack->nr; k++)
			used[x->list[i].numbers[k]] = true;
	for (size_t i = n; i < x->all.nr; i++) {
		wait += x->list[i].stack->wait_ns;
		hold += x->list[i].stack->hold_ns;
	}
	err = put_frames(j, &x->frames, used);
	json__open(j, "list", '[');
	for (size_t i = 0; i < n; i++)
		put_stack(j, &x->list[i], shared_with_last(x, i));
	json__close(j, ']');
	json__integer(j, "more", x->all.nr - n);
	json__integer(j, "more_wait", wait);
	json__integer(j, "more_hold", hold);
	free(used);
	return err;
}

int page_data__stacks(struct json *j, const struct snapshot_process *p,
		      const struct snapshot_gil *g, const struct page_budget *budget)
{
	struct page_stacks x = {0};
	int err = make(&x, p, g);

	if (!err) {
		json__open(j, "stacks", '{');
		err = put_stacks(j, &x, budget);
		json__close(j, '}');
	}
	stacks__free(&x.all);
	stack_frames__free(&x.frames);
	free(x.numbers);
	free(x.list);
	return err;
}
