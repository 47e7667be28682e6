/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For the tests of verdicts about programs: parts of stories, and what the verdict then says. */
#ifndef VERDICT_TOLD_H
#define VERDICT_TOLD_H

#include "core/figures/verdict.h"
#include "fixtures.h"
#include "test.h"

/* What a story ends with. */
struct told {
	struct verdict v;
	char kind[32];
	char text[4 * VERDICT_TEXT]; /* the answer, the sentence and what supports it */
};

static inline struct told finish(struct story *st)
{
	struct verdict_text text;
	struct told t;

	story__end(st, false);
	snapshot__finish(st->snapshot);
	t.v = verdict__of_snapshot(st->snapshot);
	snapshot__free(st->snapshot);
	verdict__tell(&t.v, true, &text);
	snprintf(t.kind, sizeof(t.kind), "%s", verdict_kind__name(t.v.kind));
	snprintf(t.text, sizeof(t.text), "%s: %s %s %s %s", text.answer, text.sentence,
		 text.support[0], text.support[1], text.support[2]);
	return t;
}

#define SAYS(t, words)   CHECK(strstr((t).text, words), "%.900s", (t).text)
#define UNSAID(t, words) CHECK(!strstr((t).text, words), "%.900s", (t).text)

static inline struct story begin(void)
{
	return story__begin(snapshot__new(), 1, "python3");
}

/* The waiter gets the GIL from the holder, needs it for `brief`, and hands it back. */
static inline void interrupt(struct story *st, __u32 holder, __u32 waiter, __u64 brief, bool asked)
{
	story__hand_over(st, holder, waiter, asked);
	story__wait(st, holder);
	story__pass(st, brief);
	story__hand_over(st, waiter, holder, false);
}

/* The holder has no CPU for a while. */
static inline void preempt(struct story *st, __u32 holder, __u64 ns)
{
	story__edge(st, holder, GIL_EDGE_SWITCH_OUT, GIL_EDGE_F_RUNNABLE);
	story__pass(st, ns);
	story__edge(st, holder, GIL_EDGE_SWITCH_IN, 0);
}

/* Threads 1 to n compute in turns. In each, the holder computes for `on`, and then has no CPU for `off`. */
static inline void compute_for(struct story *st, __u32 n, int turns, __u64 on, __u64 off)
{
	for (__u32 tid = 2; tid <= n; tid++)
		story__wait(st, tid);
	story__edge(st, 1, GIL_EDGE_ACQUIRE, 0);
	for (int i = 0; i < turns; i++) {
		__u32 holder = (__u32)i % n + 1, next = ((__u32)i + 1) % n + 1;

		story__pass(st, on);
		if (off)
			preempt(st, holder, off);
		story__pass(st, 50 * US);
		story__hand_over(st, holder, next, true);
		story__wait(st, holder);
	}
}

/* The same in turns of 5 ms, or longer ones for want of a CPU. */
static inline void compute(struct story *st, __u32 n, int turns, __u64 off)
{
	compute_for(st, n, turns, off < 5 * MS ? 5 * MS - off : 2 * MS, off);
}

static inline void add_threads(struct story *st, __u32 n, const char *name)
{
	for (__u32 tid = 1; tid <= n; tid++)
		story__thread(st, tid, name);
}

#endif
