// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as /proc/PID/maps. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "edge/proc/proc_maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proc_maps maps = {(char *)(uintptr_t)data, size};
	size_t position = 0, last = 0;
	struct proc_map map;

	while (proc_maps__next(&maps, &position, &map)) {
		if (position <= last || position > size || map.start >= map.end ||
		    strlen(proc_map__basename(&map)) >= sizeof(map.path))
			abort();
		last = position;
	}
	return 0;
}
