// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "core/base/colour.h"

bool colour__wanted(enum colour_when when, const struct colour_environment *env, bool terminal)
{
	if (when != COLOUR_AUTO)
		return when == COLOUR_ALWAYS;
	if (env->no_color && *env->no_color)
		return false;
	if (env->clicolor_force && *env->clicolor_force && strcmp(env->clicolor_force, "0") != 0)
		return true;
	return terminal && !(env->term && !strcmp(env->term, "dumb"));
}
