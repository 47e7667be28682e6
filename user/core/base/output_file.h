/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Opens the files that gilscope writes, and decides what becomes of those that exist. */
#ifndef OUTPUT_FILE_H
#define OUTPUT_FILE_H

#include <stdbool.h>

#include "core/base/failure.h"

/* What to do if the path exists. Otherwise a file is created. */
enum output_policy {
	OUTPUT_REPLACE, /* open it; its content stays until the caller truncates it */
	OUTPUT_SPARE,   /* fail if it is a regular file; open a pipe or a device as it is */
	OUTPUT_CREATE,  /* fail, whatever it is */
	OUTPUT_APPEND,  /* open it, and write behind its content */
};

struct output_file {
	int fd;          /* owned by the caller */
	bool created;    /* the file was not there before; not known with OUTPUT_APPEND */
	bool is_regular; /* not a pipe or a device */
};

/* Opens the path for writing only. Returns 0 or -errno; -EEXIST if the policy does not permit what
 * is there. */
int output_file__open(struct output_file *out, const char *path, enum output_policy policy);
/* Explains why that failed. Returns err. */
int output_file__explain(const char *path, int err, struct failure *f);

#endif
