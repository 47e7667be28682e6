/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A rule whose scope matches nothing: which key is to blame, and what there was for it. */
#ifndef UNMATCHED_H
#define UNMATCHED_H

#include "core/rules/judge.h"
#include "core/rules/selection.h"

/* The first key of the rule's scope that leaves nothing of the run, from which sel was selected;
 * SCOPE_KEYS if something is left. */
enum scope_key unmatched__key(const struct assertion *a, const struct selection *sel,
			      const struct snapshot *run);

/* Makes j an error that says so, and offers what the run had for the key. `where` is what the run
 * was: "what was observed", "the baseline". */
void unmatched__tell(struct judgement *j, const struct assertion *a, enum scope_key key,
		     const struct snapshot *run, const char *where);

#endif
