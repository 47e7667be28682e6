/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The metrics of GILs as OpenMetrics text. One family for each row of the table of metrics. */
#ifndef OPENMETRICS_H
#define OPENMETRICS_H

#include <stdio.h>

#include "core/rules/judge.h"

/* All families, without the line that ends an exposition. */
void openmetrics__families(FILE *out, const struct runs *runs);

/* key="value" with what must be escaped. */
void openmetrics__label(FILE *out, const char *key, const char *value);
/* A value, as "%.9g" without a locale; NaN and +Inf as the format has them. */
void openmetrics__number(FILE *out, double v);

#endif
