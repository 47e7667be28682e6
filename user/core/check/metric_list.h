/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The list of what can be measured, for `gilscope metrics` and for docs/metrics.md. */
#ifndef METRIC_LIST_H
#define METRIC_LIST_H

#include "core/report/render.h"

/* Both return 0, or -errno if the stream has an error. */
int metric_list__text(FILE *out, const struct render_options *o);
int metric_list__markdown(FILE *out);

#endif
