// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The functions of the C library that every CPython 3 calls to take and to release its GIL. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "edge/observe/sources.h"
#include "edge/sites/cond_sites.h"
#include "edge/sites/libc.h"
#include "gil_maps.h"

#define LINKED_IN "its C library is linked into it, and was found %s"

static int find(struct sources *s, struct process *p, struct site_file **file, struct failure *f)
{
	size_t length = strlen(p->source_why);

	*file = p->python.is_static
			? site_file__of_static(&s->files, s->looker, p->pid, &p->python, f)
			: site_file__of_libc(&s->files, s->looker, p->pid, f);
	if (!*file)
		return -errno;
	if ((*file)->is_static)
		snprintf(p->source_why + length, sizeof(p->source_why) - length, "%s" LINKED_IN,
			 length ? "; " : "", cond_sites__how((*file)->from));
	return 0;
}

static int look(const struct source_subject *subject, char *why, size_t size, struct failure *f)
{
	struct probe_site site[COND_SITES];
	enum cond_sites_from from;
	struct libc libc;
	int err;

	if (subject->is_static) {
		err = cond_sites__find(subject->file, subject->pid, subject->path, site, &from, f);
		if (!err)
			snprintf(why, size, LINKED_IN, cond_sites__how(from));
		return err;
	}
	if (subject->pid) {
		err = libc__find(subject->pid, &libc, f);
		if (!err)
			close(libc.fd);
	} else {
		err = elf_file__needed(subject->file, "libc.", libc.path, sizeof(libc.path));
		if (err)
			failure__what(f, "it needs no known C library");
	}
	if (!err)
		snprintf(why, size, "probes go on the condition variables of %s", libc.path);
	return err;
}

const struct source source_uprobe = {
	.name = "uprobe",
	.bit = GIL_SOURCE_COND,
	.place = SOURCE_ON_FUNCTIONS,
	.find = find,
	.look = look,
};
