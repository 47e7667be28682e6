// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "core/report/render.h"

const struct renderer renderer_table[] = {
	{"text", render_text},
	{"json", render_json},
	{.name = NULL},
};

const struct renderer *renderer__find(const char *name)
{
	for (const struct renderer *r = renderer_table; r->name; r++) {
		if (!strcmp(r->name, name))
			return r;
	}
	return NULL;
}
