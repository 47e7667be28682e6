/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * How many files gilscope may have open. With perf events each observed process takes four, and more
 * where its interpreter has probes of its own: the usual limit of 1,024 is that of some 250 processes.
 */
#ifndef OPEN_FILES_H
#define OPEN_FILES_H

/* Raises this process's limit as far as it may. What it was before is remembered. */
void open_files__raise(void);
/* In a child that is to execute another program: the limit is what it was. A program that uses select()
 * may rely on it. */
void open_files__restore(void);

#endif
