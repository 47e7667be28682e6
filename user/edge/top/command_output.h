/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Keeps a launched command's output away from the screen while gilscope uses it: the output goes to
 * a file, and is shown afterwards. The command's input is empty, because gilscope reads the keys.
 */
#ifndef COMMAND_OUTPUT_H
#define COMMAND_OUTPUT_H

#include <stdbool.h>

#include "core/base/failure.h"

struct command_output;

/* Processes started from now on write to the file at path, or, if path is NULL, to an unnamed
 * temporary file. `force`: the file may be another user's. Returns 0, or -errno with f filled. */
int command_output__divert(struct command_output **out, const char *path, bool force,
			   struct failure *f);
/* Gives this process its own input and output back. */
void command_output__restore(struct command_output *c);
/* Call when the screen is free again: shows what the unnamed file has so far, and then everything
 * that is added to it. NULL is fine. */
void command_output__show(struct command_output *c);
/* Shows the rest and frees c. NULL is fine. */
void command_output__finish(struct command_output *c);

#endif
