// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The GIL probes that an interpreter carries itself. They say exactly what happens, so they come
 * first. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "edge/observe/calibrate.h"
#include "edge/observe/sources.h"
#include "edge/sites/usdt.h"
#include "gil_maps.h"

#define CARRIED "the interpreter carries GIL probes"
#define DANGER  "on this kernel they crash children made by fork"

/* True if probes in this interpreter could crash children of the process. */
static bool endangers_children(struct sources *s, const struct site_file *file)
{
	if (file->long_nop && s->fork_is_safe < 0)
		s->fork_is_safe = calibrate_fork(s->probe);
	return file->long_nop && !s->fork_is_safe;
}

static int find(struct sources *s, struct process *p, struct site_file **file, struct failure *f)
{
	struct failure why = {0};
	size_t size = sizeof(p->source_why);

	(void)f;
	*file = site_file__of_usdt(&s->files, s->looker, s->probe, p->pid, &p->python, &why);
	if (!*file && !why.what[0])
		failure__what(&why, "the interpreter's file cannot be opened: %s", strerror(errno));
	if (!*file) {
		snprintf(p->source_why, size, "%.*s", (int)size - 1, why.what);
		return 1;
	}
	if (!endangers_children(s, *file)) {
		snprintf(p->source_why, size, CARRIED);
	} else if (s->wanted) {
		snprintf(p->source_why, size,
			 "--source usdt asks for the interpreter's GIL probes; " DANGER);
	} else {
		snprintf(p->source_why, size,
			 "the interpreter's GIL probes are left alone; " DANGER);
		return 1;
	}
	return 0;
}

static int look(const struct source_subject *subject, char *text, size_t size, struct failure *f)
{
	struct failure why = {.what = "the interpreter carries no GIL probes of its own"};
	struct usdt *usdt;
	int err;

	(void)f;
	if (subject->is_2)
		return 1;
	usdt = malloc(sizeof(*usdt));
	err = usdt ? usdt__find(subject->file, usdt, &why) : -ENOMEM;
	if (!err && usdt->long_nop && subject->breaks_forks) {
		failure__what(&why, "the interpreter's GIL probes are left alone; " DANGER);
		err = -EPERM;
	}
	free(usdt);
	snprintf(text, size, "%s", err ? why.what : CARRIED);
	return err ? 1 : 0;
}

static void explain(const struct process *p, struct failure *f)
{
	failure__cause(f, "CPython has no GIL probes unless it was built with them");
	failure__command(f, "readelf -n %s | grep -A1 'Provider: python'", p->python.path);
}

const struct source source_usdt = {
	.name = "usdt",
	.bit = GIL_SOURCE_USDT,
	.place = SOURCE_IN_INTERPRETER,
	.costs_apart = true,
	.find = find,
	.look = look,
	.explain = explain,
};
