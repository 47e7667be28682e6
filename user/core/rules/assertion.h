/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A rule about the GIL, as `gilscope check` judges it:
 *
 *	rule    := ["warn"] figure [scope] op limit ["over" agg] ["if" figure op value]
 *	figure  := METRIC ["." STATISTIC]
 *	scope   := "{" key ("=" | "~") "pattern" {"," key ("=" | "~") "pattern"} "}"
 *	op      := "<" | "<=" | ">" | ">=" | "==" | "!="
 *	limit   := value | margin "vs" "baseline"
 *	value   := NUMBER ["ns" | "us" | "ms" | "s" | "%" | "/s"]
 *	margin  := ("+" | "-") NUMBER "%" ["and" ("+" | "-") value]
 *	agg     := "median" | "best" | "worst" | "all"
 *
 * Blanks may stand between these words, not within one: "wait. p99" and "10 ms" are errors.
 */
#ifndef ASSERTION_H
#define ASSERTION_H

#include "core/base/failure.h"
#include "core/rules/statistic.h"

#define ASSERTION_TEXT 512 /* a rule, with the zero byte at its end */

enum assertion_op {
	ASSERTION_LT,
	ASSERTION_LE,
	ASSERTION_GT,
	ASSERTION_GE,
	ASSERTION_EQ,
	ASSERTION_NE,
	ASSERTION_OPS,
};

enum assertion_over {
	ASSERTION_MEDIAN, /* what is meant if a rule says nothing */
	ASSERTION_BEST,
	ASSERTION_WORST,
	ASSERTION_ALL,
	ASSERTION_OVERS,
};

enum assertion_unit {
	ASSERTION_PLAIN, /* no unit */
	ASSERTION_NS,
	ASSERTION_US,
	ASSERTION_MS,
	ASSERTION_S,
	ASSERTION_PERCENT,
	ASSERTION_PER_SECOND,
	ASSERTION_UNITS,
};

/* A decimal number as it was written, so that it is printed as it was written. */
struct assertion_number {
	__u64 digits;          /* without the point */
	unsigned int decimals; /* how many of them come after it */
	enum assertion_unit unit;
	bool negative;
};

/* In the figure's own unit: ns, a share of 1, a number, a number a second. */
double assertion_number__value(const struct assertion_number *n);

struct assertion_figure {
	const struct metric *metric;
	struct statistic statistic;
};

struct assertion_condition {
	struct assertion_figure figure;
	enum assertion_op op;
	struct assertion_number value;
};

struct assertion {
	char text[ASSERTION_TEXT]; /* as written */
	const char *file;          /* NULL: from the command line */
	unsigned int line;
	bool warn;
	struct assertion_figure figure;
	struct scope scope;
	int scope_at[SCOPE_KEYS];     /* where in the text the patterns are */
	int scope_length[SCOPE_KEYS]; /* with their quotes */
	enum assertion_op op;
	struct assertion_number limit; /* with a baseline: the margin */
	bool vs_baseline;
	bool has_absolute;
	struct assertion_number absolute; /* of two margins the one that allows more counts */
	enum assertion_over over;
	bool has_over;
	bool has_condition;
	struct assertion_condition condition;
};

/* What is wrong with a rule, and where. */
struct assertion_error {
	int at; /* bytes into the text */
	int length;
	char message[200];
	char suggestion[160]; /* without "did you mean"; may be empty */
};

/* 0; -EINVAL with e filled. Any text ends in one or the other. `text` ends in a zero byte. */
int assertion__parse(struct assertion *a, const char *text, struct assertion_error *e);

/* The rule in its usual form, which parses to the same rule. */
struct assertion_text {
	char s[2 * ASSERTION_TEXT];
};
struct assertion_text assertion__print(const struct assertion *a);
/* "wait.p99" */
struct format assertion_figure__name(const struct assertion_figure *f);
/* "+10%", "200us" */
struct format assertion_number__print(const struct assertion_number *n);

const char *assertion_op__name(enum assertion_op op);
const char *assertion_over__name(enum assertion_over over);
const char *assertion_unit__name(enum assertion_unit unit);

/*
 * Tells an error as people want to see it, the rule below the message and a caret below the place.
 * `place` is "--assert" or "FILE:LINE".
 */
void assertion_error__tell(const struct assertion_error *e, const char *place, const char *text,
			   struct failure *f);

/* Rules from the command line and from files, in order. */
struct assertion_set {
	struct assertion *list;
	size_t nr;
	char **files; /* that the rules' `file` point to */
	size_t nr_files;
};

void assertion_set__clear(struct assertion_set *set);
/* Adds a rule from the command line. 0, -EINVAL with f, or -ENOMEM. */
int assertion_set__add(struct assertion_set *set, const char *text, struct failure *f);

/* Where the text of files comes from: *text is malloc'ed. 0 or -errno. */
struct assertion_reader {
	int (*read)(void *ctx, const char *path, char **text, size_t *size);
	void *ctx;
};
/* Adds the rules of a file: one a line, comments from # on, and include "FILE", relative to the
 * file that says so. 0, -errno with f. A NULL reader reads the file system. */
int assertion_set__read(struct assertion_set *set, const char *path,
			const struct assertion_reader *reader, struct failure *f);

#endif
