/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The data of a page. Used only by html.c; the page's script reads it. */
#ifndef PAGE_DATA_H
#define PAGE_DATA_H

#include "core/base/json.h"
#include "core/html/html.h"

/* How much of each kind a GIL may have, so that all GILs fit into a page. */
struct page_budget {
	size_t lanes; /* that all GILs' charts share */
	size_t intervals, stacks, threads;
	size_t frames; /* of all stacks */
};

/* All of these write to a stream that makes names harmless (escape.h), and return 0 or -ENOMEM. */

/* Everything. */
int page_data(struct json *j, const struct snapshot *s, const struct html_options *o);
/* The figures of a GIL, with its threads, functions and stacks. */
int page_data__gil(struct json *j, const struct snapshot_process *p, const struct snapshot_gil *g,
		   const struct page_budget *budget);
/* The stacks of g, a GIL of p that has samples, under the key "stacks". */
int page_data__stacks(struct json *j, const struct snapshot_process *p,
		      const struct snapshot_gil *g, const struct page_budget *budget);
/* Who had the GIL when, under the key "chart". */
int page_data__chart(struct json *j, const struct chart *c, struct chart_gil *g,
		     const struct page_budget *budget);

#endif
