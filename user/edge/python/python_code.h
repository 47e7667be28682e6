/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a frame of gil_walk.h is: the function, the file, and the table of lines, from the memory of
 * the process. Everything there is hostile: every length is bounded, every text becomes valid UTF-8,
 * and a code object that is no longer what the frame had seen is refused.
 */
#ifndef PYTHON_CODE_H
#define PYTHON_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/python/lines.h"
#include "edge/python/python.h"
#include "gil_frames.h"

#define PYTHON_CODE_NAME  256 /* a longer name is cut, with "..." at its end */
#define PYTHON_CODE_FILE  512 /* of a longer one the end is kept, with "..." at its start */
#define PYTHON_CODE_LINES 65536

/* Without pointers, so that a process can send it to another one. */
struct python_code {
	/* "Class.method", "<module>", "<lambda>"; up to 3.10 without its class, which only the function
	 * object knows */
	char function[PYTHON_CODE_NAME];
	char file
		[PYTHON_CODE_FILE]; /* "/srv/app/views.py", "<string>", "<frozen importlib._bootstrap>" */
	int first_line;
	bool hidden; /* the interpreter's own bytecode between two functions: people do not know it */
	bool importing; /* the machinery of import */
	enum lines_kind kind;
	unsigned int
		nr_lines; /* bytes in `lines`; 0 if there are more than fit: then there are no lines */
	unsigned char lines[PYTHON_CODE_LINES];
};

/*
 * Reads the code object of a frame. Returns 0; -ESTALE if another code object is there now, or the
 * frame's could not be checked; -EFAULT if it cannot be read, or is not a code object; -ESRCH if the
 * process has ended; or another -errno.
 */
int python_code__read(pid_t pid, const struct python *py, const struct gil_frame *frame,
		      struct python_code *code);

/* The line of the frame's instruction; 0 if it has none. */
int python_code__line(const struct python_code *code, const struct gil_frame *frame);

#endif
