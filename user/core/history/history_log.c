// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stdlib.h>
#include <string.h>

#include "core/history/history_log.h"

void log__put(struct log *l, const void *what, size_t size)
{
	if (l->failed)
		return;
	if (l->size - l->used < size) {
		size_t larger = (l->size + size) * 2;
		char *data = realloc(l->data, larger);

		if (!data) {
			/* A part of an entry could not be read. */
			l->used = 0;
			l->failed = true;
			return;
		}
		l->data = data;
		l->size = larger;
	}
	memcpy(l->data + l->used, what, size);
	l->used += size;
}

void log__clear(struct log *l)
{
	free(l->data);
	*l = (struct log){0};
}

__u64 counter_delta(__u64 now, __u64 before)
{
	return now >= before ? now - before : now;
}

/* Two states of a histogram are mostly the same. Looks for differences in strides, which the
 * compiler can vectorize. */
static bool same(const __u64 *a, const __u64 *b)
{
	__u64 different = 0;

	for (int i = 0; i < 16; i++)
		different |= a[i] ^ b[i];
	return !different;
}

_Static_assert(GIL_HIST_SLOTS % 16 == 0, "whole strides");

void log__put_hist(struct log *l, const struct gil_hist *now, const struct gil_hist *before)
{
	struct hist_head head = {
		.count = counter_delta(now->count, before->count),
		.sum = counter_delta(now->sum, before->sum),
	};
	struct hist_slot slots[GIL_HIST_SLOTS];

	for (__u32 i = 0; i < GIL_HIST_SLOTS && head.count; i += 16) {
		if (same(now->slot + i, before->slot + i))
			continue;
		for (__u32 j = i; j < i + 16; j++) {
			__u64 n = counter_delta(now->slot[j], before->slot[j]);

			if (n)
				slots[head.slots++] = (struct hist_slot){j, (__u32)n};
		}
	}
	log__put(l, &head, sizeof(head));
	log__put(l, slots, head.slots * sizeof(*slots));
}

const char *hist__apply(struct gil_hist *h, const char *at, bool off)
{
	struct hist_head head;
	struct hist_slot s;

	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	h->count += off ? -head.count : head.count;
	h->sum += off ? -head.sum : head.sum;
	for (__u32 i = 0; i < head.slots; i++, at += sizeof(s)) {
		memcpy(&s, at, sizeof(s));
		h->slot[s.slot] += off ? -(__u64)s.count : s.count;
	}
	return at;
}

const char *hist__skip(const char *at)
{
	struct hist_head head;

	memcpy(&head, at, sizeof(head));
	return at + sizeof(head) + head.slots * sizeof(struct hist_slot);
}

__u64 hist__bound(const struct gil_hist *h, __u64 limit)
{
	__u32 i = GIL_HIST_SLOTS;

	while (i && !h->slot[i - 1])
		i--;
	/* The last slot has no upper end. */
	if (!i || i == GIL_HIST_SLOTS)
		return i ? limit : 0;
	return gil_hist_lo(i) - 1 < limit ? gil_hist_lo(i) - 1 : limit;
}
