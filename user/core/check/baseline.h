/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A baseline: earlier runs to compare with. It is a JSON file with the schema gilscope/1, as
 * written by `gilscope stat --json` and `check --save-baseline`: one report, or an array of
 * reports.
 */
#ifndef BASELINE_H
#define BASELINE_H

#include "core/base/failure.h"
#include "core/rules/judge.h"

struct baseline {
	struct snapshot **list;
	size_t nr;
};

/* Reads `size` bytes; `name` is for messages. 0, or -errno with f filled. The result lacks what the
 * JSON does not have: where an unfinished hold or wait spent its time. */
int baseline__parse(struct baseline *b, const char *text, size_t size, const char *name,
		    struct failure *f);
/* The same from a file. */
int baseline__read(struct baseline *b, const char *path, struct failure *f);
void baseline__clear(struct baseline *b);

/* 0 or -errno. */
int baseline__write(FILE *out, const struct runs *runs, const char *version);

#endif
