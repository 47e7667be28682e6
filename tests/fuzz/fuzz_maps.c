// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Any bytes as /proc/PID/maps, and as a perf map. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/perf_map.h"
#include "edge/proc/proc_maps.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct proc_maps maps = {(char *)(uintptr_t)data, size};
	size_t position = 0, last = 0;
	struct perf_map_entry e;
	struct proc_map map;

	while (proc_maps__next(&maps, &position, &map)) {
		if (position <= last || position > size || map.start >= map.end ||
		    strlen(proc_map__basename(&map)) >= sizeof(map.path))
			abort();
		last = position;
	}
	for (uint64_t address = 0x7f; address; address <<= 5)
		if (perf_map__find((const char *)data, size, address, &e) &&
		    (e.start > address || e.end <= address || e.name < (const char *)data ||
		     e.name + e.length >= (const char *)data + size))
			abort();
	return 0;
}
