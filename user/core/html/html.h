/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A report as one HTML page, which needs no network: the data as JSON, and a script that shows it. */
#ifndef HTML_H
#define HTML_H

#include <stdio.h>

#include "core/figures/snapshot.h"
#include "core/html/chart.h"

struct html_options {
	const char *version;       /* gilscope's own; NULL: not shown */
	const struct chart *chart; /* who had the GIL when; NULL: there is no recording */
};

/* Writes the page and flushes the stream. Returns 0, -ENOMEM, or -errno if the stream has an error. */
int html__write(FILE *out, const struct snapshot *s, const struct html_options *o);

#endif
