/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Exports: a trace written edge by edge, for other tools. They are not renderers of a snapshot,
 * because the memory of an export does not grow with the trace.
 */
#ifndef EXPORT_H
#define EXPORT_H

#include "core/replay/replay.h"

/* The exports: the name for --format, which is also that of its function (export_NAME), whether it
 * writes binary data, and how many times as large as the trace it roughly is. */
#define EXPORTS(X, LAST)                                                                           \
	X(perfetto, true, 40)                                                                      \
	X(csv, false, 20)                                                                          \
	LAST(ndjson, false, 50)

/* All the names, as they continue a list: ", perfetto, csv or ndjson". */
#define EXPORT_COMMA(name, binary, growth) ", " #name
#define EXPORT_OR(name, binary, growth)    " or " #name
#define EXPORT_NAMES                       EXPORTS(EXPORT_COMMA, EXPORT_OR)

/* Which part of what happens is written. */
struct export_part {
	__u64 until_ns; /* up to there */
	__u64 min_ns; /* waits and holds that last at least so long; 0: all, with everything else */
};

/* Replays r and writes what happens. 0, or -errno: with f filled if the trace could not be read,
 * otherwise the stream has an error. */
typedef int export_run(FILE *out, struct replay *r, const struct export_part *part,
		       struct failure *f);

#define EXPORT_FUNCTION(name, binary, growth) export_run export_##name;
EXPORTS(EXPORT_FUNCTION, EXPORT_FUNCTION)

struct exporter {
	const char *name;
	bool binary;         /* not for a terminal */
	unsigned int growth; /* how many times as large as the trace it roughly is */
	export_run *run;
};

/* The table. It ends with a row without a name. */
extern const struct exporter exporter_table[];

/* The row with that name, or NULL. */
const struct exporter *exporter__find(const char *name);

#endif
