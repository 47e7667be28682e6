// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/output_file.h"

/* Opens what exists already, if the policy permits that. */
static int open_existing(const char *path, enum output_policy policy)
{
	struct stat st;

	if (policy == OUTPUT_REPLACE ||
	    (policy == OUTPUT_SPARE && !stat(path, &st) && !S_ISREG(st.st_mode)))
		return open(path, O_WRONLY | O_CLOEXEC);
	errno = EEXIST;
	return -1;
}

int output_file__open(struct output_file *out, const char *path, enum output_policy policy)
{
	struct stat st;

	*out = (struct output_file){0};
	/* O_EXCL also says that the file is new, and follows no symbolic link. */
	out->fd =
		open(path,
		     O_WRONLY | O_CREAT | O_CLOEXEC | (policy == OUTPUT_APPEND ? O_APPEND : O_EXCL),
		     0666);
	out->created = out->fd >= 0 && policy != OUTPUT_APPEND;
	if (out->fd < 0 && errno == EEXIST)
		out->fd = open_existing(path, policy);
	if (out->fd < 0)
		return -errno;
	out->is_regular = !fstat(out->fd, &st) && S_ISREG(st.st_mode);
	return 0;
}

int output_file__explain(const char *path, int err, struct failure *f)
{
	failure__what(f, "cannot write to %s: %s", path, strerror(-err));
	failure__command(f, "ls -ld \"$(dirname %s)\"", path);
	return err;
}
