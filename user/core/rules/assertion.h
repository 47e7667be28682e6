/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A rule about the GIL, as judged by `gilscope check`:
 *
 *	rule    := ["warn"] figure [scope] op limit ["over" agg] ["if" figure op value]
 *	figure  := METRIC ["." STATISTIC]
 *	scope   := "{" key ("=" | "~") "pattern" {"," key ("=" | "~") "pattern"} "}"
 *	op      := "<" | "<=" | ">" | ">=" | "==" | "!="
 *	limit   := value | margin "vs" "baseline"
 *	value   := NUMBER ["ns" | "us" | "ms" | "s" | "m" | "h" | "%" | "/s"]
 *	margin  := ("+" | "-") NUMBER "%" ["and" ("+" | "-") value]
 *	agg     := "median" | "best" | "worst" | "all"
 *
 * Blanks are allowed between these words, but not within one: "wait. p99" and "10 ms" are errors.
 */
#ifndef ASSERTION_H
#define ASSERTION_H

#include "core/base/failure.h"
#include "core/rules/statistic.h"

#define ASSERTION_TEXT 512 /* size of a rule, including the zero byte */

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
	ASSERTION_MEDIAN, /* the default */
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
	ASSERTION_MINUTES,
	ASSERTION_HOURS,
	ASSERTION_PERCENT,
	ASSERTION_PER_SECOND,
	ASSERTION_UNITS,
};

/* A decimal number. It keeps its digits, so that it is printed as it was written. */
struct assertion_number {
	__u64 digits;          /* without the point */
	unsigned int decimals; /* how many of the digits come after the point */
	enum assertion_unit unit;
	bool negative;
};

/* The value in the figure's own unit: ns, a share of 1, a number, or a number per second. */
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
	int scope_at[SCOPE_KEYS];     /* byte offsets of the patterns in the text */
	int scope_length[SCOPE_KEYS]; /* including their quotes */
	enum assertion_op op;
	struct assertion_number limit; /* for a rule with a baseline: the margin */
	bool vs_baseline;
	bool has_absolute;
	struct assertion_number absolute; /* of two margins, the more generous one counts */
	enum assertion_over over;
	bool has_over;
	bool has_condition;
	struct assertion_condition condition;
};

/* What is wrong with a rule, and where. Empty suggestion: there is none. */
struct assertion_error {
	int at; /* byte offset in the text */
	int length;
	char message[200];
	char suggestion[160]; /* without "did you mean" */
};

/* Parses a rule, which ends in a zero byte. 0, or -EINVAL with e filled, for any text. */
int assertion__parse(struct assertion *a, const char *text, struct assertion_error *e);

/* The rule in its usual form, which parses to the same rule again. */
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
 * Formats an error for people: the message, the rule below it, and a caret below the place. `place`
 * is "--assert" or "FILE:LINE".
 */
void assertion_error__tell(const struct assertion_error *e, const char *place, const char *text,
			   struct failure *f);

/* Rules from the command line and from files, in order. Owns its lists. */
struct assertion_set {
	struct assertion *list;
	size_t nr;
	char **files; /* the file names to which the rules' `file` points */
	size_t nr_files;
};

void assertion_set__clear(struct assertion_set *set);
/* Adds a rule from the command line. 0, -EINVAL with f filled, or -ENOMEM. */
int assertion_set__add(struct assertion_set *set, const char *text, struct failure *f);

/* Reads a file. *text is malloc'ed, and the caller frees it. 0 or -errno. */
struct assertion_reader {
	int (*read)(void *ctx, const char *path, char **text, size_t *size);
	void *ctx;
};
/* Adds the rules of a file: one rule per line, comments from # on, and include "FILE", relative to
 * the including file. 0, or -errno with f filled. A NULL reader reads from the file system. */
int assertion_set__read(struct assertion_set *set, const char *path,
			const struct assertion_reader *reader, struct failure *f);

#endif
