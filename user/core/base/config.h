/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A file of defaults for options, in sections for commands:
 *
 *     # a comment
 *     [stat top]
 *     color = never
 *     duration = 10s
 *     no-follow
 *
 * A name is that of a long option. The value is the rest of its line; an option that takes none has
 * none here, or "true".
 */
#ifndef CONFIG_H
#define CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/failure.h"

/* A line that sets something. The strings are in the text that was parsed. */
struct config_line {
	const char *sections; /* "stat top" */
	const char *name;
	const char *value; /* NULL: none */
	int number;        /* of the line, from 1 */
};

struct config {
	struct config_line *lines; /* owned */
	size_t nr;
};

/* Parses the text, which is changed and must outlive the result, and has a zero byte at its end. `path`
 * is for messages, "PATH:LINE: what is wrong". `known` tells the names of commands, with spaces around
 * each: " stat top ". Returns 0; -EINVAL with f filled; or -ENOMEM. */
int config__parse(struct config *c, char *text, const char *path, const char *known,
		  struct failure *f);
void config__clear(struct config *c);
/* True if the line is for the command. */
bool config_line__is_for(const struct config_line *line, const char *command);

/* Why a file with this owner (a user's number) and mode is not read by `user`; NULL: it is. Only a file
 * that nobody else can have written counts. */
const char *config__refusal(unsigned int owner, unsigned int mode, unsigned int user);

#endif
