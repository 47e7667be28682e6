// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* No probes at all: the scheduler shows which threads sleep on the GIL's condition variable. That
 * tells of waits, and not of holds. */
#include <errno.h>
#include <stdio.h>

#include "edge/observe/sources.h"
#include "gil_maps.h"

/* Says why not, where the waiting threads do not sleep on a word of the GIL's; "" if they do. */
static const char *unsuited(const struct process *p, const struct site_file *libc)
{
	if (p->python.semaphore_at || p->python.major < 3)
		return "Python 2's GIL is a semaphore, which tells nobody who has it";
	if (p->python.is_static)
		return "its C library is linked into it, and it is not known on which words of a "
		       "condition variable its threads sleep";
	if (libc->is_musl)
		return "in musl, threads sleep on words of their own stacks, not of the GIL's "
		       "condition variable";
	return "";
}

static int find(struct sources *s, struct process *p, struct site_file **file, struct failure *f)
{
	struct site_file *libc = NULL;
	const char *why;

	*file = NULL;
	if (!sources__wants_no_probes(s))
		return 1;
	if (!p->python.semaphore_at && !p->python.is_static) {
		libc = site_file__of_libc(&s->files, s->looker, p->pid, f);
		if (!libc)
			return -errno;
	}
	why = unsuited(p, libc);
	snprintf(p->source_why, sizeof(p->source_why), "%s",
		 *why ? why
		      : "no probe is in the process, and only waits in which a thread sleeps are "
			"seen");
	return *why ? 1 : 0;
}

/* It is only taken if it is asked for. */
static int look(const struct source_subject *subject, char *why, size_t size, struct failure *f)
{
	(void)subject, (void)why, (void)size, (void)f;
	return 1;
}

static void explain(const struct process *p, struct failure *f)
{
	failure__cause(f, "without probes, waits are seen by the words on which threads sleep");
	failure__command(f, "gilscope stat --source uprobe -p %d", p->pid);
}

const struct source source_futex = {
	.name = "futex",
	.bit = GIL_SOURCE_FUTEX,
	.place = SOURCE_NOWHERE,
	.waits_only = true,
	.find = find,
	.look = look,
	.explain = explain,
};
