/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Descriptions of the common terminals, for machines whose terminfo database lacks them. */
#ifndef TERMINFO_H
#define TERMINFO_H

/* Returns the description of the terminal that has this name, as curses takes it from the
 * environment variable TERMINFO; or NULL if none is compiled in. */
const char *terminfo__compiled_in(const char *name);

#endif
