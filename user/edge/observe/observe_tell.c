// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "core/base/format.h"
#include "edge/observe/observe_tell.h"
#include "edge/proc/proc_list.h"

void observe_tell__begin(const struct target *t, const struct target_spec *o, bool limited)
{
	pid_t pid = 0;
	size_t n = target__traced(t, &pid);
	const char *how = limited ? "" : "; press Ctrl-C to stop";

	if (o->argv)
		return;
	if (!n)
		failure__say("waiting for a CPython to start%s", how);
	else if (n == 1 && o->nr_pids == 1 && !o->nr_selectors &&
		 pid != proc_list__status(o->pids[0], "Tgid"))
		failure__say("observing process %d, a descendant of process %d%s", pid, o->pids[0],
			     how);
	else if (n == 1)
		failure__say("observing process %d%s", pid, how);
	else
		failure__say("observing %zu processes%s", n, how);
}

void observe_tell__progress(__u64 elapsed, __u64 whole)
{
	/* Whole seconds, as the line is drawn once a second. */
	fprintf(stderr, "\r\033[Kobserving: %llu s of %s; Ctrl-C ends it now", elapsed / 1000000000,
		format_ns(whole, true).s);
	fflush(stderr);
}

void observe_tell__progress_end(void)
{
	fputs("\r\033[K", stderr);
	fflush(stderr);
}

void observe_tell__nothing(const struct target *t, const struct target_spec *spec,
			   struct failure *f)
{
	const struct failure *refusal = target__refusal(t);

	if (refusal) {
		*f = *refusal;
		failure__what(f, "nothing was observed: %s", refusal->what);
		return;
	}
	failure__what(f, "no CPython was seen, so nothing was observed");
	if (spec->argv)
		failure__cause(f, "the command runs no CPython of a supported version, or ended "
				  "before it started one");
	else
		failure__cause(f, spec->all ? "no CPython runs on this machine"
					    : "what was named became no CPython, and started none");
}
