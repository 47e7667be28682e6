// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Python 2's GIL is a semaphore, and the interpreter has functions of its own to take and to
 * release it. */
#include <errno.h>
#include <stdio.h>

#include "edge/observe/sources.h"
#include "edge/python/python2.h"
#include "gil_maps.h"

static int find(struct sources *s, struct process *p, struct site_file **file, struct failure *f)
{
	if (!p->python.semaphore_at)
		return 1;
	*file = site_file__of_python2(&s->files, s->looker, p->pid, &p->python, f);
	if (!*file)
		return -errno;
	snprintf(p->source_why, sizeof(p->source_why),
		 "Python 2's GIL is a semaphore, given away every %d bytecodes",
		 p->python.check_interval);
	return 0;
}

static int look(const struct source_subject *subject, char *why, size_t size, struct failure *f)
{
	struct probe_site site[PYTHON2_SITES];

	if (!subject->is_2)
		return 1;
	if (python2__sites(subject->file, site) <= 0) {
		failure__what(f, "it does not export PyThread_acquire_lock");
		return -ENOENT;
	}
	snprintf(why, size,
		 "probes go on the interpreter's own PyThread_acquire_lock and "
		 "PyThread_release_lock");
	return 0;
}

const struct source source_semaphore = {
	.name = "uprobe",
	.bit = GIL_SOURCE_SEMAPHORE,
	.place = SOURCE_ON_FUNCTIONS,
	.find = find,
	.look = look,
};
