/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the files share that put the verdict into words. */
#ifndef VERDICT_WORDS_H
#define VERDICT_WORDS_H

#include "core/base/format.h"
#include "core/figures/verdict.h"

/* How a group of threads is called. */
struct verdict_name {
	char s[160];
};

struct verdict_teller {
	const struct verdict *v;
	struct verdict_text *text;
	bool ascii;
	int supports;
	unsigned int choices;
};

/* Appends to the sentence. */
__attribute__((format(printf, 2, 3))) void verdict_say(struct verdict_teller *t, const char *fmt,
						       ...);
/* Adds a supporting sentence, unless there are already VERDICT_SUPPORT. */
__attribute__((format(printf, 2, 3))) void verdict_add(struct verdict_teller *t, const char *fmt,
						       ...);

struct format verdict_interval(const struct verdict_teller *t);
/* "thread 12 (name)", or "20 threads such as 12 (name)". */
struct verdict_name verdict_who(const struct verdict_teller *t, const struct verdict_threads *who);

/* Adds what can be done: first by who uses a library, then by its author. */
void verdict_advise(struct verdict_teller *t);
/* Finds the function behind which others wait; and adds the sentence that names it. */
void verdict_code__find(struct verdict *v, const struct snapshot_gil *g);
void verdict_code__tell(struct verdict_teller *t);

#endif
