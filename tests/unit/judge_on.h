/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef JUDGE_ON_H
#define JUDGE_ON_H

#include <stdbool.h>

#include "core/rules/judge.h"

/* Judges a rule on some fixtures as runs and some as a baseline, each list ended by NULL. The caller
 * clears j. False if the rule cannot be parsed or judged. */
bool judge_on(struct judgement *j, struct assertion *a, const char *rule,
	      const char *const *fixtures, const char *const *before);

#endif
