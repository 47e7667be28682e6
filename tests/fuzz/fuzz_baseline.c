// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as a baseline. An accepted one must give every figure, and can be written again. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/check/baseline.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void take_figures(const struct snapshot *s)
{
	static const struct scope all;
	struct selection *sel = selection__of(s, &all);

	for (const struct metric *m = metric_table; m->name; m++) {
		for (int kind = 0; kind < STATISTICS; kind++) {
			struct statistic st = {.kind = (enum statistic_kind)kind, .ppm = 990000};

			if (statistic__applies(m, st.kind))
				figure__of(m, &st, sel);
		}
	}
	free(sel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct failure f = {0};
	struct baseline b;
	struct runs runs;
	char *text = NULL;
	size_t length;
	FILE *out;

	if (size > 65536)
		return 0;
	if (baseline__parse(&b, (const char *)data, size, "x", &f)) {
		if (!f.what[0])
			abort();
		return 0;
	}
	for (size_t i = 0; i < b.nr; i++)
		take_figures(b.list[i]);
	runs = (struct runs){b.list, b.nr};
	out = open_memstream(&text, &length);
	if (baseline__write(out, &runs, NULL))
		abort();
	fclose(out);
	free(text);
	baseline__clear(&b);
	return 0;
}
