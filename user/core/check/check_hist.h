/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Prints a histogram with the limit drawn into it. */
#ifndef CHECK_HIST_H
#define CHECK_HIST_H

#include "core/rules/judge.h"
#include "core/base/text.h"

void check_hist(const struct text *t, const struct gil_hist *h, const struct assertion *a,
		const struct judgement *j);

#endif
