/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The metrics of GILs as OpenMetrics text: one family for each row of the table of metrics. */
#ifndef OPENMETRICS_H
#define OPENMETRICS_H

#include <stdbool.h>
#include <stdio.h>

#include "core/rules/judge.h"

/* Writes all families, without the line that ends an exposition. */
void openmetrics__families(FILE *out, const struct runs *runs, bool prometheus);

/* Writes key="value", and escapes what must be escaped. */
void openmetrics__label(FILE *out, const char *key, const char *value);
/* Writes a value like "%.9g", independent of the locale; NaN and +Inf as the format defines
 * them. */
void openmetrics__number(FILE *out, double v);

#endif
