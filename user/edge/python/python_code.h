/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a frame of gil_walk.h is: the function, the file and the line, from the memory of the process.
 * Everything there is hostile: every length is bounded, every text becomes valid UTF-8, and a code
 * object that is no longer what the frame had seen is refused.
 */
#ifndef PYTHON_CODE_H
#define PYTHON_CODE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/python/lines.h"
#include "edge/python/python.h"
#include "gil_frames.h"

#define PYTHON_CODE_NAME  256  /* a longer name is cut, with "..." at its end */
#define PYTHON_CODE_FILE  512  /* of a longer one the end is kept, with "..." at its start */
#define PYTHON_CODE_LINES 3072 /* few code objects have a larger table of lines */

/* Without pointers, so that a process can send it to another one. */
struct python_code {
	/* "Class.method", "<module>", "<lambda>"; up to 3.10 without its class, which only the function
	 * object knows; "<import>" for all of the machinery of import; "<garbage collection>" */
	char function[PYTHON_CODE_NAME];
	char file
		[PYTHON_CODE_FILE]; /* "/srv/app/views.py", "<string>"; "" for what is not in a file */
	int first_line;
	bool hidden; /* the interpreter's own bytecode between two functions, which nobody knows */
	bool importing; /* neighbours in a stack that all have this count as one */
	/* The line of the frame with which it was read; 0: that has none. */
	int at, line;
	enum lines_kind kind;
	unsigned int nr_lines; /* bytes in `lines`; 0 if the table does not fit */
	unsigned char lines[PYTHON_CODE_LINES];
};

/*
 * Reads the code object of a frame. Returns 0; -ESTALE if another code object is there now, or the
 * frame's could not be checked; -EFAULT if it cannot be read, or is not a code object; -ESRCH if the
 * process has ended; or another -errno.
 */
int python_code__read(pid_t pid, const struct python *py, const struct gil_frame *frame,
		      struct python_code *code);

/* The line of this frame, whose code object `code` is: 0 if its instruction has none, and -1 if the
 * code object has to be read again for that, with this frame. */
int python_code__line(const struct python_code *code, const struct gil_frame *frame);

#endif
