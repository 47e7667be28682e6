// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <stddef.h>
#include <string.h>

#include "edge/top/terminfo.h"

static const struct {
	const char *name, *description;
} terminals[] = {
#include "terminfo_values.h"
};

const char *terminfo__compiled_in(const char *name)
{
	for (size_t i = 0; i < sizeof(terminals) / sizeof(*terminals); i++)
		if (!strcmp(terminals[i].name, name))
			return terminals[i].description;
	return NULL;
}
