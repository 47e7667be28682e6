/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a shell may offer to complete a command line. The scripts of gilscope completion only ask:
 *
 *     gilscope __complete TYPED                   for a command
 *     gilscope COMMAND __complete WORD... TYPED   for a command's words
 *
 * where TYPED, which may be empty, is the word that is being typed, and WORD... are those before it.
 * The answer has a line for each candidate, the word and a tab and what it means; or a line that
 * tells the shell to complete by itself: ":files", or ":command" for a command and its arguments.
 */
#ifndef COMPLETE_H
#define COMPLETE_H

#include "commands/command_line.h"

#define COMPLETE_REQUEST "__complete"

/* Writes a candidate, if it begins with what was typed. `help` ends at its first line's end. */
void complete__offer(const char *typed, const char *word, const char *help);

/* Answers for the words of one command: argv[0] is its name, argv[1] the request. */
void complete__words(const struct command_line *c, int argc, char **argv);

#endif
