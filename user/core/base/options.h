/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Command-line options as tables: a row both parses its option and is its line in the help. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "core/base/failure.h"

struct option_row {
	char letter;      /* 0: none */
	const char *name; /* the long form; NULL ends a table */
	const char *arg;  /* the name of its argument; NULL: it takes none */
	const char *help; /* one paragraph, which is wrapped */
	/* Stores the value in the command's options. Returns 0, or -EINVAL with f->what saying
		 * what is wrong with the value. */
	int (*set)(void *options, const char *value, struct failure *f);
};

struct option_group {
	const char *title; /* in the help; NULL ends the list */
	const struct option_row *rows;
	void *options; /* passed to the rows' `set` */
};

/*
 * Parses argv[1..] up to "--" or the first word that is not an option. Returns 0 with the index of
 * the first word after the options in *rest, -EINVAL with f filled, or 1 if --help was given.
 */
int options__parse(const struct option_group *groups, int argc, char **argv, int *rest,
		   struct failure *f);
/* The same words, without storing anything: true if --no-config is among them. With `past_words`, also
 * behind words that are no options, up to "--". */
bool options__no_config(const struct option_group *groups, int argc, char **argv, bool past_words);
/* Sets one option by its long name, which must be whole. A NULL value, or "true", is for one that takes
 * none. Returns 0, or -EINVAL with f->what. */
int options__set(const struct option_group *groups, const char *name, const char *value,
		 struct failure *f);
void options__help(const struct option_group *groups, FILE *out);

/* A whole decimal number from min to max, with nothing around it. 0 or -EINVAL with f->what. */
int options__number(const char *text, long long min, long long max, long long *value,
		    struct failure *f);
/* Converts a length of time to ns: seconds, or a decimal fraction with a unit ("1", "0.25", "500ms",
 * "1.5h"). It must be more than 0 and at most a year. 0 or -EINVAL with f->what. */
int options__seconds(const char *text, unsigned long long *ns, struct failure *f);

/* One of the words in `choices`, "auto|always|never". 0 with its number in *choice, or -EINVAL with
 * f->what. */
int options__choice(const char *text, const char *choices, int *choice, struct failure *f);

/* Bytes from min to max; K, M or G stand for powers of 1024. 0 or -EINVAL with f->what. */
int options__size(const char *text, unsigned long long min, unsigned long long max,
		  unsigned long long *bytes, struct failure *f);

#endif
