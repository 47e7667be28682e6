/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The section of the text report about costs, and about what was missed. */
#ifndef TEXT_MISSED_H
#define TEXT_MISSED_H

#include "core/figures/snapshot.h"
#include "core/base/text.h"

void text_missed(const struct text *t, const struct snapshot *s);

#endif
