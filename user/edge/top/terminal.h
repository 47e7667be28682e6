/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Shows a grid on the terminal and reads keys. The terminal is restored whatever happens, crashes
 * included. terminal.c is the only file that uses curses.
 */
#ifndef TERMINAL_H
#define TERMINAL_H

#include "core/base/failure.h"
#include "core/screen/grid.h"
#include "core/screen/theme.h"

struct terminal;

/* True if standard output is a terminal. */
bool terminal__is_there(void);
/* Takes the terminal over, and its mouse, if `mouse`. Returns 0, or -errno with f filled if there is
 * no terminal, or TERM is unknown. */
int terminal__open(struct terminal **out, bool mouse, struct failure *f);
/* Restores the terminal and frees t. NULL is fine. */
void terminal__close(struct terminal *t);

/* A descriptor that becomes readable when a key may have been pressed. */
int terminal__fd(const struct terminal *t);
/* Where the mouse was pressed. */
struct terminal_click {
	int x;
	int y;
	bool second; /* of a double click */
};

#define TERMINAL_CLICK 0x120000 /* no key has this code */

/* Returns a key as in enum view_key, TERMINAL_CLICK with *click filled, 0 if there is none, or -1
 * if the terminal is gone. */
int terminal__key(struct terminal *t, struct terminal_click *click);
void terminal__size(const struct terminal *t, int *width, int *height);
bool terminal__has_colours(const struct terminal *t);
void terminal__show(struct terminal *t, const struct grid *g, const struct theme *theme);

/* Call these when the signal has arrived. resized: SIGWINCH. stop: SIGTSTP; it gives the terminal
 * back, stops this process, and returns when the process is continued. continued: SIGCONT, if
 * something else stopped the process. */
void terminal__resized(struct terminal *t);
void terminal__stop(struct terminal *t);
void terminal__continued(struct terminal *t);

#endif
