/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The terminal: shows a grid, reads keys, and is left as it was found, whatever happens. The only
 * file that knows curses is terminal.c.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include "core/base/failure.h"
#include "core/screen/grid.h"
#include "core/screen/theme.h"

struct terminal;

/* True if standard output is a terminal. */
bool terminal__is_there(void);
/* True if the locale's characters are UTF-8. Sets the locale. */
bool terminal__is_utf8(void);
/* Takes the terminal over. 0, or -errno with f filled: there is none, or TERM is not known. */
int terminal__open(struct terminal **out, struct failure *f);
/* Gives it back. NULL is fine. */
void terminal__close(struct terminal *t);

/* Becomes readable when a key may have been pressed. */
int terminal__fd(const struct terminal *t);
/* A key as in enum view_key; 0: none; -1: the terminal is gone. */
int terminal__key(struct terminal *t);
void terminal__size(const struct terminal *t, int *width, int *height);
bool terminal__has_colours(const struct terminal *t);
void terminal__show(struct terminal *t, const struct grid *g, const struct theme *theme);

/* To be called when the signal has come: SIGWINCH; SIGTSTP, which gives the terminal back, stops
 * this process, and returns when it goes on; SIGCONT, if something else had stopped it. */
void terminal__resized(struct terminal *t);
void terminal__stop(struct terminal *t);
void terminal__continued(struct terminal *t);

#endif
