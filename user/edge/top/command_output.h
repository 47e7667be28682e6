/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where a launched command's output goes while gilscope has the screen: to a file, and onto the
 * screen afterwards. Its input is empty: the keys are gilscope's.
 */
#ifndef COMMAND_OUTPUT_H
#define COMMAND_OUTPUT_H

#include "core/base/failure.h"

struct command_output;

/* Makes what is started from now on write to the file, or, if path is NULL, to one without a name.
 * 0, or -errno with f filled. */
int command_output__divert(struct command_output **out, const char *path, struct failure *f);
/* This process has its own input and output back. */
void command_output__restore(struct command_output *c);
/* The screen is free again: shows what was written so far to the file without a name, and what is
 * written from now on. NULL is fine. */
void command_output__show(struct command_output *c);
/* Shows the rest and frees. NULL is fine. */
void command_output__finish(struct command_output *c);

#endif
