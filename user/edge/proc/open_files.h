/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Raises the limit on gilscope's open files. With perf events each observed process needs four of
 * them, and more if its interpreter has its own probes, so the usual limit of 1,024 is reached at
 * some 250 processes.
 */
#ifndef OPEN_FILES_H
#define OPEN_FILES_H

#include <stdbool.h>

/* Raises this process's limit as far as permitted, and remembers the old one. */
void open_files__raise(void);
/* Restores the old limit. Call in a child before it executes another program: a program that uses
 * select() may rely on the limit. */
void open_files__restore(void);
/* Whether `n` more files can be opened and a few still be spared. Whoever keeps files open for each
 * target asks first: without a descriptor to spare, gilscope could neither look at another process,
 * to say that it is not observed, nor write its report. */
bool open_files__have_room(unsigned int n);

#endif
