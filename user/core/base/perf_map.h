/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Perf maps: /tmp/perf-PID.map, in which a program that compiles code while it runs says which function
 * is where. The interpreter writes one with -X perf (3.12), and just-in-time compilers do.
 */
#ifndef PERF_MAP_H
#define PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct perf_map_entry {
	uint64_t start, end;
	const char *name; /* within the text, without an end of its own */
	size_t length;
};

/* Finds the function at the address in a map, or a part of one, of `size` bytes. If several have been
 * there, it is the last one. False if there is none. */
bool perf_map__find(const char *text, size_t size, uint64_t address, struct perf_map_entry *found);

#endif
