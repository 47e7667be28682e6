// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <string.h>

#include "core/base/capability.h"

#define INCLUDED_IN_SYS_ADMIN (CAPABILITIES_PROBES | CAPABILITY(CAP_CHECKPOINT_RESTORE))

static const struct {
	int number;
	const char *name;
} named[] = {
	{CAP_BPF, "CAP_BPF"},
	{CAP_PERFMON, "CAP_PERFMON"},
	{CAP_SYS_PTRACE, "CAP_SYS_PTRACE"},
	{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"},
	{CAP_DAC_READ_SEARCH, "CAP_DAC_READ_SEARCH"},
	{CAP_CHECKPOINT_RESTORE, "CAP_CHECKPOINT_RESTORE"},
};

capabilities capability__missing(capabilities have, capabilities needed)
{
	if (have & CAPABILITY(CAP_SYS_ADMIN))
		have |= INCLUDED_IN_SYS_ADMIN;
	return needed & ~have;
}

capabilities capability__least(capabilities have, capabilities needed)
{
	capabilities least = have & needed;

	if (needed & ~have & INCLUDED_IN_SYS_ADMIN)
		least |= have & CAPABILITY(CAP_SYS_ADMIN);
	return least;
}

static struct capability_names list(capabilities set, const char *separator)
{
	struct capability_names names = {""};
	size_t used = 0;

	for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
		if (set & CAPABILITY(named[i].number))
			used += (size_t)snprintf(names.s + used, sizeof(names.s) - used, "%s%s",
						 used ? separator : "", named[i].name);
	return names;
}

struct capability_names capability__names(capabilities set)
{
	return list(set, ", ");
}

struct capability_names capability__for_setcap(capabilities set)
{
	struct capability_names names = list(set, ",");

	for (char *s = names.s; *s; s++)
		*s = (char)tolower((unsigned char)*s);
	strcat(names.s, "=ep");
	return names;
}

bool capability__explain(capabilities have, bool root, capabilities needed, struct failure *f)
{
	capabilities missing = capability__missing(have, needed);

	if (!missing)
		return false;
	failure__cause(f, "missing%s: %s",
		       root ? ", although this is root; a container must be granted them" : "",
		       capability__names(missing).s);
	if (root)
		failure__command(f, "docker run --privileged --pid=host ...");
	else
		failure__command(f, "sudo gilscope ...");
	return true;
}
