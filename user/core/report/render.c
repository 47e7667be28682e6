// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "core/report/render.h"

#define ROW(name, of_stacks, binary) {#name, of_stacks, binary, render_##name},
const struct renderer renderer_table[] = {RENDERERS(ROW, ROW){.name = NULL}};

const struct renderer *renderer__find(const char *name)
{
	for (const struct renderer *r = renderer_table; r->name; r++) {
		if (!strcmp(r->name, name))
			return r;
	}
	return NULL;
}
