/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The evidence for a rule that does not hold, in words and pictures. */
#ifndef CHECK_EVIDENCE_H
#define CHECK_EVIDENCE_H

#include "core/base/text.h"
#include "core/check/check.h"

/* What all of it is indented by, in columns, and its usual width with that. */
#define CHECK_INDENT 16
#define CHECK_WIDTH  100

/* Prints it for rule i. 0 or -ENOMEM. */
int check_evidence(const struct text *t, const struct check *c, size_t i);
/* The same as text in UTF-8 without indentation or colour, which the caller frees; NULL if the rule
 * has none, or there is no memory. */
char *check_evidence__plain(const struct check *c, size_t i);

#endif
