/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What people call a process: its script, its module or its title. The kernel's own name for it is
 * "python3" for nearly all of them. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include <stddef.h>

/* The longest name, with its end. */
#define PROGRAM_NAME 64

/*
 * Makes a short name from the arguments of a process as /proc/PID/cmdline has them, `size` bytes:
 * "app.py", "-m http.server", "-c import time", or a title that the program has set ("gunicorn:
 * worker [app]"). Arguments of the script are left out: they may be secret, and are long. The name is
 * printable, and cut to fit; "" if there are no arguments.
 */
void program__name(const char *args, size_t size, char name[PROGRAM_NAME]);

#endif
