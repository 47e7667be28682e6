/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The one opener of all files that gilscope writes. It often runs as root, in folders where others
 * may write too; so for every file:
 *
 *  - It is written under a temporary name, ".gilscope-..." in the same folder, and gets its own name
 *    when it is complete. Nothing is written into a file that exists, except at its end.
 *  - A regular file of the invoking user may be replaced. Whatever else has the name is replaced
 *    only with --force, and then itself: a symbolic link is never followed, a folder never replaced.
 *  - A FIFO of the invoking user and a character device are opened as they are; /dev/stdout,
 *    /dev/stderr and /dev/fd/N are the descriptors that gilscope was started with.
 *  - If root runs gilscope through sudo, the invoking user is who called sudo; new files belong to
 *    that user.
 *
 * A recording is the exception to "when it is complete": it grows for hours, can be read up to its
 * last second at any time, and must be found if gilscope is killed. So it gets its name when the
 * observation has begun and the first frame is about to be written. A flight recorder writes only at
 * the end, and its file gets its name then.
 *
 * An interrupt removes temporary files; if gilscope is killed, one may stay behind.
 */
#ifndef OUTPUT_FILE_H
#define OUTPUT_FILE_H

#include <limits.h>
#include <stdbool.h>

#include "core/base/capability.h"
#include "core/base/failure.h"

/* What becomes of a regular file of the invoking user that has the name already. */
enum output_policy {
	OUTPUT_REPLACE, /* it is replaced */
	OUTPUT_SPARE,   /* it is replaced only with --force, because it cannot be made again */
	OUTPUT_CREATE,  /* it stays, as does whatever has the name: that is found out at the end */
	OUTPUT_APPEND,  /* more is written behind its content; no temporary file is used */
};

/* Zero it before anything else, so that it can always be dropped. */
struct output_file {
	int fd;            /* for writing; the caller closes it */
	bool is_temporary; /* it has no name of its own yet */
	bool is_regular;   /* a new file, not a pipe, a device or a descriptor that was there */
	/* The folder's rights alone do not let this process name or remove the file, if it has given
	 * up its capabilities: it has to keep output_file__rights(). */
	bool needs_rights;
	/* private */
	const char *path;
	enum output_policy policy;
	bool force;
	int folder; /* a descriptor; only while is_temporary */
	char name[NAME_MAX + 1], temporary[32];
};

/* Opens the file at path, which must stay valid, for writing. `force` stands for the option. Returns
 * 0, or -errno with f filled; -EEXIST if what is there may not be replaced. */
int output_file__open(struct output_file *out, const char *path, enum output_policy policy,
		      bool force, struct failure *f);
/* Gives a temporary file its name; others have it already. The descriptor stays open. If that fails,
 * the file stays temporary. Returns 0 or -errno; -EEXIST if by now something has the name that may
 * not be replaced. */
int output_file__publish(struct output_file *out);
/* Before that: the file shall have another name, in the same folder. path must stay valid. */
void output_file__rename(struct output_file *out, const char *path);
/* With OUTPUT_CREATE: gives it the first name PATH.N that is free, with N above *n; sets *n to N. */
int output_file__publish_numbered(struct output_file *out, unsigned int *n);
/* Removes a temporary file. Does not close the descriptor. */
void output_file__drop(struct output_file *out);

/* From now on SIGINT, SIGTERM and SIGHUP remove temporary files before they end the process. For
 * commands that do not wait for signals in an event loop. */
void output_file__drop_on_signals(void);

/* Where a temporary file is: in a buffer of the caller's, which should have PATH_MAX bytes. */
void output_file__where(const struct output_file *out, char *path, size_t size);
/* Explains why a file could not be published, and where it is. Returns err. */
int output_file__explain(const struct output_file *out, int err, struct failure *f);

/* The capabilities for opening, naming and removing files after others have been given up. */
capabilities output_file__rights(void);

#endif
