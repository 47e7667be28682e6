// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Parses the text of /proc/PID/maps, in which the process has chosen the paths. */
#include <string.h>
#include <sys/sysmacros.h>

#include "edge/proc/proc_maps.h"

#define DELETED " (deleted)"

/* Parses a hexadecimal or decimal number and the character that must follow it. */
static bool number(const char **s, const char *end, unsigned int base, char after, uint64_t *n)
{
	const char *p = *s;

	for (*n = 0; p < end && *p != after; p++) {
		unsigned int digit;

		if (*p >= '0' && *p <= '9')
			digit = (unsigned int)(*p - '0');
		else if (*p >= 'a' && *p <= 'f')
			digit = (unsigned int)(*p - 'a') + 10;
		else
			return false;
		if (digit >= base || __builtin_mul_overflow(*n, base, n) ||
		    __builtin_add_overflow(*n, digit, n))
			return false;
	}
	if (p == end || p == *s)
		return false;
	*s = p + 1;
	return true;
}

static bool permissions(const char **s, const char *end, struct proc_map *map)
{
	const char *p = *s;

	if (end - p < 5 || p[4] != ' ')
		return false;
	map->readable = p[0] == 'r';
	map->writable = p[1] == 'w';
	map->executable = p[2] == 'x';
	*s = p + 5;
	return true;
}

/* The kernel escapes only a newline in a path, as \012. */
static bool copy_path(const char *s, const char *end, struct proc_map *map)
{
	size_t n = 0, suffix = strlen(DELETED);

	map->deleted = (size_t)(end - s) > suffix && !memcmp(end - suffix, DELETED, suffix);
	if (map->deleted)
		end -= suffix;
	while (s < end) {
		if (n == sizeof(map->path) - 1 || !*s)
			return false;
		if (end - s >= 4 && !memcmp(s, "\\012", 4)) {
			map->path[n++] = '\n';
			s += 4;
		} else {
			map->path[n++] = *s++;
		}
	}
	map->path[n] = '\0';
	return true;
}

/* START-END PERMS OFFSET MAJOR:MINOR INODE [blanks PATH] */
static bool parse_line(const char *s, const char *end, struct proc_map *map)
{
	uint64_t major, minor, ino;

	if (!number(&s, end, 16, '-', &map->start) || !number(&s, end, 16, ' ', &map->end) ||
	    !permissions(&s, end, map) || !number(&s, end, 16, ' ', &map->offset) ||
	    !number(&s, end, 16, ':', &major) || !number(&s, end, 16, ' ', &minor) ||
	    !number(&s, end, 10, ' ', &ino) || map->start >= map->end)
		return false;
	map->dev = makedev((unsigned int)major, (unsigned int)minor);
	map->ino = ino;
	while (s < end && *s == ' ')
		s++;
	return copy_path(s, end, map);
}

bool proc_maps__next(const struct proc_maps *maps, size_t *position, struct proc_map *map)
{
	while (*position < maps->size) {
		const char *line = maps->text + *position;
		size_t left = maps->size - *position;
		const char *end = memchr(line, '\n', left);

		if (!end)
			end = line + left;
		*position += (size_t)(end - line);
		if (*position < maps->size)
			(*position)++;
		if (parse_line(line, end, map))
			return true;
	}
	return false;
}

const char *proc_map__basename(const struct proc_map *map)
{
	const char *slash = strrchr(map->path, '/');

	return slash ? slash + 1 : map->path;
}
