/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Exports: a trace written out edge by edge, for other tools. Beside the renderers of a snapshot, as
 * the memory of an export does not grow with the trace.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include "core/replay/replay.h"

struct exporter {
	const char *name; /* for --format */
	/* Goes through r up to until_ns and writes what it tells. 0, or -errno: with f filled if the
	 * trace could not be read, else the stream took an error. */
	int (*run)(FILE *out, struct replay *r, __u64 until_ns, struct failure *f);
};

/* The table; it ends with a row without a name. */
extern const struct exporter exporter_table[];

/* The row of that name, or NULL. */
const struct exporter *exporter__find(const char *name);

int export_csv(FILE *out, struct replay *r, __u64 until_ns, struct failure *f);
int export_ndjson(FILE *out, struct replay *r, __u64 until_ns, struct failure *f);
int export_perfetto(FILE *out, struct replay *r, __u64 until_ns, struct failure *f);

#endif
