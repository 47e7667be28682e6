/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The user's file of defaults: where it is, whether it counts, and what it says. */
#ifndef DEFAULTS_H
#define DEFAULTS_H

#include <limits.h>

#include "core/base/config.h"
#include "core/base/options.h"

/* gilscope config asks each command by this word what the file sets for it. */
#define DEFAULTS_REQUEST "__defaults"

struct defaults {
	char path[PATH_MAX];  /* "": there is no home folder */
	const char *not_read; /* why the file does not count; NULL: it does */
	struct config config;
};

/*
 * Reads the file, once: $XDG_CONFIG_HOME/gilscope/config, or ~/.config/gilscope/config. It counts only
 * if it belongs to the user whose rights gilscope has, or to root, and nobody else may write to it; so
 * under sudo it is root's. Returns 0 with *d, or -errno with f filled.
 */
int defaults__read(const struct defaults **d, struct failure *f);
/* Sets what the file says for the command. Returns how many lines it had, or -errno with f filled. */
int defaults__apply(const struct defaults *d, const char *command,
		    const struct option_group *groups, struct failure *f);

/* Prints what the file sets for the command, and on stderr what is wrong with that. Returns the exit
 * status. */
int defaults__show(const char *command, const struct option_group *groups);

#endif
