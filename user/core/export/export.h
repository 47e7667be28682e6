/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Exports: a trace written edge by edge, for other tools. They are not renderers of a snapshot,
 * because the memory of an export does not grow with the trace.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include "core/replay/replay.h"

struct exporter {
	const char *name; /* for --format */
	/* Replays r up to until_ns and writes what happens. 0, or -errno: with f filled if the
	 * trace
		 * could not be read, otherwise the stream has an error. */
	int (*run)(FILE *out, struct replay *r, __u64 until_ns, struct failure *f);
};

/* The table. It ends with a row without a name. */
extern const struct exporter exporter_table[];

/* The row with that name, or NULL. */
const struct exporter *exporter__find(const char *name);

int export_csv(FILE *out, struct replay *r, __u64 until_ns, struct failure *f);
int export_ndjson(FILE *out, struct replay *r, __u64 until_ns, struct failure *f);
int export_perfetto(FILE *out, struct replay *r, __u64 until_ns, struct failure *f);

#endif
