// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "commands/stat_repeat.h"

static int add(struct stat_runs *r, struct snapshot *s)
{
	struct totals *list = s ? reallocarray(r->list, r->nr + 1, sizeof(*list)) : NULL;

	if (!list) {
		snapshot__free(s);
		return -ENOMEM;
	}
	r->list = list;
	totals__of(s, &list[r->nr++]);
	snapshot__free(r->last);
	r->last = s;
	return 0;
}

static int run_once(struct stat_runs *r, const struct observe_options *o, bool *over,
		    struct failure *f)
{
	struct observer *ob;
	struct snapshot *s;
	bool interrupted;
	int err = 0;

	if (observer__start(&ob, o, f, &r->status))
		return -EINVAL;
	memset(f, 0, sizeof(*f));
	observer__run(ob);
	interrupted = observer__interrupted(ob);
	observer__stop(ob);
	s = observer__snapshot(ob);
	r->status = observer__finish(ob, f);
	*over = interrupted || r->status;
	if (f->what[0]) {
		err = -ENOENT;
		snapshot__free(s);
	} else if (interrupted && r->nr) {
		snapshot__free(s);
	} else {
		err = add(r, s);
		if (err)
			failure__what(f, "out of memory");
	}
	return err;
}

int stat_repeat__run(struct stat_runs *r, struct observe_options *o, size_t repeat,
		     struct failure *f)
{
	bool over = false;
	int err = 0;

	for (size_t i = 0; !err && !over && i < repeat; i++) {
		failure__say("gilscope: run %zu of %zu", i + 1, repeat);
		o->runs_again = i + 1 < repeat;
		err = run_once(r, o, &over, f);
	}
	if (!err && r->nr < repeat)
		failure__say("gilscope: %s after %zu of %zu runs",
			     r->status ? "the command failed, so it ends" : "interrupted", r->nr,
			     repeat);
	return err;
}

void stat_runs__clear(struct stat_runs *r)
{
	free(r->list);
	snapshot__free(r->last);
	*r = (struct stat_runs){0};
}
