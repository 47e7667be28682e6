// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "core/export/export.h"

#define ROW(name, binary, growth) {#name, binary, growth, export_##name},
const struct exporter exporter_table[] = {EXPORTS(ROW, ROW){.name = NULL}};

const struct exporter *exporter__find(const char *name)
{
	for (const struct exporter *e = exporter_table; e->name; e++) {
		if (!strcmp(e->name, name))
			return e;
	}
	return NULL;
}
