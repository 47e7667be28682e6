/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Exports: a trace written edge by edge, for other tools. They are not renderers of a snapshot,
 * because the memory of an export does not grow with the trace.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include "core/replay/replay.h"

/* The exports: the name for --format, which is also that of its function (export_NAME), and whether
 * it writes binary data. */
#define EXPORTS(X, LAST)                                                                           \
	X(perfetto, true)                                                                          \
	X(csv, false)                                                                              \
	LAST(ndjson, false)

/* All the names, as they continue a list: ", perfetto, csv or ndjson". */
#define EXPORT_COMMA(name, binary) ", " #name
#define EXPORT_OR(name, binary)    " or " #name
#define EXPORT_NAMES               EXPORTS(EXPORT_COMMA, EXPORT_OR)

/* Replays r up to until_ns and writes what happens. 0, or -errno: with f filled if the trace could
 * not be read, otherwise the stream has an error. */
typedef int export_run(FILE *out, struct replay *r, __u64 until_ns, struct failure *f);

#define EXPORT_FUNCTION(name, binary) export_run export_##name;
EXPORTS(EXPORT_FUNCTION, EXPORT_FUNCTION)

struct exporter {
	const char *name;
	bool binary; /* not for a terminal */
	export_run *run;
};

/* The table. It ends with a row without a name. */
extern const struct exporter exporter_table[];

/* The row with that name, or NULL. */
const struct exporter *exporter__find(const char *name);

#endif
